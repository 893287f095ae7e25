"""The workers of a sweep: a thread for each, every trial made by one of them, and again where its worker was lost."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Generic, Self, TypeVar

from experiment.value import Scalar
from runner.sweep.events import Result
from runner.sweep.orders import Point
from runner.sweep.refusals import TrialLost

Worker = TypeVar("Worker")
Hear = Callable[[Point], None]
Make = Callable[[int, Mapping[str, Scalar], Worker, Hear, threading.Event], Result | None]
"""Make a trial: its number, parameters, the worker, who hears of its points, what ends it early. None where the user
ended it. Raises WorkerLost where the worker went through no fault of the trial."""

MOST_LOSSES = 3
_Task = tuple[int, Mapping[str, Scalar]]


class WorkerLost(Exception):
    """The worker is gone: its node, or its process. What it was making has to be made again."""


class Crew(Generic[Worker]):
    """Workers that are there from the start, or come when they are `ready`. A context: at its end all is ended.

    `ready` waits until a worker can take a trial (again); it is asked in the worker's own thread, and gives False where
    the event it is given was set first. `say` gets a line for each trial that is made again.
    """

    def __init__(
        self,
        workers: Sequence[Worker],
        make: Make[Worker],
        ready: Callable[[Worker, threading.Event], bool] | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._make, self._ready, self._say = make, ready, say
        self._here = set(range(len(workers))) if ready is None else set()
        self._todo: deque[_Task] = deque()
        self._came: deque[tuple[int, Point | Result] | BaseException] = deque()
        lock = threading.Lock()  # of the two above
        self._work, self._news = threading.Condition(lock), threading.Condition(lock)
        self._ends: dict[int, threading.Event] = {}
        self._heard: dict[int, int] = {}  # trial -> step of the last point that was passed on
        self._losses: Counter[int] = Counter()
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._serve, args=(number, worker), daemon=True)
            for number, worker in enumerate(workers)
        ]

    @property
    def workers(self) -> int:
        """How many are there; one, where the first is still to come."""
        return max(1, len(self._here))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        for event in list(self._ends.values()):
            event.set()
        with self._work:
            self._work.notify_all()
        for thread in self._threads:
            thread.join()

    def start(self, trial: int, params: Mapping[str, Scalar]) -> None:
        """Run the trial as soon as a worker is free."""
        self._ends[trial] = threading.Event()
        self._put(trial, params)

    def stop(self, trial: int) -> None:
        """The pruner ended it."""
        self._ends[trial].set()

    def take(self, timeout: float) -> list[tuple[int, Point | Result]]:
        """What came, in its order. Raises what went wrong in a worker."""
        found: list[tuple[int, Point | Result]] = []
        with self._news:
            if timeout:
                self._news.wait_for(lambda: self._came, timeout)
            while self._came:
                came = self._came.popleft()
                if isinstance(came, BaseException):
                    raise came
                found.append(came)
        return found

    def _put(self, trial: int, params: Mapping[str, Scalar], first: bool = False) -> None:
        with self._work:
            (self._todo.appendleft if first else self._todo.append)((trial, params))
            self._work.notify()

    def _next(self) -> _Task | None:
        """The next trial; None at the end."""
        with self._work:
            self._work.wait_for(lambda: self._todo or self._closing.is_set())
            return None if self._closing.is_set() else self._todo.popleft()

    def _tell(self, came: tuple[int, Point | Result] | BaseException) -> None:
        with self._news:
            self._came.append(came)
            self._news.notify()

    def _hear(self, trial: int, point: Point) -> None:
        if point.step > self._heard.get(trial, -1):  # made again, a trial tells its first points again
            self._heard[trial] = point.step
            self._tell((trial, point))

    def _serve(self, number: int, worker: Worker) -> None:
        try:
            while self._stands(number, worker) and (task := self._next()) is not None:
                trial, params = task
                try:
                    made = self._make(trial, params, worker, partial(self._hear, trial), self._ends[trial])
                except WorkerLost as lost:
                    self._here.discard(number)
                    self._lost(trial, params, lost)
                else:
                    if made is not None:
                        self._tell((trial, made))
        except BaseException as error:  # it ends the sweep, in the thread that drives it
            self._tell(error)
        finally:
            self._here.discard(number)

    def _stands(self, number: int, worker: Worker) -> bool:
        if self._ready is not None and number not in self._here and self._ready(worker, self._closing):
            self._here.add(number)
        return number in self._here and not self._closing.is_set()

    def _lost(self, trial: int, params: Mapping[str, Scalar], lost: WorkerLost) -> None:
        if self._closing.is_set():
            return
        self._losses[trial] += 1
        if self._losses[trial] == MOST_LOSSES:
            raise TrialLost(
                f"trial {trial}: its worker was lost, {MOST_LOSSES} times: {lost}\n"
                "  all trials before are kept; mend the cluster, then run the same command again"
            )
        self._say(f"trial {trial}: {lost}; it runs again")
        self._put(trial, params, first=True)
