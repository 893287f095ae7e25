"""Later runs of the baseline's configuration: whether they are draws of the same noise, so that they may be pooled."""

import math
import statistics as plain
from collections.abc import Sequence

from reporting import statistics
from reporting.decision import History

MISFIT = 0.01
"""Below this p, spread or level of later runs is not the baseline's: something moved that is not recorded."""


def fit(baseline: Sequence[float], later: Sequence[float]) -> History | None:
    """Whether `later` fits the baseline in spread and in level; None where there are no finite values of both."""
    before, after = ([v for v in side if math.isfinite(v)] for side in (baseline, later))
    if not before or not after:
        return None
    spread, level = spread_p(before, after), level_p(before, after)
    return History(n=len(after), p_spread=spread, p_level=level, pooled=min(spread, level) >= MISFIT)


def spread_p(a: Sequence[float], b: Sequence[float]) -> float:
    """p that two groups spread alike: Brown and Forsythe's test, JASA 69 (1974); 1 where a group has less than three.

    Student's test of the distances from each group's median, which is their F test for two groups. With fewer than
    three values the distances of a group are all equal, so they have no spread of their own to test with.
    """
    if min(len(a), len(b)) < 3:
        return 1.0
    return level_p(*([abs(value - plain.median(group)) for value in group] for group in (a, b)))


def level_p(a: Sequence[float], b: Sequence[float]) -> float:
    """p that two groups have one mean: pooled two-sided Student test; 1 where nothing tells how much values differ."""
    noise = statistics.pooled_noise([a, b])
    if noise.sd is None or not math.isfinite(noise.sd):
        return 1.0
    delta = statistics.mean(b) - statistics.mean(a)
    return statistics.student_p(delta, statistics.standard_error(noise.sd, len(a), len(b)), noise.df)
