"""The layer over the distributions, held against scipy.stats and statsmodels, and at its edges."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_ind

from reporting import statistics as ours

GRID = st.integers(-1000, 1000).map(lambda k: k / 64)
SAMPLES = st.lists(GRID, min_size=2, max_size=12).filter(
    lambda values: len(set(values)) > 1
)  # scipy warns of constants
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def parts(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float, int]:
    """(difference b - a, sd, standard error, df)"""
    noise = ours.pooled_noise([a, b])
    assert noise.sd is not None
    return ours.mean(b) - ours.mean(a), noise.sd, ours.standard_error(noise.sd, len(a), len(b)), noise.df


@given(SAMPLES, SAMPLES)
def test_student_p_and_interval_are_scipys(a: list[float], b: list[float]) -> None:
    delta, _, se, df = parts(a, b)
    oracle = stats.ttest_ind(b, a)
    assert ours.student_p(delta, se, df) == pytest.approx(oracle.pvalue, rel=1e-9, abs=1e-300)
    low, high = oracle.confidence_interval(0.95)
    assert ours.interval(delta, se, df) == pytest.approx((low, high), rel=1e-9, abs=1e-12)


@given(SAMPLES, SAMPLES, st.sampled_from([0.1, 1.0, 10.0]))
def test_tost_p_is_statsmodels(a: list[float], b: list[float], margin: float) -> None:
    delta, _, se, df = parts(a, b)
    oracle, _, _ = ttost_ind(np.array(b), np.array(a), -margin, margin, usevar="pooled")
    assert ours.tost_p(delta, se, df, margin) == pytest.approx(oracle, rel=1e-9, abs=1e-300)


@given(P_VALUES)
def test_holm_is_statsmodels(p: list[float]) -> None:
    assert ours.holm(p) == pytest.approx(multipletests(p, method="holm")[1])


@given(P_VALUES)
def test_holm_keeps_the_order_and_never_lowers_a_p_value(p: list[float]) -> None:
    adjusted = ours.holm(p)
    assert all(q >= original for q, original in zip(adjusted, p, strict=True))
    in_order = [adjusted[i] for i in sorted(range(len(p)), key=lambda i: p[i])]
    assert in_order == sorted(in_order)


def test_holm_of_nothing_is_nothing() -> None:
    assert ours.holm([]) == []


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
def test_fisher_p_is_scipys(failed_a: int, fine_a: int, failed_b: int, fine_b: int) -> None:
    oracle = stats.fisher_exact([[failed_a, fine_a], [failed_b, fine_b]]).pvalue
    found = ours.fisher_p(failed_a, failed_a + fine_a, failed_b, failed_b + fine_b)
    assert found == pytest.approx(oracle, rel=1e-6)


def test_more_failures_than_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="3 of 2"):
        ours.fisher_p(3, 2, 0, 1)


@pytest.mark.parametrize(("n", "m"), [(1, 10), (3, 3), (10, 5), (20, 5)])
def test_wellek_is_the_quantile_of_the_non_central_f(n: int, m: int) -> None:
    df = n + m - 2
    critical = math.sqrt(stats.ncf.ppf(0.05, 1, df, 4 * n * m / (n + m)))
    at = critical * ours.standard_error(1.0, n, m)
    assert ours.wellek_p(at, 1.0, df, n, m) == pytest.approx(0.05, rel=1e-6)
    assert ours.wellek_p(-at * 0.99, 1.0, df, n, m) < 0.05 < ours.wellek_p(at * 1.01, 1.0, df, n, m)


@pytest.mark.parametrize(("n", "m"), [(1, 10), (3, 3), (10, 5), (20, 5)])
@pytest.mark.parametrize("gain", [-3.0, -1.0, 0.0, 0.7, 4.0])
def test_non_inferiority_by_sd_is_the_tail_of_the_non_central_t(n: int, m: int, gain: float) -> None:
    df, shift = n + m - 2, math.sqrt(n * m / (n + m))
    oracle = stats.nct.sf(gain * shift, df, -2 * shift)
    assert ours.non_inferiority_sd_p(gain, 1.0, df, n, m) == pytest.approx(oracle, rel=1e-6, abs=1e-12)


@given(st.integers(1, 3000), st.integers(1, 3000), st.floats(-50, 50))
def test_non_inferiority_by_sd_is_never_nan(n: int, m: int, gain: float) -> None:
    p = ours.non_inferiority_sd_p(gain, 1.0, max(n + m - 2, 1), n, m)
    assert 0 <= p <= 1
    if gain > 3:
        assert p < 0.5 or n * m < 20


def test_non_inferiority_in_units_of_the_metric_is_one_half_of_tost() -> None:
    assert ours.non_inferiority_p(-0.3, 0.2, 8, 1.0) == ours.tost_p(0.3, 0.2, 8, 1.0)
    assert ours.non_inferiority_p(0.3, 0.2, 8, 1.0) < ours.tost_p(0.3, 0.2, 8, 1.0)


def test_the_prediction_interval_holds_four_runs_of_five() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(4000):
        *runs, one = rng.normal(3, 0.5, 11).tolist()
        noise = ours.pooled_noise([runs])
        assert noise.sd is not None
        low, high = ours.prediction_interval(ours.mean(runs), noise.sd, noise.df, len(runs))
        inside += low <= one <= high
    assert 0.78 < inside / 4000 < 0.82


@pytest.mark.parametrize("df", [1, 2, 3, 9, 13, 50])
@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.001])
def test_the_smallest_effect_is_found_nine_times_in_ten(df: int, alpha: float) -> None:
    effect = ours.smallest_effect(2.0, df, alpha) / 2.0
    critical = stats.t.isf(alpha / 2, df)
    chi = stats.chi(df)
    v = chi.ppf((np.arange(20000) + 0.5) / 20000) / math.sqrt(df)
    assert stats.norm.cdf(effect - critical * v).mean() == pytest.approx(0.9, abs=1e-3)


def test_a_mean_of_equal_values_is_that_value_and_their_noise_is_exactly_none() -> None:
    assert ours.mean([0.1] * 3) == 0.1
    assert ours.pooled_noise([[0.1] * 3, [0.7] * 10]) == (0.0, 11)


def test_the_mean_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        ours.mean([])


def test_large_and_small_values_neither_overflow_nor_vanish() -> None:
    assert ours.mean([1.7e308, 1.6e308]) == pytest.approx(1.65e308)
    assert ours.pooled_noise([[1e200, 2e200]]).sd == pytest.approx(1e200 / math.sqrt(2))
    assert ours.pooled_noise([[1e-200, 2e-200]]).sd == pytest.approx(1e-200 / math.sqrt(2))


def test_one_run_a_side_has_no_noise_and_nothing_is_made_of_it() -> None:
    assert ours.pooled_noise([[1.0], [2.0], []]) == (None, 0)
    with pytest.raises(ValueError, match="two runs"):
        ours.student_p(1.0, 1.0, 0)
    with pytest.raises(ValueError, match="two runs"):
        ours.interval(1.0, 1.0, 0)


def test_without_any_error_a_difference_is_certain_and_none_is_none() -> None:
    assert ours.student_p(1e-9, 0.0, 5) == 0.0
    assert ours.student_p(0.0, 0.0, 5) == 1.0
    assert ours.tost_p(0.5, 0.0, 5, 1.0) == 0.0
    assert ours.tost_p(2.0, 0.0, 5, 1.0) == 1.0
    assert ours.wellek_p(0.5, 0.0, 5, 3, 4) == 1.0
    assert ours.wellek_p(0.0, 0.0, 5, 3, 4) == 0.0
    assert ours.non_inferiority_sd_p(0.5, 0.0, 5, 3, 4) == 0.0
    assert ours.non_inferiority_sd_p(-0.5, 0.0, 5, 3, 4) == 1.0


def settled(delta: float, m: int, n: int, margin: float | None) -> bool:
    se, df = ours.standard_error(1.0, n, m), n + m - 2
    close = ours.wellek_p(delta, 1.0, df, n, m) if margin is None else ours.tost_p(delta, se, df, margin)
    return close < 0.05 or ours.student_p(delta, se, df) < 0.01


@pytest.mark.parametrize("margin", [None, 0.3, 1.0])
@pytest.mark.parametrize("delta", [0.0, -0.8, 1.3, 3.0])
def test_seeds_to_settle_is_the_first_number_that_decides(delta: float, margin: float | None) -> None:
    found = ours.seeds_to_settle(delta, 1.0, n=10, other_df=9, alpha=0.01, margin=margin)
    first = next((m for m in range(1, ours.MOST_SEEDS + 1) if settled(delta, m, 10, margin)), None)
    assert found == first


def test_no_number_of_candidate_seeds_makes_up_for_a_small_baseline() -> None:
    assert ours.seeds_to_settle(0.4, 1.0, n=2, other_df=1, alpha=0.01, margin=0.1) is None


def test_one_baseline_run_needs_candidate_runs_to_know_the_noise() -> None:
    found = ours.seeds_to_settle(8.0, 1.0, n=1, other_df=0, alpha=0.01, margin=1.0)
    assert found is not None
    assert found >= 3
