"""The values that the figures of a sweep are drawn from: each holds every number it shows, and itself in words."""

import math
from typing import Literal

from experiment.value import Double, Value

Ended = Literal["complete", "impossible", "pruned"]
"""How a trial with a value ended; impossible: complete, and outside a constraint."""


class Metric(Value):
    """An objective as figures show it. Values outside `low` … `high` are drawn at the edge."""

    name: str
    unit: str = ""
    maximize: bool
    low: Double
    high: Double
    decimals: int
    exponent: int = 0


class Axis(Value):
    """A dimension of the space: numbers from `low` to `high`, or `choices` at 0, 1, 2 …"""

    name: str
    low: Double
    high: Double
    log: bool = False
    choices: tuple[str, ...] = ()

    def place(self, value: float) -> float:
        """Where the value lies between the two ends: 0 … 1."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        at = math.log(value) if self.log else value
        return (at - low) / (high - low) if high > low else 0.5


class Fresh(Value):
    """The best trial's parameters on fresh seeds: each finite value, mean, standard deviation."""

    values: tuple[Double, ...]
    mean: Double
    sd: Double | None


class HistoryChart(Value):
    """The objective of every trial in its order, and the best of those before. Columns: one entry for each trial."""

    kind: Literal["history"] = "history"
    metric: Metric
    trial: tuple[int, ...]
    value: tuple[Double, ...]
    ended: tuple[Ended, ...]
    failed: tuple[int, ...] = ()  # trials without a value
    leaders: tuple[tuple[int, Double], ...]  # trials that were the best so far, with their value
    fresh: Fresh | None = None
    alt: str


class ParallelChart(Value):
    """Every complete trial as a line over the parameters to the objective. `rows`: a place 0 … 1 for each axis, None
    where the parameter was not there, the last one of the objective; ordered from worst to best."""

    kind: Literal["parallel"] = "parallel"
    metric: Metric
    axes: tuple[Axis, ...]
    rows: tuple[tuple[Double | None, ...], ...]
    leading: int  # how many of the last rows are among the best
    best: int  # number of the best trial
    alt: str


class ImportanceChart(Value):
    """What share of the way to the best trials each parameter explains; `low` … `high`: 5 % to 95 % of resamples."""

    kind: Literal["importances"] = "importances"
    names: tuple[str, ...]
    share: tuple[Double, ...]
    low: tuple[Double, ...]
    high: tuple[Double, ...]
    trials: int
    resamples: int
    alt: str


class SlicesChart(Value):
    """The objective against each parameter. `at`: for each axis the value of every trial, None where it was not there;
    a choice by its number."""

    kind: Literal["slices"] = "slices"
    metric: Metric
    axes: tuple[Axis, ...]
    at: tuple[tuple[Double | None, ...], ...]
    value: tuple[Double, ...]
    ended: tuple[Ended, ...]
    best: int | None  # its place in the columns
    alt: str


class FrontChart(Value):
    """Two or three objectives against each other, pair by pair. `values`: a column for each."""

    kind: Literal["front"] = "front"
    metrics: tuple[Metric, ...]
    values: tuple[tuple[Double, ...], ...]
    ended: tuple[Ended, ...]
    front: tuple[bool, ...]  # no other trial beats it in every objective
    alt: str


SweepChart = HistoryChart | ParallelChart | ImportanceChart | SlicesChart | FrontChart
