"""The statistics a verdict needs, each a pure function of floats; never a silent NaN.

Units: values, means, deviations, margins and effects are in units of the metric; p-values and coverages are fractions.
`scipy.special` holds the distributions that `scipy.stats` is made of and imports four times faster; it is imported
inside the functions, so that a comparison that ends with equal bits never pays for it.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

EQUIVALENCE_LEVEL = 0.05  # a side
MARGIN_SD = 2.0  # the margin where none is declared, in standard deviations of seed noise
MOST_SEEDS = 1000  # nobody runs more seeds to settle a comparison


class Noise(NamedTuple):
    """Seed-to-seed standard deviation of one run and its degrees of freedom; `sd` is None when `df` is 0."""

    sd: float | None
    df: int


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean, correctly summed, exact for equal values. ValueError when empty."""
    if not values:
        raise ValueError("the mean of no values")
    if min(values) == max(values):
        return values[0]
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        return math.fsum(value / len(values) for value in values)


def pooled_noise(groups: Iterable[Sequence[float]]) -> Noise:
    """s = sqrt(sum of squared deviations from each group's own mean / df), df = sum of (size - 1); empty groups add 0.

    The pooled estimate of Student's two-sample t test (Snedecor & Cochran, Statistical Methods, 8th ed., 6.8).
    `math.hypot` keeps squares from over- and underflowing; equal values give exactly 0.
    """
    deviations: list[float] = []
    df = 0
    for group in groups:
        if group:
            centre = mean(group)
            deviations += [value - centre for value in group]
            df += len(group) - 1
    return Noise(math.hypot(*deviations) / math.sqrt(df) if df else None, df)


def standard_error(sd: float, n: int, m: int) -> float:
    """Of the difference of means of n and m runs: sd * sqrt(1/n + 1/m)."""
    return sd * math.sqrt(1 / n + 1 / m)


def t_quantile(probability: float, df: int) -> float:
    """Quantile of Student's t. ValueError without a degree of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(_at_least_one(df), probability))


def student_p(delta: float, se: float, df: int) -> float:
    """Two-sided p of Student's t test of `delta` = 0: 2 P(T_df > |delta| / se). No error at all: 1 or 0, by delta."""
    from scipy.special import stdtr

    return min(1.0, 2 * float(stdtr(_at_least_one(df), -_ratio(abs(delta), se))))


def interval(delta: float, se: float, df: int, coverage: float = 0.95) -> tuple[float, float]:
    """Student's confidence interval: delta -+ t((1 + coverage) / 2, df) * se."""
    half = t_quantile((1 + coverage) / 2, df) * se
    return delta - half, delta + half


def prediction_interval(
    centre: float, sd: float, df: int, n: int, *, m: int = 1, coverage: float = 0.8
) -> tuple[float, float]:
    """Where the mean of m more runs falls: centre -+ t((1 + coverage) / 2, df) * sd * sqrt(1/m + 1/n).

    Hahn & Meeker, Statistical Intervals, 4.8.
    """
    return interval(centre, standard_error(sd, n, m), df, coverage)


def non_inferiority_p(gain: float, se: float, df: int, margin: float) -> float:
    """p of "worse by `margin` or more" against less, `gain` > 0 being better: P(T_df > (gain + margin) / se)."""
    from scipy.special import stdtr

    return float(stdtr(_at_least_one(df), -_ratio(gain + margin, se)))


def tost_p(delta: float, se: float, df: int, margin: float) -> float:
    """p of "apart by `margin` or more" against closer: the larger of two one-sided t tests (Schuirmann 1987)."""
    return non_inferiority_p(-abs(delta), se, df, margin)


def wellek_p(delta: float, sd: float, df: int, n: int, m: int, *, margin_sd: float = MARGIN_SD) -> float:
    """p of "apart by `margin_sd` standard deviations or more" against closer, the deviation being unknown too.

    P(F <= t^2), F non-central F with (1, df) degrees of freedom and non-centrality margin_sd^2 nm / (n + m): the
    uniformly most powerful invariant test (Wellek, Testing Statistical Hypotheses of Equivalence and Noninferiority,
    2nd ed., 6.1).
    """
    from scipy.special import ncfdtr

    t = _ratio(delta, standard_error(sd, n, m))
    if math.isinf(t * t):
        return 1.0
    return float(ncfdtr(1, _at_least_one(df), margin_sd**2 * n * m / (n + m), t * t))


def level_of_wellek(df: int, n: int, m: int, *, margin_sd: float = MARGIN_SD) -> float:
    """The |delta| / se below which `wellek_p` is below EQUIVALENCE_LEVEL."""
    from scipy.special import ncfdtri

    return math.sqrt(float(ncfdtri(1, _at_least_one(df), margin_sd**2 * n * m / (n + m), EQUIVALENCE_LEVEL)))


