"""Later runs of the baseline's configuration: pooled while they are draws of the same noise, dropped when not."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reporting.history import MISFIT, fit, level_p, spread_p

BEFORE = (0.9322, 0.9324, 0.9382, 0.9384, 0.9411, 0.9421, 0.9431, 0.9436, 0.9461, 0.9520)
VALUES = st.lists(st.integers(-500, 500).map(lambda k: k / 64), min_size=3, max_size=12)


@given(VALUES, VALUES)
def test_spread_is_compared_by_brown_and_forsythes_test_as_scipy_has_it(a: list[float], b: list[float]) -> None:
    distances = [np.abs(np.array(side) - np.median(side)) for side in (a, b)]
    if all(len(set(d.tolist())) == 1 for d in distances):
        return  # scipy divides by zero where no group has a spread of distances
    oracle = float(stats.levene(a, b, center="median").pvalue)
    assert spread_p(a, b) == pytest.approx(oracle, rel=1e-6, abs=1e-12)


def test_two_values_have_distances_but_no_spread_of_them() -> None:
    assert spread_p([0.1, 0.2], [0.1, 9.0, 5.0]) == 1.0


def test_one_value_a_side_is_compared_by_nothing() -> None:
    assert level_p([1.0], [2.0]) == 1.0


def test_draws_of_the_same_noise_are_pooled_nearly_always() -> None:
    rng = np.random.default_rng(5)
    kept = [fit(rng.normal(0, 1, 10).tolist(), rng.normal(0, 1, 12).tolist()) for _ in range(400)]
    assert np.mean([found is not None and found.pooled for found in kept]) > 0.95


def test_a_wider_spread_and_another_level_are_each_a_reason_to_drop_them() -> None:
    wider = fit(BEFORE, [0.90, 0.98, 0.91, 0.97, 0.92, 0.96])
    lower = fit(BEFORE, [value - 0.02 for value in BEFORE])
    assert wider is not None
    assert lower is not None
    assert not wider.pooled
    assert wider.p_spread < MISFIT < wider.p_level
    assert not lower.pooled
    assert lower.p_level < MISFIT < lower.p_spread


def test_what_is_not_finite_says_nothing_about_spread_or_level() -> None:
    found = fit((*BEFORE, math.nan), [0.94, math.inf, 0.941])
    assert found is not None
    assert (found.n, found.pooled) == (2, True)
    assert fit(BEFORE, [math.nan]) is None
    assert fit(BEFORE, []) is None


def test_constants_fit_only_the_same_constant() -> None:
    same, other = fit([0.5] * 4, [0.5] * 3), fit([0.5] * 4, [0.6] * 3)
    assert same is not None
    assert other is not None
    assert (same.pooled, other.pooled) == (True, False)
