"""Noise of several families, and the verdict's steps 4 to 8 by array arithmetic: what `verdict.py` measures with."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from experiment.spec import Goal
from reporting.decision import Judgement
from reporting.evidence import Rules
from reporting.statistics import EQUIVALENCE_LEVEL, level_of_wellek

Array = NDArray[np.float64]
Answers = NDArray[np.int64]

ORDER = (
    Judgement.EQUIVALENT,
    Judgement.IMPROVED,
    Judgement.REGRESSED,
    Judgement.INCONCLUSIVE,
    Judgement.CONSISTENT,
)
EQUIVALENT, IMPROVED, REGRESSED, INCONCLUSIVE, CONSISTENT = range(5)


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """What every formula assumes."""
    return rng.standard_normal(shape)


def skewed(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Exponential, its tail towards low values as that of an accuracy near its ceiling: skewness -2."""
    made: Array = 1 - rng.standard_exponential(shape)
    return made


def t3(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Heavy tails: Student's t with 3 degrees of freedom."""
    made: Array = rng.standard_t(3, shape) / np.sqrt(3)
    return made


def bimodal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Two basins, equally likely, 1.74 sd apart: as far as gives the manual's first rates for the worst noise."""
    made: Array = rng.choice([-0.87, 0.87], shape) + np.sqrt(1 - 0.87**2) * rng.standard_normal(shape)
    return made


def lattice(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """An accuracy over few examples: a grid of one half sd."""
    made: Array = np.round(2 * rng.standard_normal(shape)) / 2 / np.sqrt(1 + 0.25 / 12)
    return made


def collapsing(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """One training in ten diverges and ends ten sd lower."""
    return rng.standard_normal(shape) - 10.0 * (rng.random(shape) < 0.1)


Noise = Callable[[np.random.Generator, tuple[int, ...]], Array]
FAMILIES: tuple[Noise, ...] = (normal, skewed, t3, bimodal, lattice)


@dataclass(frozen=True)
class Sides:
    """Comparisons by row: baseline (repeats x n) and candidate (repeats x m), the margin, and which way is good."""

    baseline: Array
    candidate: Array
    margin: float | None = None
    goal: Goal = Goal.MAXIMIZE

    def first(self, m: int) -> "Sides":
        """The first m candidate runs."""
        return Sides(self.baseline, self.candidate[:, :m], self.margin, self.goal)


@dataclass(frozen=True)
class Numbers:
    """Step 4 of each row: difference, deviation, standard error, degrees of freedom, p."""

    delta: Array
    sd: Array
    se: Array
    df: int
    p: Array


def numbers(sides: Sides) -> Numbers:
    """Pooled noise and Student's p."""
    b, c = sides.baseline, sides.candidate
    n, m = b.shape[-1], c.shape[-1]
    delta = c.mean(-1) - b.mean(-1)
    squares = ((b - b.mean(-1, keepdims=True)) ** 2).sum(-1) + ((c - c.mean(-1, keepdims=True)) ** 2).sum(-1)
    sd = np.sqrt(squares / (n + m - 2))
    se = sd * np.sqrt(1 / n + 1 / m)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(se > 0, np.abs(delta) / se, np.where(delta == 0, 0.0, np.inf))
    return Numbers(delta, sd, se, n + m - 2, 2 * special.stdtr(n + m - 2, -t))


def answers(sides: Sides, rules: Rules, p: Array | None = None) -> Answers:
    """Steps 4 to 8 of every row; `p` where it was adjusted."""
    found, n, m = numbers(sides), sides.baseline.shape[-1], sides.candidate.shape[-1]
    distance = np.abs(found.delta)
    if sides.margin is None:
        close = distance < level_of_wellek(found.df, n, m) * found.se
    else:
        close = distance + special.stdtrit(found.df, 1 - EQUIVALENCE_LEVEL) * found.se < sides.margin
    moved = np.where((found.delta > 0) == (sides.goal is Goal.MAXIMIZE), IMPROVED, REGRESSED)
    said = np.where((found.p if p is None else p) < rules.alpha, moved, INCONCLUSIVE)
    said = np.where(close, EQUIVALENT, said)
    if m in (1, rules.first):
        half = special.stdtrit(found.df, 1 - rules.escalate / 2) * found.se
        said = np.where(distance <= half, CONSISTENT, said)
    exact = np.where(distance <= (sides.margin or 0.0), EQUIVALENT, moved)
    made: Answers = np.where(found.sd > 0, said, exact)
    return made


def staged(sides: Sides, rules: Rules) -> tuple[Answers, Array]:
    """Both stages of every row, and how many runs that took."""
    total = sides.candidate.shape[-1]
    early = answers(sides.first(rules.first), rules)
    settled = np.isin(early, (EQUIVALENT, CONSISTENT))
    said: Answers = np.where(settled, early, answers(sides, rules))
    spent: Array = np.where(settled, rules.first, total).astype(float)
    return said, spent
