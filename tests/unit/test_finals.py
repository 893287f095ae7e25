"""Which series counts, and whether the last point or the mean of the last N."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_folders import a_curve

from experiment.curves import Curve
from experiment.finals import final_values
from experiment.record import MetricValue
from experiment.spec import Metric

TWICE = [a_curve("loss", (9.0, 8.0), 1), a_curve("loss", (3.0, 2.0, 1.0), 2)]


def value_of(curves: list[Curve], rule: Metric) -> float:
    return final_values(curves, {"loss": rule})["loss"].value


def test_the_last_point_of_the_last_series_counts() -> None:
    assert final_values(TWICE, {}) == {
        "loss": MetricValue(value=1.0, step=3, points=3, source="file metrics.json", curve_sha256=TWICE[1].sha256())
    }
    assert final_values(reversed(TWICE), {}) == final_values(TWICE, {})


def test_the_experiment_file_may_choose_another_series() -> None:
    assert value_of(TWICE, Metric(series=1)) == 8.0


def test_a_series_that_is_not_there_leaves_the_metric_out() -> None:
    assert final_values(TWICE, {"loss": Metric(series=3)}) == {}


def test_last_n_is_the_mean_of_the_last_n_points_or_of_all_there_are() -> None:
    assert value_of(TWICE, Metric(last=2)) == 1.5
    assert value_of(TWICE, Metric(last=50)) == 2.0


def test_a_curve_without_points_is_no_metric() -> None:
    assert final_values([a_curve("loss", ())], {}) == {}


def test_a_single_value_has_no_curve() -> None:
    assert final_values([a_curve("auc", (0.5,))], {})["auc"].curve_sha256 is None


def test_metrics_come_sorted_and_declared_ones_without_a_curve_are_left_out() -> None:
    found = final_values([a_curve("z", (1.0,)), a_curve("a", (2.0,))], {"missing": Metric()})
    assert list(found) == ["a", "z"]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_kept(bad: float) -> None:
    for rule in (Metric(), Metric(last=2)):
        assert value_of([a_curve("loss", (1.0, bad))], rule) == pytest.approx(bad, nan_ok=True)


def test_the_mean_of_both_infinities_is_not_a_number_and_no_warning() -> None:
    assert math.isnan(value_of([a_curve("loss", (math.inf, -math.inf))], Metric(last=2)))


@given(st.lists(st.floats(-1e100, 1e100), min_size=1), st.integers(1, 40))
def test_the_mean_lies_between_the_values_it_is_of(values: list[float], last: int) -> None:
    kept = values[-last:]
    found = value_of([a_curve("loss", values)], Metric(last=last))
    slack = 1e-12 * max(map(abs, kept))
    assert min(kept) - slack <= found <= max(kept) + slack


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_the_final_value_is_the_last_points_bits(values: list[float]) -> None:
    assert np.float64(value_of([a_curve("loss", values)], Metric())).tobytes() == np.float64(values[-1]).tobytes()
