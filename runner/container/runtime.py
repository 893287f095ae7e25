"""Runs in containers: a fresh sandbox for each, with the tree in capped memory, and nothing of it left afterwards."""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from experiment.errors import InfrastructureFailed
from experiment.record import Outcome, Seeding, Status, Usage
from experiment.spec import Resources
from runner import injection
from runner.capture import Captured
from runner.container import objects, packing, paths
from runner.container.engine import Engine, EngineLost, failures
from runner.container.gate import Gate, Gatekeeper
from runner.container.image import Image
from runner.container.lease import Lease
from runner.container.live import Live
from runner.container.outcome import outcome_of
from runner.container.readback import fetch
from runner.container.removal import remove_session
from runner.container.watch import Watch, Watched
from runner.output import BoundedLog
from runner.runtime import Ears, Left, Slot, Task
from runner.sandbox import Limits, Sandbox, Volume

if TYPE_CHECKING:
    from docker import APIClient

DISK = 10 * 2**30
SHM = 2**30
ATTEMPTS = 3
_PATIENCE_S = 900.0  # beyond a run's own time limit: starting, reading back, an engine that restarts
_HOLDER = Limits(memory=512 * 2**20, shm=2**20, scratch=2**20, processes=64)
_WAITS = "read _"  # on a standard input that nobody ever closes


@dataclass(frozen=True)
class ContainerRuntime:
    """Everything runs of one session share. `data`: SHA-256 -> its volume, and the place of the file inside."""

    engine: Engine
    image: Image
    lease: Lease
    kit: Volume
    data: Mapping[str, tuple[Volume, PurePosixPath]]
    memory: int  # bytes of this machine: the limit where the experiment file sets none
    gpus: tuple[str, ...]  # UUIDs, in the order of their numbers
    gpus_now: Callable[[], tuple[str, ...]]  # the same, asked again
    variables: Mapping[str, str] = field(repr=False)
    held: contextlib.ExitStack = field(repr=False)

    def run(self, task: Task, slot: Slot, work: Path, ears: Ears, cancelled: threading.Event) -> Left:
        """One run; made again, at most twice, where the machine failed and not the code."""
        retried: list[str] = []
        while True:
            attempt = work / f"attempt-{len(retried) + 1}"
            attempt.mkdir()
            try:
                left = self._attempt(task, slot, attempt, ears, cancelled)
            except EngineLost as lost:
                left = _nothing_left(Outcome(status=Status.INFRA_ERROR, reason=str(lost)), attempt)
            again = left.outcome.status is Status.INFRA_ERROR and not cancelled.is_set()
            if not again or len(retried) + 1 == ATTEMPTS:
                return replace(left, retried=tuple(retried))
            retried.append(left.outcome.reason)
            ears.again()

    def close(self) -> None:
        """Remove everything of this session from the engine, and let the lease go."""
        self.held.close()

    def _attempt(self, task: Task, slot: Slot, work: Path, ears: Ears, cancelled: threading.Event) -> Left:
        broken: tuple[type[Exception], ...] = (*failures(), OSError)
        try:
            with self._work(task) as (name, holder):
                if cancelled.is_set():  # a program that just begins would not hear that it should end
                    return _nothing_left(Outcome(status=Status.CANCELLED, reason="cancelled"), work)
                return self._in(_Place(name, holder, work), task, slot, ears, cancelled)
        except broken as error:
            raise EngineLost(f"the engine failed: {' '.join(str(error).split())[:300]}") from None

    @contextlib.contextmanager
    def _work(self, task: Task) -> Iterator[tuple[str, str]]:
        """A name for the run, and the container that keeps its work volume while it is made and read back."""
        name = f"ml-experiment-{self.lease.session[:12]}-{task.seed}-{uuid.uuid4().hex[:8]}"
        with self.engine.api() as api:
            try:
                objects.capped_volume(api, name, task.resources.disk or DISK, self.labels(task.resources, "work"))
                yield name, self._holder(api, name, task)
            finally:
                with contextlib.suppress(Exception):  # what does not go now goes with the session, or by its watchdog
                    objects.remove(api, _holder_of(name))
                    objects.remove_volume(api, name)

    def _holder(self, api: "APIClient", name: str, task: Task) -> str:
        """A container that keeps the work volume, filled."""
        asked = Sandbox(
            image=self.image.id,
            command=_WAITS,
            folder="/",
            labels=self.labels(task.resources, "holder"),
            limits=_HOLDER,
            volumes=(self.kit, Volume(name, str(paths.WORK), writable=True)),
            in_memory=self.image.volumes,
            listens=True,
        )
        holder = objects.create(api, asked, _holder_of(name))
        api.start(holder)
        places = {path: self.data[sha256][1] for path, sha256 in task.data.items()}
        with packing.tree(task, places) as packed:
            objects.put(api, holder, str(paths.WORK), packed)
        return holder

    def _in(self, place: "_Place", task: Task, slot: Slot, ears: Ears, cancelled: threading.Event) -> Left:
        keeper = Gatekeeper(self.image.id, self.kit, self.image.volumes)
        labels = self.labels(task.resources, "gate")
        with self.engine.api() as api:
            with keeper.opened(api, task.resources.network, place.name, labels) as gate:
                sandbox = self.sandbox(place.name, task, slot, gate)
                watched = self._watched(place, sandbox, task.resources.timeout, ears, cancelled)
                network = gate.record()
            if watched.away:
                _still_there(api, place.holder)
            fetched = fetch(api, place.holder, task, place.work, task.resources.disk or DISK)
        outcome = outcome_of(watched.end, watched.stopped, task.resources.timeout, sandbox.limits.memory)
        if fetched.refused and outcome.status is Status.OK:
            outcome = Outcome(status=Status.INVALID, exit_code=0, reason=fetched.refused[0])
        lost = set(sandbox.gpus) - set(self.gpus_now()) if outcome.status is Status.USER_ERROR and sandbox.gpus else ()
        if lost:
            outcome = Outcome(
                status=Status.INFRA_ERROR, reason=f"GPU {min(lost)} was lost: the driver knows it no more"
            )
        captured = fetched.captured
        usage = Usage(
            wall_s=watched.wall_s,
            cpu_s=watched.samples.cpu_s,
            peak_memory_bytes=watched.samples.peak_memory_bytes,
            peak_gpu_memory_bytes=captured.peak_gpu_memory_bytes,
        )
        return Left(
            outcome, usage, watched.log, captured, fetched.root, fetched.untouched,
            reached=dict(network.reached), refused=dict(network.refused),
        )  # fmt: skip

    def _watched(
        self, place: "_Place", sandbox: Sandbox, timeout: float, ears: Ears, cancelled: threading.Event
    ) -> Watched:
        with self.engine.api() as api:
            container = objects.create(api, sandbox, place.name)
            try:
                with Live(self.engine, place.holder) as live:
                    return Watch(self.engine, container).run(timeout, ears, live.poll, cancelled)
            finally:
                with contextlib.suppress(Exception):  # the session's end, or the watchdog, tries again
                    objects.remove(api, container)

    def sandbox(self, name: str, task: Task, slot: Slot, gate: Gate) -> Sandbox:
        """What the container of a run may have; `name` is its work volume's."""
        resources, disk = task.resources, task.resources.disk or DISK
        variables = {**self.variables, **gate.variables, **task.variables}
        base = {**self.image.variables, **variables}
        stream, root = Path(paths.STREAM), Path(paths.TREE)
        recorder = Path(paths.RECORDER)
        variables |= injection.variables(stream, root, task.seed, task.determinism, base, recorder=recorder)
        mounted = {self.data[sha256][0] for sha256 in task.data.values()}
        return Sandbox(
            image=self.image.id,
            command=task.command,
            folder=str(paths.TREE / task.tree.folder),
            labels=self.labels(resources, "run"),
            limits=Limits(
                memory=resources.memory or self.memory, shm=resources.shm or SHM, scratch=disk, processors=slot.cpus
            ),
            variables=variables,
            volumes=(
                self.kit,
                Volume(name, str(paths.WORK), writable=True),
                *sorted(mounted, key=lambda volume: volume.name),
            ),
            in_memory=self.image.volumes,
            gpus=tuple(self.gpus[number] for number in slot.gpus or ()),
            network=gate.network,
        )

    def labels(self, resources: Resources, role: str) -> dict[str, str]:
        """Of what is made for one run."""
        return self.lease.owner(time.time() + resources.timeout + _PATIENCE_S).labels(role)


