"""Workers on a clock of their own, for benchmarks of what an order decides: hours of trials pass in seconds."""

import heapq
import itertools
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from experiment.search import Sweep
from experiment.value import Scalar
from runner.sweep.drive import Driving, Wish, drive
from runner.sweep.events import Began, Event, Result
from runner.sweep.log import opened
from runner.sweep.orders import Order, Point
from runner.sweep.study import Study

Life = Iterable[tuple[float, Point | Result]]
"""What a trial says, each after so many seconds since what it said before; its result is the last."""


class Simulated:
    """`now`: seconds on their clock. `points`: how many were made, of all trials."""

    def __init__(self, workers: int, live: Callable[[int, Mapping[str, Scalar]], Life]) -> None:
        self.workers = workers
        self.now, self.points = 0.0, 0
        self._live = live
        self._waiting: deque[tuple[int, deque[tuple[float, Point | Result]]]] = deque()
        self._running: dict[int, deque[tuple[float, Point | Result]]] = {}
        self._next: list[tuple[float, int, int]] = []  # when, tie-breaker, trial
        self._count = itertools.count()

    def start(self, trial: int, params: Mapping[str, Scalar]) -> None:
        """Queue it."""
        self._waiting.append((trial, deque(self._live(trial, params))))
        self._fill()

    def stop(self, trial: int) -> None:
        """End it now."""
        if trial not in self._running:
            return
        self._running[trial] = deque([(0.0, self._running[trial][-1][1])])
        self._next = [(when, tie, other) for when, tie, other in self._next if other != trial]
        heapq.heapify(self._next)
        self._schedule(trial)

    def take(self, timeout: float) -> list[tuple[int, Point | Result]]:
        """What comes next, where it is waited for; else what came at this very moment."""
        if not self._next or (not timeout and self._next[0][0] > self.now):
            return []
        self.now, _, trial = heapq.heappop(self._next)
        coming = self._running[trial]
        message = coming.popleft()[1]
        if coming:
            self.points += 1
            self._schedule(trial)
        else:
            del self._running[trial]
            self._fill()
        return [(trial, message)]

    def _schedule(self, trial: int) -> None:
        heapq.heappush(self._next, (self.now + self._running[trial][0][0], next(self._count), trial))

    def _fill(self) -> None:
        while self._waiting and len(self._running) < self.workers:
            trial, coming = self._waiting.popleft()
            self._running[trial] = coming
            self._schedule(trial)


def driven(sweep: Sweep, order: Order, executor: Simulated) -> list[Event]:
    """The events of the sweep, made by our driver."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "log") as log:
        log.append(Began(study="s", digest="d", machine="m", started=""))
        return drive(Driving(sweep, Study(sweep), log, order, executor, lambda: Wish.GO_ON, lambda _event: None))
