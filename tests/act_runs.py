"""Our Action, image and starter workflows run by act on a copy of this repository: real engine, the tests' forge."""

import fcntl
import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from container_bed import Bed, builder_image
from forge.server import Forge
from forge.state import FORK_TOKEN, OWN_TOKEN
from occasions import a_pull_request, a_push

ROOT = Path(__file__).parents[1]
VERSION = "v0.2.89"
_UPLOAD = re.compile(r"      - uses: actions/upload-artifact.*?(?=\n      - |\Z)", re.DOTALL)
_DOWNLOAD = re.compile(r"      - uses: actions/download-artifact.*?(?=\n      - )\n", re.DOTALL)
_OUTPUTS = """      - if: always()
        env: {OUT: "${{ toJSON(steps.experiment.outputs) }}"}
        run: echo "handed on $(echo $OUT)"
"""


def act() -> Path:
    """act, built from the Go module proxy the first time."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = root / "ml-experiment-tests" / f"act-{VERSION}"
    if not (folder / "act").exists():
        environ = {**os.environ, "GOBIN": str(folder)}
        subprocess.run(["go", "install", f"github.com/nektos/act@{VERSION}"], env=environ, check=True, timeout=900)
    return folder / "act"


@dataclass(frozen=True)
class Acted:
    """How a run ended."""

    code: int
    log: str

    @property
    def outputs(self) -> dict[str, str]:
        """What the step handed to the next one."""
        found = re.search(r"handed on (\{.*\})", self.log)
        assert found, self.log[-3000:]
        outputs: dict[str, str] = json.loads(found[1])
        return outputs


def our_action(folder: Path, bed: Bed) -> Path:
    """This tree in `folder`, its image on the bed's base and with the bed's builder."""
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    text = (folder / "Dockerfile").read_text(encoding="utf-8")
    for name, stands_for_it in (("BASE", bed.base), ("BUILDX", builder_image(bed))):
        text = re.sub(f"(?m)^ARG {name}=.*$", f"ARG {name}={stands_for_it}", text)
    (folder / "Dockerfile").write_text(text, encoding="utf-8")
    return folder


def as_act_can(workflow: str) -> str:
    """A starter workflow without what act cannot do, and with the outputs in the log."""
    return _UPLOAD.sub(_OUTPUTS, _DOWNLOAD.sub("", re.sub(r"          ref: .*\n", "", workflow)))


@dataclass(frozen=True)
class Copy:
    """This repository as a user's, with a starter workflow in its place. What act cannot do is taken out.

    The image's base and builder are the test bed's; `uses:` is this very tree; act checks out by itself and fetches no
    other action.
    """

    folder: Path
    forge: Forge
    bed: Bed
    action: Path | None = None  # what `uses: ml-experiment/ml-experiment@v0` stands for

    @classmethod
    def make(cls, folder: Path, forge: Forge, bed: Bed, *workflows: str, experiment: str = "examples/digits") -> "Copy":
        made = cls(our_action(folder, bed), forge, bed)
        for workflow in workflows:
            text = (ROOT / "workflows" / workflow).read_text(encoding="utf-8")
            text = re.sub(r"uses: ml-experiment/ml-experiment@v0.*", "uses: ./", text)
            text = as_act_can(text.replace("# experiment: models/primaries", f"experiment: {experiment}"))
            place = folder / ".github" / "workflows" / workflow
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        made.git("remote", "set-url", "origin", "https://github.com/acme/train")
        made.commit("The starter workflow")
        made.push("main")
        return made

    def git(self, *args: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        done = subprocess.run(["git", *who, *args], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def push(self, branch: str) -> str:
        self.git("push", "-q", "-f", str(self.forge.git.folder), f"HEAD:refs/heads/{branch}")
        return self.git("rev-parse", "HEAD")

    def rewrite(self, name: str, change: Any) -> None:
        path = self.folder / name
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

    def train_less(self, branch: str) -> None:
        """A change that costs: 40 epochs instead of 200."""
        self.git("checkout", "-q", "-B", branch)
        spec = "examples/digits/ml-experiment.yaml"
        self.rewrite(spec, lambda text: text.replace("epochs: 200", "epochs: 40"))
        self.commit("Train for 40 epochs")

    def in_a_container(self) -> None:
        """The default branch's digits with an image of the bed's registry for its environment."""
        name = f"{self.bed.registry}/ml-experiment-bed/digits"
        build = ["docker", "build", "-q", "--network", "host", "--build-arg", f"BASE={self.bed.base}", "-t", name]
        for command in ([*build, "examples/digits"], ["docker", "push", "-q", name]):
            subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        told = ["docker", "image", "inspect", name, "--format", "{{index .RepoDigests 0}}"]
        image = subprocess.run(told, check=True, capture_output=True, text=True).stdout.strip()
        self._train_in(f"{{image: '{image}'}}")

    def in_what_its_dockerfile_makes(self) -> None:
        """The default branch's digits in a container that is built from its Dockerfile on the bed's base."""
        self._train_in(f"{{dockerfile: Dockerfile, build: {{args: {{BASE: '{self.bed.base}'}}, network: host}}}}")

    def _train_in(self, environment: str) -> None:
        self.rewrite(
            "examples/digits/ml-experiment.yaml",
            lambda text: re.sub(r"(?m)^environment:\n(?:  .*\n)+", f"environment: {environment}\n", text),
        )
        self.commit("Train in a container")
        self.push("main")

    def pull_request(self, source: str) -> dict[str, Any]:
        head, base = self.push("topic"), self.forge.git.branch("main")
        self.forge.state.a_pull(7, head, base, source)
        return a_pull_request(head=head, base=base, source=source)

    def run(self, name: str, event: Mapping[str, Any], workflow: str, may: dict[str, str] | None = None) -> Acted:
        """act's run of the workflow on this event."""
        token = self.forge.state.token("ghs_act", may or OWN_TOKEN)
        path = self.folder.parent / "event.json"
        path.write_text(json.dumps(event), encoding="utf-8")
        command = [
            str(act()), name, "-W", f".github/workflows/{workflow}", "-e", str(path), "--pull=false",
            "--network", "host", "-P", f"ubuntu-24.04={self.bed.base}", "-s", f"GITHUB_TOKEN={token}",
            "--env", f"GITHUB_API_URL={self.forge.url}", "--env", "GITHUB_RUN_ID=77",
            "--env", "RUNNER_ENVIRONMENT=github-hosted",
        ]  # fmt: skip
        if self.action is not None:
            command += ["--local-repository", f"ml-experiment/ml-experiment@v0={self.action}"]
        with (act().parent / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # act names containers and images by the workflow: one run at a time
            _remove_what_a_killed_act_left()
            done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=1500)
        return Acted(done.returncode, re.sub(r"^\[[^\]]*\]\s+\| ?", "", done.stdout + done.stderr, flags=re.M))


def _remove_what_a_killed_act_left() -> None:
    """Containers and volumes of its names; with them there, it cannot set up a job of that workflow again."""
    for found, remove in (
        (["ps", "-aq", "--filter", "name=^act-ml-experiment"], ["rm", "-fv"]),
        (["volume", "ls", "-q", "--filter", "name=^act-ml-experiment"], ["volume", "rm", "-f"]),
    ):
        left = subprocess.run(["docker", *found], capture_output=True, text=True, check=True).stdout.split()
        if left:
            subprocess.run(["docker", *remove, *left], capture_output=True, check=False)


def dispatched(**inputs: str) -> dict[str, Any]:
    """Somebody pressed the button on main."""
    return {"repository": a_push()["repository"], "ref": "refs/heads/main", "inputs": inputs}


__all__ = ["FORK_TOKEN", "Acted", "Copy", "a_push", "dispatched"]