def non_inferiority_sd_p(gain: float, sd: float, df: int, n: int, m: int, *, margin_sd: float = MARGIN_SD) -> float:
    """p of "worse by `margin_sd` standard deviations or more" against less, `gain` > 0 being better.

    P(T > t), T non-central t with df degrees of freedom and non-centrality -margin_sd sqrt(nm / (n + m)): the
    one-sided companion of `wellek_p` (Wellek, as above, chapter 2.2 and 6.1).
    """
    from scipy.special import nctdtr

    t = _ratio(gain, standard_error(sd, n, m))
    if math.isinf(t):
        return 0.0 if t > 0 else 1.0
    # The upper tail of T is the lower tail of -T, whose non-centrality has the other sign.
    p = float(nctdtr(_at_least_one(df), margin_sd * math.sqrt(n * m / (n + m)), -t))
    return 0.0 if math.isnan(p) else p  # scipy's NaN here is an underflow: a tail below 1e-300


def fisher_p(failed_a: int, n_a: int, failed_b: int, n_b: int) -> float:
    """Two-sided p of Fisher's exact test that two groups of runs fail equally often: all tables no likelier than this.

    In whole numbers, so that ties between tables are exact. ValueError when more failed than ran.
    """
    if not (0 <= failed_a <= n_a and 0 <= failed_b <= n_b):
        raise ValueError(f"{failed_a} of {n_a} and {failed_b} of {n_b} are not counts of failures")
    failed = failed_a + failed_b
    ways = [math.comb(n_a, k) * math.comb(n_b, failed - k) for k in range(max(0, failed - n_b), min(n_a, failed) + 1)]
    here = math.comb(n_a, failed_a) * math.comb(n_b, failed_b)
    return sum(way for way in ways if way <= here) / sum(ways)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values in the order given: the running maximum of (k - rank) * p, at most 1 (Holm 1979)."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def smallest_effect(se: float, df: int, alpha: float, power: float = 0.9) -> float:
    """The true difference that a two-sided t test at `alpha` finds with this power (the wrong tail is left out).

    se times the non-centrality at which P(T'_df > t(1 - alpha/2, df)) = power (Cohen, Statistical Power Analysis, 2.5).
    """
    from scipy.special import chdtri, nctdtr

    critical = t_quantile(1 - alpha / 2, df)
    if critical > 100:  # one or two degrees of freedom: all the spread is the denominator's, and nctdtr is at its limit
        return se * critical * math.sqrt(float(chdtri(df, 1 - power)) / df)
    low, high = 0.0, critical + 10
    while nctdtr(df, high, critical) > 1 - power:
        low, high = high, 2 * high
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if nctdtr(df, middle, critical) > 1 - power else (low, middle)
    return se * high


def seeds_to_settle(
    delta: float, sd: float, *, n: int, other_df: int, alpha: float, margin: float | None, margin_sd: float = MARGIN_SD
) -> int | None:
    """Fewest candidate runs that would end an inconclusive comparison, should difference and noise stay as they are.

    `sd` > 0; n baseline runs; `other_df` degrees of freedom from everything but the candidate. `margin` None:
    equivalence is asked against `margin_sd` standard deviations. None when even MOST_SEEDS would not do.
    """
    import numpy as np

    m = np.arange(1, MOST_SEEDS + 1)
    designs = _Designs(n * m / (n + m), other_df + m - 1)
    return _first_settled(abs(delta), sd, designs, alpha=alpha, margin=margin, margin_sd=margin_sd)


def pairs_to_settle(
    delta: float, sd: float, *, alpha: float, margin: float | None, margin_sd: float = MARGIN_SD
) -> int | None:
    """The same for pairs of equal seeds, of which both sides need as many; `sd` of their differences / sqrt(2)."""
    import numpy as np

    k = np.arange(1, MOST_SEEDS + 1)
    return _first_settled(abs(delta), sd, _Designs(k / 2, k - 1), alpha=alpha, margin=margin, margin_sd=margin_sd)


class _Designs(NamedTuple):
    """Growing numbers of runs: nm / (n + m) and degrees of freedom of each (arrays)."""

    size: Any
    df: Any


def _first_settled(
    distance: float, sd: float, designs: _Designs, *, alpha: float, margin: float | None, margin_sd: float
) -> int | None:
    """Index from 1 of the first design that ends by difference or equivalence."""
    import numpy as np
    from scipy.special import ncfdtr, stdtr

    size, df = designs.size, np.maximum(designs.df, 1)
    with np.errstate(over="ignore"):
        se = sd / np.sqrt(size)
        t = distance / se
        close = ncfdtr(1, df, margin_sd**2 * size, t * t)
        if margin is not None:
            close = stdtr(df, (distance - margin) / se)
    settled = (designs.df > 0) & ((2 * stdtr(df, -t) < alpha) | (close < EQUIVALENCE_LEVEL))
    return int(np.flatnonzero(settled)[0]) + 1 if settled.any() else None


def _ratio(distance: float, error: float) -> float:
    if error:
        return distance / error
    return math.copysign(math.inf, distance) if distance else 0.0


def _at_least_one(df: int) -> int:
    if df < 1:
        raise ValueError("no degree of freedom: at least one side needs two runs")
    return df
