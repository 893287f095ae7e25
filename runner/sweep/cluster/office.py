"""A worker's place on a node: the experiment's tree laid out from content, its environment, and runs made in it."""

import os
import pickle
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from experiment.environment import EnvironmentRecord, HardwareRecord
from experiment.spec import Experiment
from experiment.value import Scalar
from runner import source
from runner.container.opening import Opening
from runner.environment.prepared import Prepared, prepare
from runner.environment.variables import on_node
from runner.environment.venv import cache_folder
from runner.execute import Bench, Job, SeenPoint, execute
from runner.runtime import Slot
from runner.source import SourceTree
from runner.store import Store
from runner.sweep.cluster import guardian, keeping, processors
from runner.sweep.cluster.content import Manifest
from runner.sweep.cluster.results import Packed, pack
from runner.sweep.cluster.store import ContentStore

OPENER = f"{__name__}:found"


@dataclass(frozen=True)
class Assignment:
    """What is sent to every worker before it makes runs. `tree.root` is a folder of who sends it, and not used."""

    experiment: Experiment
    tree: SourceTree
    manifest: Manifest
    data: Mapping[str, str]
    variables: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Errand:
    """One run."""

    params: Mapping[str, Scalar]
    seed: int


@dataclass(frozen=True)
class Opened:
    """What runs of an office are made in."""

    environment: EnvironmentRecord
    hardware: HardwareRecord
    label: str


@dataclass
class Office:
    """A folder of its own below the node's cache, which its guardian removes when this process has ended."""

    assignment: Assignment
    say: Callable[[str], None]
    inherited: Mapping[str, str]
    content: ContentStore
    lease: keeping.Lease  # on the content: it is in use here
    folder: Path
    prepared: Prepared | None = None
    slot: Slot = field(default_factory=Slot)

    def missing(self) -> list[int]:
        """Parcels of content that are not on this node."""
        return self.content.missing(self.assignment.manifest)

    def fill(self, parcel: int, content: bytes, last: bool) -> None:
        """Take the next part of a parcel. Raises FileChanged."""
        part = self.folder / f"parcel-{parcel}"
        with part.open("ab") as file:
            file.write(content)
        if last:
            self.content.fill(self.assignment.manifest.parcels[parcel], part)
            part.unlink()

    def open(self) -> Opened:
        """Lay out the tree, rebuild the environment. Raises what `prepare` and a container's Opening raise."""
        given, root = self.assignment, self.folder / "tree"
        keeping.tidy(self.content.folder, keeping.most_bytes(self.content.folder))
        (root / given.tree.folder).mkdir(parents=True)
        self.content.lay_out(given.manifest, root)
        self.tree = replace(given.tree, root=root, checkout=False)
        self.store = Store(self.folder / source.STATE)
        self.store.prepare()
        resources, spec = given.experiment.resources, given.experiment.environment
        if spec.chosen == "lock":
            folder = root / given.tree.folder
            self.prepared = prepare(spec, folder, resources.cpus, self.inherited, self.say)
        else:
            opening = Opening(given.experiment, self.tree, given.data, self.store, self.inherited, self.say)
            self.prepared = opening.prepare()
        self.slot = self._share()
        return Opened(self.prepared.environment, self.prepared.hardware, self.prepared.label)

    def _share(self) -> Slot:
        import ray

        resources = self.assignment.experiment.resources
        gpus = tuple(int(number) for number in ray.get_gpu_ids()) if resources.gpus else None
        usable = sorted(os.sched_getaffinity(0))
        cpus = None
        if resources.cpus is not None:
            cpus = processors.hold(cache_folder(self.inherited).parent / "processors", resources.cpus, usable)
        return Slot(cpus, gpus)

    def make(self, errand: bytes, hear: Callable[[SeenPoint], None], ended: threading.Event) -> Packed:
        """One run, as what is in its folder; `hear` gets its points, where a pruner wants them.

        Raises what `execute` raises.
        """
        import ray

        asked: Errand = pickle.loads(errand)
        given = self.assignment.experiment
        assert self.prepared is not None
        experiment = given.model_copy(update={"params": dict(asked.params)})
        job = Job(experiment, self.tree, self.prepared, asked.seed, self.assignment.data)
        sweep = given.sweep
        seen = hear if sweep is not None and sweep.pruner != "none" else _nobody
        made = execute(job, Bench(self.store, self.slot, _nobody, ended, seen))
        packed = pack(made.folder, ray.put)
        shutil.rmtree(made.folder)
        return packed

    def close(self) -> None:
        """Leave nothing here but content and environments; what a run still writes meanwhile, its guardian removes."""
        if self.prepared is not None:
            self.prepared.runtime.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.lease.end()


def _nobody(_: object) -> None:
    """Does not listen."""


def found(assignment: bytes, say: Callable[[str], None]) -> Office:
    """An office for `assignment`, which is an Assignment, pickled: who sends it may run anything here anyway."""
    given: Assignment = pickle.loads(assignment)
    inherited = on_node(os.environ, given.variables)
    cache = cache_folder(inherited).parent
    offices = cache / "offices"
    offices.mkdir(parents=True, exist_ok=True)
    folder = offices / f"{os.getpid()}-{secrets.token_hex(4)}"
    _guard(folder)  # before it is there: this process may be killed at any time
    folder.mkdir(0o700)
    content = ContentStore(cache / "content")
    leased = keeping.lease(content.folder, {entry.sha256 for entry in given.manifest.entries if entry.link is None})
    return Office(given, say, inherited, content, leased, folder)


def _guard(folder: Path) -> None:
    """Start the guardian of this process, which sees its end by that of a descriptor that nobody else has."""
    reading, _ = os.pipe()
    try:
        command = [sys.executable, "-I", guardian.__file__, str(reading), f"{os.getpid()}-", str(folder)]
        null = subprocess.DEVNULL
        subprocess.run(
            command, pass_fds=[reading], check=True, stdin=null, stdout=null, stderr=null, start_new_session=True
        )
    finally:
        os.close(reading)
