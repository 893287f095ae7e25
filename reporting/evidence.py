"""What a judgement is made from: the values of both sides, and the terms under which they are compared."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from experiment.spec import Goal, Metric, Tolerance

NUMERIC_NOISE = Tolerance(rel=1e-6)
"""What equal seeds may differ by where no tolerance is declared."""


@dataclass(frozen=True)
class SameSeed:
    """What is known from seeds that both sides ran.

    `pairs` holds (baseline value, candidate value) of each such seed; `equal_bits` says that for all of them, and there
    is at least one, the digests of the declared artifacts and the bits of the metrics are equal.
    """

    pairs: tuple[tuple[float, float], ...] = ()
    equal_bits: bool = False


@dataclass(frozen=True)
class Evidence:
    """One metric's values, one per run that ended well; NaN and infinities are welcome.

    `history` are further groups of values of the baseline's configuration on record: they tell about the noise, not
    about the level. `failed` counts runs that left no value. `missing` is the reason why nothing can be claimed.
    """

    baseline: Sequence[float]
    candidate: Sequence[float]
    same_seed: SameSeed = SameSeed()
    history: tuple[Sequence[float], ...] = ()
    baseline_failed: int = 0
    candidate_failed: int = 0
    missing: str = ""


@dataclass(frozen=True)
class Terms:
    """Under which terms one metric is judged. ValueError names what is not finite or negative.

    A NaN margin or tolerance would make every comparison with it false and so switch the gate off without a word.
    """

    goal: Goal | None = None
    margin: float | None = None  # units of the metric
    tolerance: Tolerance = NUMERIC_NOISE
    quantum: float | None = None  # units of the metric
    gated: bool = True
    alpha: float = 0.01

    def __post_init__(self) -> None:
        """Refuse what would make a comparison meaningless."""
        given = {
            "margin": self.margin,
            "quantum": self.quantum,
            "tolerance.abs": self.tolerance.abs,
            "tolerance.rel": self.tolerance.rel,
        }
        for name, value in given.items():
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} has to be a finite number of 0 or more, not {value}")
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha has to lie between 0 and 1, not {self.alpha}")


def terms_of(metric: Metric, *, alpha: float = 0.01) -> Terms:
    """The terms that an experiment file declares for one metric."""
    return Terms(
        goal=metric.goal,
        margin=metric.margin,
        tolerance=metric.tolerance or NUMERIC_NOISE,
        quantum=metric.quantum,
        gated=metric.gate,
        alpha=alpha,
    )


def within_tolerance(same_seed: SameSeed, tolerance: Tolerance) -> bool:
    """Whether |c - b| <= abs + rel |b| for every seed both sides ran, and there is one. Never true of NaN."""
    return bool(same_seed.pairs) and all(
        abs(c - b) <= tolerance.abs + tolerance.rel * abs(b) for b, c in same_seed.pairs
    )


GoalLike = Goal | Literal["maximize", "minimize"] | None
