"""A stranger's pull request whose job has ended: what it left, and our report on it. Nothing is trained here."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actions import Stepped
from builders import a_baseline, a_bundle, a_snapshot
from forge.clocks import TestClock
from forge.server import Forge
from occasions import a_workflow_run, environment

from action import github
from action.commands import read_outputs
from action.comment import Text, read
from experiment import baseline, bundle
from experiment.bundle import Bundle

WORKFLOW = ".github/workflows/reproduce.yml"
SPEC = """\
experiment: digits
environment: {lock: requirements.lock}
command: python train.py --epochs {epochs} --lr {lr}
params: {epochs: 200, lr: 0.001}
metrics:
  test/accuracy: {goal: maximize, margin: 0.005}
  test/loss: {goal: minimize}
  runtime_s: {goal: minimize, gate: false}
"""


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip as the artifact service makes one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


@dataclass
class Stranger:
    """A pull request 7 from stranger/train, run 500 of it, and our forge."""

    folder: Path
    forge: Forge
    base: str
    head: str

    @classmethod
    def opens_a_pull_request(cls, folder: Path, forge: Forge, changes: dict[str, bytes] | None = None) -> "Stranger":
        """Their head changes `changes` (train.py unless told)."""
        ours = {
            "ml-experiment.yaml": SPEC.encode(),
            "baselines/digits.json": baseline.dumps(a_baseline()).encode(),
            "train.py": b"x",
            WORKFLOW: b"name: ml-experiment\n",
        }
        base = forge.git.commit_files(ours, branch="main")
        head = forge.git.commit_files(changes or {"train.py": b"y"}, base)
        forge.state.token()
        forge.state.a_pull(7, head, base, "stranger/train")
        forge.state.runs[500] = {
            "id": 500, "event": "pull_request", "path": WORKFLOW, "head_sha": head, "head_branch": "topic",
            "head_repository": {"full_name": "stranger/train"}, "created_at": "2026-11-24T11:00:00Z",
            "run_attempt": 1, "status": "completed",
        }  # fmt: skip
        return cls(folder, forge, base, head)

    def bundle(self, **changes: Any) -> Bundle:
        """Their bundle: worse than our baseline, and of their head."""
        candidate = changes.pop("candidate", None) or a_snapshot(commit=self.head)
        return a_bundle(candidate, **changes)

    def leaves(self, content: bytes, name: str = "ml-experiment-digits") -> None:
        """Their job ends, with this artifact."""
        self.forge.state.an_artifact(500, name, content)

    def leaves_bundle(self, found: Bundle) -> None:
        """The same with a bundle as we write it."""
        self.leaves(zipped(("bundle.zip", bundle.dumps(found))))

    def leaves_json(self, content: bytes) -> None:
        """The same with any bytes in its place."""
        self.leaves(zipped(("bundle.zip", zipped(("bundle.json", content)))))

    def is_reported(self, **inputs: str) -> Stepped:
        """Our second job."""
        place = self.folder / "report"
        given = environment(place, "workflow_run", a_workflow_run(head=self.head), github_token="ghs_own", **inputs)
        given |= {"GITHUB_API_URL": self.forge.url, "GITHUB_RUN_ID": "501"}
        out = io.StringIO()
        code = github.run(given, out, TestClock())
        outputs = read_outputs((place / "output").read_text())
        return Stepped(code, out.getvalue(), outputs, (place / "summary").read_text())

    def check(self) -> dict[str, Any]:
        """The one check run."""
        (found,) = self.forge.state.checks.values()
        return found

    def comments(self) -> list[Text]:
        """What we said."""
        return [text for one in self.forge.state.comments.values() if (text := read(one["body"]))]
