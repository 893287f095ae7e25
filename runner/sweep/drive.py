"""The driver of a sweep: does what the order says is next, logs it, and keeps the workers busy."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from experiment.search import Sweep
from experiment.value import Scalar
from runner.sweep.budget import Budget, Spent
from runner.sweep.events import Ask, Event, Prune, Report, Result, Tell
from runner.sweep.log import Log
from runner.sweep.orders import Arrived, AskNext, Order, Point, ReportPoint, Seen, Step, TellEnd
from runner.sweep.study import Study

_HEAR_S = 0.2  # how soon Ctrl-C is heard


class Executor(Protocol):
    """Runs trials, as many at once as it has workers; the others wait their turn."""

    @property
    def workers(self) -> int:
        """How many there are now; at least one."""

    def start(self, trial: int, params: Mapping[str, Scalar]) -> None:
        """Run the trial as soon as a worker is free."""

    def stop(self, trial: int) -> None:
        """The pruner ended it: its end is still to come."""

    def take(self, timeout: float) -> list[tuple[int, Point | Result]]:
        """What came since the last call, in the order it came; waits at most `timeout` seconds for the first.

        Raises what went wrong in a worker: InfrastructureFailed.
        """


class Wish(Enum):
    """What the user wants of a sweep that runs."""

    GO_ON = "go on"
    NO_NEW_TRIALS = "no new trials"


class Checker(Protocol):
    """Looks at every event before it is logged: a replay is held against its record here."""

    def check(self, event: Event) -> None:
        """Raises TableDiffers."""


@dataclass(frozen=True)
class Driving:
    """What a sweep is driven with. `clock`: seconds since whenever."""

    sweep: Sweep
    study: Study
    log: Log
    order: Order
    executor: Executor
    wish: Callable[[], Wish]
    told: Callable[[Event], None]
    budget: Budget = field(default_factory=Budget)
    checker: Checker | None = None
    clock: Callable[[], float] = time.monotonic


def drive(with_: Driving) -> list[Event]:
    """Take the study to its end, from where its log stops; all its events.

    Ends early where the user wishes it, where the budget is spent, and where every trial fails. Raises what the
    executor raises, CannotLog and TableDiffers; what was logged before is kept.
    """
    return _Driver(with_).run()


class _Driver:
    def __init__(self, with_: Driving) -> None:
        self._with = with_
        self._events: list[Event] = list(with_.log.events)
        self._seen = Seen()
        self._spent = Spent()
        self._began = with_.clock()
        self._before = 0.0  # driven by earlier runs
        self._arrived = Arrived(trials=_trials(with_.sweep))
        self._failed = 0
        self._unwritten: list[Event] = []

    def run(self) -> list[Event]:
        try:
            self._go_on()
            self._to_the_end()
        except Exception:
            self._write()
            raise
        # Interrupted, nothing is written any more: the interrupt may have come between an event's line and the note
        # that it is written, and a second line of it would be a second trial.
        self._write()
        self._with.log.sync()
        return self._events

    def _to_the_end(self) -> None:
        while True:
            wish = self._with.wish()
            if self._hopeless():
                return
            if not self._spent.allows(self._with.budget, self._driven()):
                self._arrived.trials = self._seen.asked
            self._arrived.room = self._room()
            step = self._with.order.next(self._arrived)
            if step is None or (isinstance(step, AskNext) and wish is Wish.NO_NEW_TRIALS):
                self._write()
                if not self._outstanding():
                    return
                self._with.study.prepare(self._seen.asked)
                self._hear(_HEAR_S)
            else:
                self._hear(0.0)
                self._do(step)
                if not isinstance(step, TellEnd):  # the worker that is free now waits for the ask, not for the disk
                    self._write()

    def _driven(self) -> float:
        return self._before + self._with.clock() - self._began

    def _go_on(self) -> None:
        """Stand where the log ends: finished trials as they were, those without a result run again."""
        for event in self._events[:-1]:
            self._stood(event)
        for last in self._events[-1:]:
            if isinstance(last, Report):  # perhaps the pruner's answer was not written down any more
                self._judge(last.trial, last.step, last.value, self._noted)
            else:
                self._stood(last)
        self._before = self._spent.driven
        results = {event.trial: event for event in self._events if isinstance(event, Result)}
        for event in [event for event in self._events if isinstance(event, Ask)]:
            if event.trial not in self._seen.told:
                self._take_up(event, results.get(event.trial))

    def _stood(self, event: Event) -> None:
        self._with.study.insert(event)
        self._noted(event)

    def _take_up(self, asked: Ask, result: Result | None) -> None:
        """A trial that is not told yet: with its result where that is all that is needed; else run again."""
        pruned = asked.trial in self._seen.pruned
        if result is None and pruned:
            result = Result(trial=asked.trial, values=None, reason="pruned; the sweep was killed before its run ended")
            self._happened(result)
            self._with.study.insert(result)
        # With a pruner the points are needed too, which only the run has (the cache of runs makes that cheap).
        if result is not None and (self._with.sweep.pruner == "none" or pruned):
            self._arrived.ends[asked.trial] = result
        else:
            self._with.executor.start(asked.trial, asked.params)

    def _noted(self, event: Event) -> None:
        if self._with.checker is not None:
            self._with.checker.check(event)
        self._seen.saw(event)
        self._spent.saw(event)
        self._failed += isinstance(event, Tell) and event.state == "failed"
        self._with.order.saw(event)

    def _happened(self, event: Event) -> None:
        self._noted(event)
        self._unwritten.append(event)

    def _write(self) -> None:
        """Log what happened. Killed before that, a trial runs again, or is asked for again: both are the same."""
        while self._unwritten:
            event = self._unwritten[0]
            self._with.log.append(event)
            self._events.append(self._unwritten.pop(0))
            self._with.told(event)

    def _do(self, step: Step) -> None:
        study = self._with.study
        match step:
            case AskNext():
                asked = study.ask(step.trial).model_copy(update={"driven": self._driven()})
                self._happened(asked)
                self._with.executor.start(asked.trial, asked.params)
            case ReportPoint():
                self._arrived.points[step.trial].popleft()
                if self._judge(step.trial, step.point.step, step.point.value, self._happened):
                    self._with.executor.stop(step.trial)
            case TellEnd():
                told = study.tell(self._arrived.ends.pop(step.trial))
                self._arrived.points.pop(step.trial, None)
                self._happened(told)

    def _judge(self, trial: int, step: int, value: float, happened: Callable[[Event], None]) -> bool:
        """Show a point to the pruner; whether it ends the trial. The report goes to `happened`."""
        event, ends = self._with.study.report(trial, step, value)
        happened(event)
        if ends:
            pruned = Prune(trial=trial)
            self._happened(pruned)
            self._with.study.insert(pruned)
        return ends

    def _hear(self, timeout: float) -> None:
        for trial, message in self._with.executor.take(timeout):
            if isinstance(message, Result):
                ended = message.model_copy(update={"driven": self._driven()})
                self._happened(ended)
                self._with.study.insert(ended)
                self._arrived.ends[trial] = ended
            elif message.step > self._seen.last_step.get(trial, -1) and trial not in self._seen.pruned:
                self._arrived.points.setdefault(trial, deque()).append(message)

    def _outstanding(self) -> int:
        """Trials that are running or wait for a worker."""
        return sum(trial not in self._arrived.ends for trial in self._seen.running())

    def _room(self) -> int:
        """How many workers are free. No trial is asked for before: it would not know the result that comes next."""
        return min(self._with.sweep.parallelism, self._with.executor.workers) - self._outstanding()

    def _hopeless(self) -> bool:
        """Whether so many trials failed, and none did not, that the others would fail too."""
        return self._failed == len(self._seen.told) >= enough_failures(self._with.sweep)


def enough_failures(sweep: Sweep) -> int:
    """After so many failures and nothing else a sweep ends."""
    return min(_trials(sweep), max(3, sweep.parallelism))


def _trials(sweep: Sweep) -> int:
    return min(sweep.trials, sweep.grid_size) if sweep.sampler == "grid" else sweep.trials
