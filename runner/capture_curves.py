"""Gathers metric events into curves: one per metric, source and training."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, replace

from experiment.curves import Curve, split_series
from runner.capture_stream import Event
from runner.metric_names import metric_name

MAX_CURVES = 5_000
MAX_POINTS = 10_000_000
_SOURCES = ("keras", "mlflow", "sklearn")


@dataclass
class _Points:
    began: float
    step: array[int] = field(default_factory=lambda: array("q"))
    value: array[float] = field(default_factory=lambda: array("d"))
    time: array[float] = field(default_factory=lambda: array("d"))


class CurveCollector:
    """Feed it metric events; what is beyond the bounds is counted in `dropped`."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str, int], _Points] = {}
        self._count = 0
        self.dropped = 0

    def add(self, event: Event, process: int) -> None:
        """`process` tells apart the files: processes that log the same name at once are trainings of their own."""
        source, group, name, step, value = event.fields
        key = (metric_name(name), source, group, process)
        known = key in self._found or len(self._found) < MAX_CURVES
        if source not in _SOURCES or not known or self._count >= MAX_POINTS:
            self.dropped += 1
            return
        points = self._found.setdefault(key, _Points(event.time))
        points.step.append(step)
        points.value.append(value)
        points.time.append(event.time)
        self._count += 1

    def curves(self, started: float) -> list[Curve]:
        """Series of one metric and source are numbered in the order their trainings began."""
        result: list[Curve] = []
        numbers: dict[tuple[str, str], int] = {}
        for (name, source, _, _), points in sorted(self._found.items(), key=lambda item: item[1].began):
            steps = range(1, len(points.step) + 1) if _unstepped(source, points.step) else points.step
            for curve in split_series(name, source, steps, points.value, (t - started for t in points.time)):
                number = numbers[name, source] = numbers.get((name, source), 0) + 1
                result.append(replace(curve, series=number))
        return sorted(result, key=lambda curve: (curve.metric, curve.source, curve.series))


def _unstepped(source: str, steps: array[int]) -> bool:
    # MLflow gives step 0 to every call that names none: these are one curve in the order of the calls.
    return source == "mlflow" and len(steps) > 1 and not any(steps)
