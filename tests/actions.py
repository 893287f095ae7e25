"""A step of a workflow as GitHub runs it: a checkout, an event, a forge, and what the step left behind."""

import io
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forge.clocks import TestClock
from forge.server import Forge
from occasions import a_pull_request, environment
from repositories import Repository
from runner_model import Runner

from action import github
from action.commands import read_outputs
from action.comment import Text, read


@dataclass(frozen=True)
class Stepped:
    """How a step ended."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str

    @property
    def runner(self) -> Runner:
        """The log as the runner reads it."""
        runner = Runner()
        runner.read(self.log)
        return runner


@dataclass(frozen=True)
class Setting:
    """A repository, checked out here and held by the forge."""

    repository: Repository
    forge: Forge
    folder: Path

    @classmethod
    def on_main(cls, repository: Repository, forge: Forge, folder: Path) -> "Setting":
        """What is in the repository, committed and held by the forge as its default branch."""
        repository.commit()
        made = cls(repository, forge, folder)
        forge.state.token()
        made.git("branch", "-M", "main")
        made.push("main")
        return made

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def git(self, *args: str) -> str:
        done = subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *args],
            cwd=self.repository.folder, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def push(self, branch: str) -> str:
        """The commit that is checked out, on a branch of the forge."""
        self.git("push", "-q", "-f", str(self.forge.git.folder), f"HEAD:refs/heads/{branch}")
        return self.head

    def pull_request(
        self, number: int = 7, source: str = "acme/train", action: str = "synchronize", **more: Any
    ) -> dict[str, Any]:
        """What is checked out as the head of a pull request onto main."""
        head, base, number = self.push("topic"), self.forge.git.branch("main"), 7
        if number in self.forge.state.pulls:
            self.forge.state.pulls[number]["head"]["sha"] = head
        else:
            self.forge.state.a_pull(number, head, base, source)
        return a_pull_request(head=head, base=base, source=source, action=action, **more)

    def environment(self, name: str, event: Mapping[str, Any], token: str, run: int, **inputs: str) -> dict[str, str]:
        """What the runner sets."""
        given = environment(self.folder / f"step-{run}", name, dict(event), github_token=token, **inputs)
        given |= {
            "GITHUB_API_URL": self.forge.url,
            "GITHUB_WORKSPACE": str(self.repository.folder),
            "GITHUB_RUN_ID": str(run),
            "GITHUB_SHA": self.head,
        }
        given |= {"GITHUB_REF": event["ref"]} if "ref" in event else {}
        return {**self.repository.variables(), **given}

    def step(
        self, name: str, event: Mapping[str, Any], *, token: str = "ghs_own", run: int = 1000, **inputs: str
    ) -> Stepped:
        """Run `python -m action` as the runner would."""
        done = subprocess.run(
            [sys.executable, "-m", "action"],
            cwd=self.repository.folder, env=self.environment(name, event, token, run, **inputs),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.stderr == "", done.stderr
        return self._left(done.returncode, done.stdout, run)

    def hurried_step(
        self, name: str, event: Mapping[str, Any], *, token: str = "ghs_own", run: int = 1000, **inputs: str
    ) -> Stepped:
        """The same in this process, by a clock that waits no longer than it must."""
        out = io.StringIO()
        code = github.run(self.environment(name, event, token, run, **inputs), out, TestClock())
        return self._left(code, out.getvalue(), run)

    def _left(self, code: int, log: str, run: int) -> Stepped:
        folder = self.folder / f"step-{run}"
        outputs = read_outputs((folder / "output").read_text())
        return Stepped(code, log, outputs, (folder / "summary").read_text())

    def comments(self) -> list[Text]:
        """What we said on pull requests."""
        return [text for one in self.forge.state.comments.values() if (text := read(one["body"]))]

    def check(self) -> dict[str, Any]:
        """The only check run there is."""
        (found,) = self.forge.state.checks.values()
        return found


def artifact(bundle: bytes, **more: bytes) -> bytes:
    """What actions/upload-artifact makes of it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bundle.zip", bundle)
        for name, content in more.items():
            archive.writestr(name, content)
    return buffer.getvalue()
