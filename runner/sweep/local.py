"""Trials on this machine: a thread for each share of it, every trial a normal run."""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from experiment.value import Scalar
from runner.runtime import Slot
from runner.sweep.events import Result
from runner.sweep.orders import Point

Hear = Callable[[Point], None]
Make = Callable[[int, Mapping[str, Scalar], Slot, Hear, threading.Event], Result | None]
"""Make a trial: its number, parameters, share of the machine, who hears of its points, what ends it early. None where
the user ended it."""


class Local:
    """Workers of this machine. A context: at its end all that runs is ended."""

    def __init__(self, shares: Sequence[Slot], make: Make) -> None:
        self.workers = len(shares)
        self._make = make
        self._work: SimpleQueue[tuple[int, Mapping[str, Scalar]] | None] = SimpleQueue()
        self._came: SimpleQueue[tuple[int, Point | Result] | BaseException] = SimpleQueue()
        self._ends: dict[int, threading.Event] = {}
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=self._serve, args=(share,), daemon=True) for share in shares]

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
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()

    def start(self, trial: int, params: Mapping[str, Scalar]) -> None:
        """Run the trial as soon as a worker is free."""
        self._ends[trial] = threading.Event()
        self._work.put((trial, params))

    def stop(self, trial: int) -> None:
        """The pruner ended it."""
        self._ends[trial].set()

    def take(self, timeout: float) -> list[tuple[int, Point | Result]]:
        """What came, in its order. Raises what went wrong in a worker."""
        found: list[tuple[int, Point | Result]] = []
        try:
            while True:
                came = self._came.get(timeout=timeout) if timeout and not found else self._came.get_nowait()
                if isinstance(came, BaseException):
                    raise came
                found.append(came)
        except Empty:
            return found

    def _hear(self, trial: int, point: Point) -> None:
        self._came.put((trial, point))

    def _serve(self, share: Slot) -> None:
        while (task := self._work.get()) is not None and not self._closing.is_set():
            trial, params = task
            try:
                made = self._make(trial, params, share, partial(self._hear, trial), self._ends[trial])
            except BaseException as error:  # it ends the sweep, in the thread that drives it
                self._came.put(error)
                return
            if made is not None:
                self._came.put((trial, made))
