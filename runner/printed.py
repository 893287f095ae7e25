"""Metrics in lines the script prints: declared patterns are searched in every line as it comes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from experiment.curves import Curve, split_series

MAX_LINE = 8 * 1024  # characters searched: a pattern may take the square of it
MAX_POINTS = 10_000_000
SOURCE = "output"


@dataclass
class _Column:
    pattern: re.Pattern[str]
    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Point:
    """What one line said about one metric."""

    metric: str
    step: int
    value: float


class PatternReader:
    """`patterns`: metric name -> regular expression with a group `value` and perhaps `step`."""

    def __init__(self, patterns: Mapping[str, str]) -> None:
        self._columns = {name: _Column(re.compile(pattern)) for name, pattern in patterns.items()}

    def feed(self, line: str, time: float) -> list[Point]:
        """Take one line, `time` seconds after the run began; the points found in it.

        A carriage return ends a line too, as progress bars use it. Without a `step` group points count from 1. A value
        may end in "%", which is left as written: 97.5 % is 97.5.
        """
        found = []
        for part in line[:MAX_LINE].replace("\r", "\n").splitlines():
            for name, column in self._columns.items():
                match = column.pattern.search(part)
                point = None if match is None else _point(name, column, match)
                if point is not None and len(column.steps) < MAX_POINTS:
                    column.steps.append(point.step)
                    column.values.append(point.value)
                    column.times.append(time)
                    found.append(point)
        return found

    def curves(self) -> list[Curve]:
        """All points so far; a metric seen again at a step already passed starts a new series."""
        return [
            curve
            for name, column in self._columns.items()
            for curve in split_series(name, SOURCE, column.steps, column.values, column.times)
        ]


def _point(name: str, column: _Column, match: re.Match[str]) -> Point | None:
    value = _number(match["value"])
    if value is None:
        return None
    step = len(column.steps) + 1
    if "step" in column.pattern.groupindex:
        try:
            step = int(match["step"])
        except (TypeError, ValueError):
            return None
    return Point(name, step, value) if abs(step) < 2**63 else None


def _number(text: str | None) -> float | None:
    try:
        return float((text or "").strip().rstrip("%").replace("−", "-"))
    except ValueError:
        return None
