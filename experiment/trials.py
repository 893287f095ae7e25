"""The table of a sweep: what has to be equal for two sweeps to be the same, to the bit; and its best trials."""

from collections.abc import Sequence
from typing import Literal

from experiment.value import Double, Scalar, Value, digest, double_bits


class Row(Value):
    """One trial. `points`: (step, value) pairs that the pruner saw."""

    trial: int
    state: Literal["complete", "pruned", "failed", "running"]
    params: dict[str, Scalar]
    values: tuple[Double, ...] | None = None
    points: tuple[tuple[int, Double], ...] = ()
    reason: str = ""
    constraints: dict[str, Double] = {}
    runs: tuple[str, ...] = ()
    seconds: Double = 0.0
    gpu_seconds: Double = 0.0
    cached: bool = False  # an earlier run stands in for one of its runs

    @property
    def possible(self) -> bool:
        """Whether it ended well and keeps all constraints."""
        return self.state == "complete" and all(excess <= 0 for excess in self.constraints.values())


class Share(Value):
    """How much one parameter matters, 0 … 1, and where 90 % of resampled sweeps put it."""

    share: Double
    low: Double
    high: Double


class Importances(Value):
    """The shares of all parameters, greatest first; they sum to 1."""

    shares: dict[str, Share]
    trials: int
    resamples: int


def table_digest(table: Sequence[Row]) -> str:
    """SHA-256 (hex) of numbers, states, parameters, values and points, doubles by their bits."""
    return digest([_bits(row) for row in table])


def _bits(row: Row) -> list[object]:
    params = {name: _of(value) for name, value in row.params.items()}
    values = None if row.values is None else [double_bits(value) for value in row.values]
    points = [[step, double_bits(value)] for step, value in row.points]
    return [row.trial, row.state, params, values, points]


def _of(value: Scalar) -> list[object]:
    """A parameter with its type: 1, 1.0 and true are three values."""
    return [type(value).__name__, double_bits(value) if isinstance(value, float) else value]


def best(table: Sequence[Row], maximize: Sequence[bool]) -> list[Row]:
    """The best trial, or those that no other beats in every objective (the Pareto front), by number.

    Constraints come first; the earlier trial wins a tie of one objective.
    """
    good = [row for row in table if row.possible and row.values is not None]
    costs = {row.trial: _costs(row, maximize) for row in good}
    if len(maximize) == 1:
        return sorted(good, key=lambda row: (costs[row.trial], row.trial))[:1]
    return [row for row in good if not any(_beats(costs[other.trial], costs[row.trial]) for other in good)]


def _costs(row: Row, maximize: Sequence[bool]) -> tuple[float, ...]:
    return tuple(-value if high else value for value, high in zip(row.values or (), maximize, strict=True))


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
