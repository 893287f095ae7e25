"""Small git repositories with an experiment of a tenth of a second, and the command as a person runs it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "action.cli")
ROOT = Path(__file__).parents[1]

TRAIN = """\
import json, random
accuracy = 0.9 + random.gauss(0, 0.005)
for step in range(1, 4):
    print(f"step {step} of 3")
json.dump({"accuracy": accuracy}, open("metrics.json", "w"))
"""

EXPERIMENT = """\
experiment: tiny
environment: {lock: requirements.lock}
command: python train.py
seeds: [0, 1, 2, 3, 4]
metric_files: [metrics.json]
metrics:
  accuracy: {goal: maximize}
resources: {cpus: 1, timeout: 60s}
"""


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON value and nothing else."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Repository:
    """A folder with an experiment file, a lock and a script."""

    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, folder: Path, environ: Mapping[str, str]) -> "Repository":
        """The smallest experiment, committed."""
        folder.mkdir(parents=True)
        made = cls(folder, environ)
        made.write("train.py", TRAIN)
        made.write("requirements.lock", "# no packages\n")
        made.write("ml-experiment.yaml", EXPERIMENT)
        made.git("init", "-q")
        made.commit()
        return made

    def copy(self, folder: Path) -> "Repository":
        """The same with all that is recorded, elsewhere."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Repository(folder, self.environ)

    def git(self, *args: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *who, *args], cwd=self.folder, check=True, capture_output=True)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def change(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def variables(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return {**os.environ, "COLUMNS": "200", "PYTHONPATH": str(ROOT), **self.environ, **(more or {})}

    def run(
        self, *args: str, cwd: Path | None = None, environ: Mapping[str, str] | None = None, bug: bool = False
    ) -> Done:
        """`ml-experiment ARGS` in the repository, not on a terminal. It must never show a traceback of its own.

        `bug`: that it meets one is wanted.
        """
        done = subprocess.run(
            [*COMMAND, *args],
            cwd=cwd or self.folder, env=self.variables(environ), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert "action/" not in done.stdout + done.stderr
        found = "" if bug else "".join(file.read_text() for file in self.state.glob("bug-*.txt"))
        assert not found, found
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *args: str, **options: Any) -> "subprocess.Popen[str]":
        """The same, not waited for."""
        return subprocess.Popen(
            [*COMMAND, *args],
            cwd=self.folder, env=self.variables(), text=True,
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )  # fmt: skip

    @property
    def state(self) -> Path:
        return self.folder / ".ml-experiment"

    def recorded(self) -> dict[str, str]:
        """Every file of every recorded run with its digest: what must never be lost."""
        runs = self.state / "runs"
        return {
            str(path.relative_to(runs)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in runs.rglob("*")
            if path.is_file()
        }

    def records(self) -> list[Any]:
        """Every run.json, by the time it began."""
        found = [json.loads(path.read_text()) for path in (self.state / "runs").glob("*/run.json")]
        return sorted(found, key=lambda record: record["started"])


def lines(text: str) -> Sequence[str]:
    """Lines without what surrounds them."""
    return [line.strip() for line in text.splitlines() if line.strip()]