@dataclass(frozen=True)
class _Place:
    """Of one attempt: its name, which is its work volume's; the container that keeps that; a folder here."""

    name: str
    holder: str
    work: Path


def end_session(engine: Engine, lease: Lease, within_s: float) -> None:
    """Remove all of the session; what cannot be removed in time the watchdog goes on with."""
    with contextlib.suppress(InfrastructureFailed), engine.client() as client:
        remove_session(client, lease.session, within_s)


def _still_there(api: "APIClient", holder: str) -> None:
    """Raises EngineLost where an engine that was away no longer has what the run wrote.

    One that leaves containers running (live-restore) unmounts, up to version 24, volumes in memory when it starts.
    """
    from docker.errors import NotFound

    if not api.inspect_container(holder)["State"]["Running"]:
        raise EngineLost("the engine was started again, and ended the run")
    try:
        chunks, _ = api.get_archive(holder, str(paths.STREAM))
    except NotFound:
        raise EngineLost("the engine was started again, and lost what the run wrote") from None
    next(chunks, None)
    chunks.close()


def _holder_of(name: str) -> str:
    return f"{name}-holder"


def _nothing_left(outcome: Outcome, work: Path) -> Left:
    nothing = Captured(curves=[], seeding=Seeding(determinism="off"), not_captured=("nothing came back of the run",))
    return Left(outcome, Usage(wall_s=0.0, cpu_s=0.0), BoundedLog(), nothing, work, frozenset())
