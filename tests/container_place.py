"""A repository with a script, and the container environment its runs are made in."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiment import record
from experiment.record import Status
from experiment.spec import EnvironmentSpec, Experiment, Metric
from runner import data, source
from runner.container.labels import SESSION
from runner.container.opening import Opening
from runner.environment.prepared import Prepared
from runner.execute import Bench, Finished, Job, Progress, execute
from runner.runtime import Slot
from runner.store import Store

LOSS = Metric(pattern=r"loss (?P<value>\S+)")


@dataclass
class Place:
    """`spec` holds keys of the experiment file that all runs share."""

    root: Path
    inherited: dict[str, str]
    spec: dict[str, Any]
    seen: list[Progress] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def make(cls, root: Path, cache: Path, **spec: Any) -> "Place":
        """An empty repository. `spec` names the environment, as keys of EnvironmentSpec."""
        root.mkdir(parents=True)
        subprocess.run(["git", "init", "-q", root], check=True)
        environment = EnvironmentSpec(**spec)
        inherited = {**os.environ, "ML_EXPERIMENT_CACHE": str(cache), "CI": ""}  # its trees are not committed
        return cls(
            root, inherited, {"environment": environment, "command": "python3 train.py", "metrics": {"loss": LOSS}}
        )

    @property
    def store(self) -> Store:
        """Where its runs are recorded."""
        store = Store(self.root / ".ml-experiment")
        store.prepare()
        return store

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def commit(self) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *who, "add", "-A"], cwd=self.root, check=True)
        subprocess.run(["git", *who, "commit", "-q", "--allow-empty", "-m", "x"], cwd=self.root, check=True)

    def experiment(self, **changes: Any) -> Experiment:
        return Experiment(**{"experiment": "x", **self.spec, **changes})

    @contextmanager
    def prepared(self, experiment: Experiment) -> Iterator[Prepared]:
        """The environment, and nothing left of it in the engine afterwards."""
        checked = data.check(experiment.data, self.root)
        opening = Opening(experiment, source.find(self.root), checked, self.store, self.inherited, self.said.append)
        prepared = opening.prepare()
        try:
            yield prepared
        finally:
            prepared.runtime.close()

    def run(self, script: str, seed: int = 0, **changes: Any) -> Finished:
        """One run of `script`, its environment made for it alone."""
        self.write("train.py", script)
        experiment = self.experiment(**changes)
        with self.prepared(experiment) as prepared:
            return self.once(experiment, prepared, seed)

    def once(self, experiment: Experiment, prepared: Prepared, seed: int = 0) -> Finished:
        job = Job(experiment, source.find(self.root), prepared, seed, data.check(experiment.data, self.root))
        return execute(job, Bench(self.store, Slot(cpus=(0,)), self.seen.append, self.cancelled))


def outcome(found: Finished) -> tuple[Status, str]:
    """How it ended, as it was recorded."""
    assert record.read(found.folder).to_json() == found.record.to_json()
    return found.record.outcome.status, found.record.outcome.reason


def labelled(folder: Path) -> list[str]:
    """Everything in the engine that belongs to a session of the experiment in `folder`."""
    found = []
    for kind, name in ((["ps", "-a"], "{{.Names}}"), (["volume", "ls"], "{{.Name}}"), (["network", "ls"], "{{.Name}}")):
        form = f'{name} {{{{.Label "ml-experiment.lease"}}}}'
        command = ["docker", *kind, "--filter", f"label={SESSION}", "--format", form]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found += [line for line in told.splitlines() if str(folder.resolve()) in line]
    return found
