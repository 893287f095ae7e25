"""A cluster in use: the experiment's content ready to be sent, and as many workers as were asked for."""

import pickle
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.environment.prepared import Prepared
from runner.execute import Finished, Job, SeenPoint
from runner.runtime import Left
from runner.store import Store
from runner.sweep.cluster import content, demand, office
from runner.sweep.cluster.autoscaling import autoscales
from runner.sweep.cluster.connect import connected
from runner.sweep.cluster.content import Manifest
from runner.sweep.cluster.office import Assignment, Errand
from runner.sweep.cluster.results import unpack
from runner.sweep.cluster.worker import Asking, Worker

_PATIENCE_S = 10.0


class Luggage:
    """An assignment and its content, each put into Ray's object store once, when the first node needs it."""

    opener = office.OPENER

    def __init__(self, assignment: Assignment) -> None:
        import ray

        self._root: Path = assignment.tree.root
        self._manifest: Manifest = assignment.manifest
        self._parts: dict[int, list[tuple[Any, bool]]] = {}
        self._lock = threading.Lock()
        self.assignment: Any = ray.put(pickle.dumps(assignment))

    def parts(self, parcel: int) -> Sequence[tuple[Any, bool]]:
        """References to the parts of a parcel. Raises FileChanged."""
        import ray

        with self._lock:
            if parcel not in self._parts:
                read = content.parts(self._manifest.parcels[parcel], self._root)
                self._parts[parcel] = [(ray.put(part), last) for part, last in read]
            return self._parts[parcel]


@dataclass(frozen=True)
class Elsewhere:
    """Stands where a session has its runtime: its runs are made by the cluster's workers alone."""

    def run(self, *_: object) -> Left:
        """Never called."""
        raise AssertionError("runs of this session are made on a cluster")

    def close(self) -> None:
        """The cluster is closed by who opened it."""


@dataclass(frozen=True)
class Away:
    """A worker as a bay: its runs come back into this machine's store."""

    worker: Worker
    store: Store

    def prepared(self, _own: Prepared) -> Prepared:
        """The environment of the worker's node."""
        return prepared(self.worker)

    def run(self, job: Job, seen: Callable[[SeenPoint], None], ended: threading.Event) -> Finished:
        """Make the run there. Raises WorkerLost, NodeRefused, NodeFailed, CannotStore."""
        errand = pickle.dumps(Errand(job.experiment.params, job.seed))
        return unpack(self.worker.work(errand, seen, ended), self.store, self.worker.fetch)


def prepared(worker: Worker) -> Prepared:
    """What an opened worker said of its environment and machine."""
    opened = worker.opened
    return Prepared(Elsewhere(), opened.environment, opened.hardware, f"{opened.label}, on {worker.name}")


@dataclass(frozen=True)
class Cluster:
    """Workers to be asked for, the first of which is there. `room`: how many the nodes of now have room for."""

    bays: tuple[Away, ...]
    room: int
    machines: set[str] = field(default_factory=set)

    @property
    def first(self) -> Prepared:
        """The environment of the first worker."""
        return prepared(self.bays[0].worker)


class _Waiting:
    """Says, once in a while, that no worker has found room yet."""

    def __init__(self, address: str, asked: demand.Demand, say: Callable[[str], None]) -> None:
        self._next = time.monotonic() + _PATIENCE_S
        self._text = f"waiting for the cluster {address}: no node has {asked.cpus:g} CPUs free yet"
        self._say = say
        self.over = False

    def __call__(self) -> None:
        if not self.over and time.monotonic() > self._next:
            self._next = time.monotonic() + 6 * _PATIENCE_S
            self._say(self._text)


@contextmanager
def cluster(
    address: str, assignment: Assignment, store: Store, many: int, say: Callable[[str], None]
) -> Iterator[Cluster]:
    """At least one worker of at most `many`, ready to make runs; none of them is left at the end.

    Raises what `connected`, `demand.check` and `Worker.ready` raise.
    """
    import ray

    with connected(address, say) as pulse:
        nodes = [demand.node(told) for told in ray.nodes() if told["Alive"]]  # type: ignore[no-untyped-call]
        asked = demand.demand(assignment.experiment.resources, nodes)
        if not any(asked.fits(one) for one in nodes) and not autoscales():
            demand.check(asked, nodes, address)
        waiting = _Waiting(address, asked, say)
        asking = Asking(Luggage(assignment), asked, say, waiting, lambda: pulse.lost)
        made = [Worker(asking) for _ in range(many)]
        try:
            made[0].ready(threading.Event())
            waiting.over = True
            room = sum(asked.side_by_side(one) for one in nodes)
            yield Cluster(tuple(Away(worker, store) for worker in made), min(many, max(1, room)))
        finally:
            with ThreadPoolExecutor(len(made)) as pool:
                list(pool.map(Worker.close, made))
