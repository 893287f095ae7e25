"""In which order asks, reports and tells happen: as results come, by a window, or as a record says.

An order is asked again and again what is next, given what arrived; it says nothing while it has to wait. What it
answers is a function of the events so far and of what arrived, never of a clock.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from runner.sweep.events import Ask, Event, Prune, Report, Result, Tell


@dataclass(frozen=True)
class Point:
    """A running trial reached a step."""

    step: int
    value: float


@dataclass(frozen=True)
class AskNext:
    """Ask for this trial, and run it."""

    trial: int


@dataclass(frozen=True)
class TellEnd:
    """Tell this trial's end."""

    trial: int


@dataclass(frozen=True)
class ReportPoint:
    """Show this point to the pruner."""

    trial: int
    point: Point


Step = AskNext | TellEnd | ReportPoint


@dataclass
class Arrived:
    """What came from the trials and was not used yet (ends in the order they came), and what may be begun."""

    trials: int  # how many there are to be
    room: int = 0  # how many more may be asked for now
    points: dict[int, deque[Point]] = field(default_factory=dict)
    ends: dict[int, Result] = field(default_factory=dict)

    def point(self, trial: int) -> Point | None:
        """The next point of a trial."""
        waiting = self.points.get(trial)
        return waiting[0] if waiting else None


@dataclass
class Seen:
    """Which trials were asked for, pruned and told, by the events so far."""

    asked: int = 0
    open: dict[int, None] = field(default_factory=dict)  # asked for and not told, in the order of the asks
    told: set[int] = field(default_factory=set)
    pruned: set[int] = field(default_factory=set)
    last_step: dict[int, int] = field(default_factory=dict)

    def saw(self, event: Event) -> None:
        """Take note of an event."""
        match event:
            case Ask():
                self.asked = event.trial + 1
                self.open[event.trial] = None
            case Report():
                self.last_step[event.trial] = event.step
            case Prune():
                self.pruned.add(event.trial)
            case Tell():
                self.told.add(event.trial)
                del self.open[event.trial]
            case Result():
                pass

    def running(self) -> list[int]:
        """Trials asked for and not told."""
        return list(self.open)


class Order(Protocol):
    """What happens next."""

    def saw(self, event: Event) -> None:
        """An event happened."""

    def next(self, arrived: Arrived) -> Step | None:
        """The next step, None to wait."""


class Free:
    """As results come: nothing waits. The events that come of it are the record."""

    def __init__(self) -> None:
        self.seen = Seen()

    def saw(self, event: Event) -> None:
        """An event happened."""
        self.seen.saw(event)

    def next(self, arrived: Arrived) -> Step | None:
        """Points and ends first, so that the next ask knows them."""
        for trial in self.seen.running():
            if trial not in self.seen.pruned and (point := arrived.point(trial)) is not None:
                return ReportPoint(trial, point)
        for trial in arrived.ends:
            if trial not in self.seen.told:
                return TellEnd(trial)
        return AskNext(self.seen.asked) if self.seen.asked < arrived.trials and arrived.room > 0 else None


class Window:
    """As `width` workers would that need the same time for every point and none for anything else.

    On this virtual clock a trial begins where the one whose place it takes ended, and ties go by number. Whatever the
    real workers' number and timing, points, ends and asks come in its order. Trials without points take no time on it:
    suggestion i then sees exactly the trials up to i − width told.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self.seen = Seen()
        self._now = 0
        self._time: dict[int, int] = {}  # of the latest thing that happened to each trial, on the virtual clock

    def saw(self, event: Event) -> None:
        """An event happened."""
        self.seen.saw(event)
        match event:
            case Ask():
                self._time[event.trial] = self._now
            case Report():
                self._time[event.trial] += 1
            case Tell():
                self._now = self._time[event.trial]
            case Prune() | Result():
                pass

    def next(self, arrived: Arrived) -> Step | None:
        """What comes next on the virtual clock; None until it is there."""
        seen = self.seen
        if seen.asked < min(arrived.trials, len(seen.told) + self._width):
            return AskNext(seen.asked)  # whether or not there is room: which worker makes it does not matter
        if not (going := seen.running()):
            return None
        turn = min(going, key=lambda trial: (self._time[trial], trial))
        if turn not in seen.pruned and (point := arrived.point(turn)) is not None:
            return ReportPoint(turn, point)
        return TellEnd(turn) if turn in arrived.ends else None


class Follow:
    """As a record says, to its end; then as results come."""

    def __init__(self, record: Sequence[Event]) -> None:
        self._record = [event for event in record if not isinstance(event, (Result, Prune))]
        self._at = 0
        self._after = Free()

    def saw(self, event: Event) -> None:
        """An event happened."""
        self._after.saw(event)
        if not isinstance(event, (Result, Prune)):
            self._at += 1

    def next(self, arrived: Arrived) -> Step | None:
        """What the record says; None until it can be done."""
        if self._at >= len(self._record):
            return self._after.next(arrived)
        event = self._record[self._at]
        match event:
            case Ask():
                return AskNext(event.trial)
            case Report() | Tell():
                return self._reached(event.trial, arrived)
        return None

    def _reached(self, trial: int, arrived: Arrived) -> Step | None:
        """Where the run has a point more or less than the record, the tables part, and the comparison says so."""
        point = arrived.point(trial) if trial not in self._after.seen.pruned else None
        if point is not None:
            return ReportPoint(trial, point)
        return TellEnd(trial) if trial in arrived.ends else None


def stops_at(record: Sequence[Event]) -> Mapping[int, int]:
    """Trial -> the step at which the record's pruner ended it."""
    last: dict[int, int] = {}
    found: dict[int, int] = {}
    for event in record:
        if isinstance(event, Report):
            last[event.trial] = event.step
        elif isinstance(event, Prune):
            found[event.trial] = last.get(event.trial, 0)
    return found
