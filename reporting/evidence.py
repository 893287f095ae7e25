"""What a judgement is made from: the values of both sides, and the terms under which they are compared."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from experiment.spec import Goal, Metric, Stages, Tolerance

NUMERIC_NOISE = Tolerance(rel=1e-6)
"""What equal seeds may differ by where no tolerance is declared."""


@dataclass(frozen=True)
class SameSeed:
    """What is known from seeds that both sides ran.

    `pairs` holds (baseline value, candidate value) of each such seed; `equal_bits` says that for all of them, and there
    is at least one, the digests of the declared artifacts and the bits of the metrics are equal. `tolerable` False:
    another metric of the same seeds is out of its tolerance, so that nearness of this one is a coincidence.
    """

    pairs: tuple[tuple[float, float], ...] = ()
    equal_bits: bool = False
    tolerable: bool = True


@dataclass(frozen=True)
class Evidence:
    """One metric's values, one per run that ended well; NaN and infinities are welcome.

    `history` are values of later runs of the baseline's configuration: they count as baseline runs while they fit.
    `failed` counts runs that left no value. `missing` is the reason why nothing can be claimed.
    """

    baseline: Sequence[float]
    candidate: Sequence[float]
    same_seed: SameSeed = SameSeed()
    history: Sequence[float] = ()
    baseline_failed: int = 0
    candidate_failed: int = 0
    missing: str = ""


@dataclass(frozen=True)
class Rules:
    """What holds for all metrics of an experiment. ValueError names what is no fraction.

    `alpha`: how often an unchanged commit may be called moved. `first`: runs of the stage after which one may stop.
    `escalate`: how often an unchanged commit goes on after it. `pairing` "seed": equal seeds are compared as pairs.
    """

    alpha: float = 0.01
    first: int = 1
    escalate: float = 0.2
    pairing: Literal["none", "seed"] = "none"

    def __post_init__(self) -> None:
        """Refuse what is no fraction."""
        for name, value in {"alpha": self.alpha, "escalate": self.escalate}.items():
            if not 0 < value < 1:
                raise ValueError(f"{name} has to lie between 0 and 1, not {value}")

    @classmethod
    def of(cls, stages: Stages, alpha: float, pairing: Literal["none", "seed"], seeds: Sequence[int]) -> "Rules":
        """As an experiment file declares them; a first stage of all seeds is no stage of its own."""
        first = stages.first if stages.first < len(seeds) else 1
        return cls(alpha=alpha, first=first, escalate=stages.escalate, pairing=pairing)


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
    rules: Rules = Rules()

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


def terms_of(metric: Metric, rules: Rules = Rules()) -> Terms:
    """The terms that an experiment file declares for one metric."""
    return Terms(
        goal=metric.goal,
        margin=metric.margin,
        tolerance=metric.tolerance or NUMERIC_NOISE,
        quantum=metric.quantum,
        gated=metric.gate,
        rules=rules,
    )


def within_tolerance(same_seed: SameSeed, tolerance: Tolerance) -> bool:
    """Whether |c - b| <= abs + rel |b| for every seed both sides ran, and there is one. Never true of NaN."""
    return (
        same_seed.tolerable
        and bool(same_seed.pairs)
        and all(abs(c - b) <= tolerance.abs + tolerance.rel * abs(b) for b, c in same_seed.pairs)
    )


GoalLike = Goal | Literal["maximize", "minimize"] | None
