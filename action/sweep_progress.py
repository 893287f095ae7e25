"""How far a sweep is, kept from its events one by one: what ended how, what runs, the best so far, the time left."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from action.sweep_time_left import Left, time_left
from experiment.search import Sweep
from experiment.trials import Row, best
from experiment.value import Scalar
from reporting.numbers import count, duration
from reporting.sweep_words import maximize, parameters, values_of
from runner.sweep.budget import Budget, Spent
from runner.sweep.events import Ask, Event, Report, Result, Tell

_BAR = 20
_SHOWN = 8  # running trials
_RECENT = 30  # trials whose duration tells how long the next ones take


@dataclass
class _Running:
    """A trial between its parameters and its end."""

    params: dict[str, Scalar]
    began: float
    step: int | None = None


@dataclass
class Progress:
    """`leaders`: the best trial so far, or the front of several objectives."""

    sweep: Sweep
    workers: int
    budget: Budget = field(default_factory=Budget)
    clock: Callable[[], float] = time.monotonic
    states: Counter[str] = field(default_factory=Counter)
    leaders: list[Row] = field(default_factory=list)
    _running: dict[int, _Running] = field(default_factory=dict)
    _results: dict[int, Result] = field(default_factory=dict)
    _asked: dict[int, dict[str, Scalar]] = field(default_factory=dict)
    _took: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    _spent: Spent = field(default_factory=Spent)
    _at: float = 0.0  # when the last event was heard

    def heard(self, event: Event) -> Row | None:
        """Note the event; the trial where it ended one."""
        self._spent.saw(event)
        self._at = self.clock()
        match event:
            case Ask():
                self._asked[event.trial] = event.params
                self._running[event.trial] = _Running(event.params, self.clock())
            case Report():
                if (running := self._running.get(event.trial)) is not None:
                    running.step = event.step
            case Result():
                self._results[event.trial] = event
                self._took.append(event.seconds)
                self._running.pop(event.trial, None)
            case Tell():
                return self._ended(event)
            case _:
                pass
        return None

    def _ended(self, told: Tell) -> Row:
        result = self._results.pop(told.trial)
        row = Row(
            trial=told.trial,
            state=told.state,
            params=self._asked.pop(told.trial),
            values=result.values if told.state == "complete" else None,
            reason=result.reason if told.state == "failed" else "",
            constraints=result.constraints,
            runs=result.runs,
            seconds=result.seconds,
        )
        self.states[row.state] += 1
        self._running.pop(told.trial, None)
        self.leaders = best([*self.leaders, row], maximize(self.sweep))  # no trial outside it can come back into it
        return row

    @property
    def running(self) -> int:
        """Trials that run or wait for a worker."""
        return len(self._running)

    @property
    def total(self) -> int:
        """How many trials there will be, as far as the number decides."""
        return min(self.sweep.trials, self.sweep.grid_size) if self.sweep.sampler == "grid" else self.sweep.trials

    @property
    def done(self) -> int:
        """Trials that ended."""
        return sum(self.states.values())

    def left(self) -> Left | None:
        """What is still to go as recent trials took; None before the first one ended."""
        if not self._took:
            return None
        return time_left(
            trials=self.total - self.done,
            workers=max(self.workers, 1),
            usual=sum(self._took) / len(self._took),
            budget=self.budget,
            spent=self._spent,
            driven=self._spent.driven + self.clock() - self._at,
        )

    def short(self) -> str:
        """For the end of a line: "18/48, 2 min 5 s left", "18/48, 2 min 5 s left by sweep.time"."""
        left = self.left()
        if left is None or not left.seconds:
            return f"{self.done}/{self.total}"
        return f"{self.done}/{self.total}, {duration(left.seconds)} left" + (
            f" by {left.budget}" if left.budget else ""
        )

    def lines(self) -> Iterable[str]:
        """What is redrawn below the lines that stay: the running trials, and a summary."""
        now = self.clock()
        for trial, running in list(self._running.items())[:_SHOWN]:
            step = f"   step {running.step}" if running.step is not None else ""
            took = duration(now - running.began)
            yield f"  trial {trial:<4}  running   {took:>7}{step}   {parameters(running.params)}"
        if len(self._running) > _SHOWN:
            yield f"  and {count(len(self._running) - _SHOWN, 'more trial')} running"
        full = int(min(1.0, self.done / self.total) * _BAR)
        bar = "━" * full + ("╸" if full < _BAR else "") + " " * (_BAR - full - 1)
        ended = [f"{self.states[state]} {state}" for state in ("pruned", "failed") if self.states[state]]
        yield "   ".join([f"  trials {bar} ", self.short(), *self._best(), *ended, f"{self.running} running"])

    def _best(self) -> list[str]:
        if not self.leaders:
            return []
        if len(self.sweep.objective) > 1:
            return [f"{len(self.leaders)} on the front"]
        first = self.leaders[0]
        return [f"best {values_of(self.sweep, first, self.leaders)} (trial {first.trial})"]
