"""A sweep's session whose runs are made by the workers of a Ray cluster."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from action.activities.session import Cache, Choice, Ground, Made, Session, Watcher, make_ground
from experiment.environment import hardware_class
from experiment.record import Status
from experiment.spec import Experiment
from experiment.summarise import FinishedRun
from experiment.value import Scalar
from runner.container.opening import check_clean
from runner.environment import hardware
from runner.environment.variables import sent_to_nodes
from runner.schedule import Cancelled
from runner.sweep.bay import Bay
from runner.sweep.cluster.cluster import Away, Cluster, cluster
from runner.sweep.cluster.content import manifest
from runner.sweep.cluster.office import Assignment
from runner.sweep.crew import Crew, Hear, Make
from runner.sweep.drive import Executor
from runner.sweep.events import Result

_HEAR_S = 0.2


@dataclass(frozen=True)
class ClusterHands:
    """Workers that Ray starts on its nodes, as soon as these have room."""

    cluster: Cluster
    say: Callable[[str], None]
    one_at_a_time: threading.Lock = field(default_factory=threading.Lock)  # who watches hears one worker at a time

    @property
    def many(self) -> int:
        """As many as the nodes of the beginning have room for; more come where nodes do."""
        return self.cluster.room

    @property
    def machines(self) -> tuple[str, ...]:
        """Hardware classes of the nodes that made runs."""
        return tuple(sorted(self.cluster.machines))

    def executor(self, make: Make[Bay]) -> AbstractContextManager[Executor]:
        """A thread for each worker."""
        return Crew[Bay](list[Bay](self.cluster.bays), make, self._ready, self.say)

    def _ready(self, bay: Bay, closing: threading.Event) -> bool:
        assert isinstance(bay, Away)
        if not bay.worker.ready(closing):
            return False
        self.note(bay)
        return True

    def note(self, bay: Away) -> None:
        """Take note of the machine a worker is on."""
        opened = bay.worker.opened
        self.cluster.machines.add(hardware_class(opened.hardware, opened.environment))

    def runs(self, session: Session, seeds: Sequence[int], reuse: Cache, note: str) -> list[Made]:
        """A run for each seed, in the order of `seeds`. Raises Cancelled where the user ends them."""
        session.watcher.planned(seeds, note)
        made: dict[int, Made] = {}

        def make(
            number: int, _params: Mapping[str, Scalar], bay: Bay, _hear: Hear, ended: threading.Event
        ) -> Result | None:
            own = replace(session, prepared=bay.prepared(session.prepared))
            made[number] = self._one(own, seeds[number], reuse, bay, ended)
            return Result(trial=number, values=None)

        with self.executor(make) as crew:
            for number in range(len(seeds)):
                crew.start(number, {})
            done = 0
            while done < len(seeds):
                done += len(crew.take(_HEAR_S))
        if any(run.record.outcome.status is Status.CANCELLED for run, _ in made.values()):
            raise Cancelled
        return [made[number] for number in range(len(seeds))]

    def _one(self, session: Session, seed: int, reuse: Cache, bay: Bay, ended: threading.Event) -> Made:
        watcher, alone = session.watcher, self.one_at_a_time
        if reuse is Cache.USE and (earlier := session.earlier(seed)):
            with alone:
                watcher.cached(earlier[0][0])
            return earlier[0]
        with alone:
            watcher.began(seed)
        finished = bay.run(session.job(seed), _nobody, ended)
        run = FinishedRun(finished.record, finished.curves, log_tail=finished.log_tail)
        with alone:
            watcher.done(run, finished.folder)
        return run, finished.folder


def _nobody(_: object) -> None:
    """Does not listen."""


@contextmanager
def open_on_cluster(
    path: Path,
    experiment: Experiment,
    watcher: Watcher,
    inherited: Mapping[str, str],
    choice: Choice,
    *,
    address: str,
    workers: int,
) -> Iterator[tuple[Session, ClusterHands]]:
    """A session as `open_session` gives it, and the workers that make its runs; none of them is left at the end.

    At most `workers` are asked for. This machine needs neither the environment nor an engine. Raises Refused,
    InfrastructureFailed (see the modules used).
    """
    ground = make_ground(path, choice.applied(experiment))
    assignment = _assignment(ground, inherited)
    with cluster(address, assignment, ground.store, workers, watcher.say) as found:
        prepared = replace(found.first, hardware=hardware.describe(inherited))  # the sampler runs here
        session = Session(
            ground.folder, ground.experiment, ground.tree, prepared, ground.data, ground.store, watcher,
            threading.Event(), choice.options,
        )  # fmt: skip
        hands = ClusterHands(found, watcher.say)
        hands.note(found.bays[0])
        yield session, hands


def _assignment(ground: Ground, inherited: Mapping[str, str]) -> Assignment:
    spec = ground.experiment.environment
    besides = [spec.lock] if spec.chosen == "lock" and spec.lock is not None else []
    if spec.chosen != "lock":
        check_clean(ground.tree, inherited)
    sent = manifest(ground.tree, ground.data, besides)
    return Assignment(ground.experiment, ground.tree, sent, ground.data, sent_to_nodes(inherited, spec.variables))
