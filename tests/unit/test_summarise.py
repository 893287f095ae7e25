"""Run records and their curves -> the snapshot a baseline stores and a comparison judges."""

import math
from typing import Any

import numpy as np
import pytest
from builders import a_sha
from hypothesis import given
from hypothesis import strategies as st
from run_folders import LEARNING, a_curve, a_record

from experiment.curves import Curve
from experiment.finals import final_values
from experiment.record import DataRead, FileDigest, Outcome, Status
from experiment.spec import Goal, Metric
from experiment.summarise import BAND_STEPS, FinishedRun, band, bands, snapshot, summary

FAILED = Outcome(status=Status.USER_ERROR, exit_code=1, reason="ended with exit status 1")
LOSS = {"test/loss": Metric(goal=Goal.MINIMIZE)}


def a_finished(seed: int = 0, curves: list[Curve] | None = None, cached: bool = False, **changes: Any) -> FinishedRun:
    series = [a_curve(name, values) for name, values in LEARNING.items()] if curves is None else curves
    record = a_record(seed, **{"metrics": final_values(series, {}), **changes})
    return FinishedRun(record, series, cached=cached, note="again", log_tail="epoch 3")


def at_steps(steps: list[int], values: list[float] | None = None) -> Curve:
    kept = np.array(steps, np.int64)
    return Curve("test/loss", 1, "output", kept, np.array(values or steps, float), kept / 2)


def test_a_run_is_summed_up_with_its_curves_bits_and_result() -> None:
    run = a_finished(3, cached=True, artifacts={"m.npz": FileDigest(size=1, sha256=a_sha("m")), "lost": FileDigest()})
    found = summary(run)
    assert (found.seed, found.key, found.cached, found.note) == (3, run.record.key, True, "again")
    assert found.metrics == {"test/accuracy": 0.875, "test/loss": 0.5}
    assert found.steps == {"test/accuracy": 3, "test/loss": 3}
    assert found.curves == {curve.metric: curve.sha256() for curve in run.curves}
    assert found.artifacts == {"m.npz": a_sha("m"), "lost": None}


def test_only_a_run_that_failed_shows_its_output() -> None:
    assert summary(a_finished()).log_tail == ""
    assert summary(a_finished(outcome=FAILED)).log_tail == "epoch 3"


def test_equal_results_have_equal_digests_and_another_curve_has_another() -> None:
    other = [a_curve("test/accuracy", (0.5, 0.75, 0.875)), a_curve("test/loss", (2.0, 1.5, 0.5))]
    assert summary(a_finished(0)).result_sha256 == summary(a_finished(1)).result_sha256
    assert summary(a_finished(0)).result_sha256 != summary(a_finished(0, other)).result_sha256


def test_a_snapshot_holds_the_runs_by_seed_and_what_any_of_them_read() -> None:
    read = {name: DataRead(size=1, sha256=a_sha(name)) for name in "ab"}
    runs = [
        a_finished(2, started="2025-06-01T12:00:02Z", data={"b": read["b"]}, not_captured=("x", "y")),
        a_finished(1, started="2025-06-01T12:00:03Z", data={"a": read["a"]}, not_captured=("x",)),
    ]
    found = snapshot(runs, LOSS, commit="c" * 40, dirty=True)
    assert [run.seed for run in found.runs] == [1, 2]
    assert found.taken == "2025-06-01T12:00:03Z"
    assert found.configuration.data == read
    assert found.not_captured == ("x", "y")
    assert (found.commit, found.dirty, found.metrics) == ("c" * 40, True, LOSS)
    assert list(found.curves) == ["test/loss"]


def test_the_configuration_is_that_of_the_first_run_that_ended_well() -> None:
    bad = a_finished(0, outcome=FAILED, params={"lr": 1.0})
    good = a_finished(1, params={"lr": 2.0})
    assert snapshot([good, bad], {}, commit=None, dirty=False).configuration.params == {"lr": 2.0}
    assert snapshot([bad], {}, commit=None, dirty=False).configuration.params == {"lr": 1.0}


def test_without_declared_metrics_every_captured_one_has_a_band() -> None:
    assert list(bands([a_finished(0), a_finished(1)], {})) == ["test/accuracy", "test/loss"]


def test_failed_runs_and_single_values_have_no_band() -> None:
    point = a_finished(0, [a_curve("test/loss", (0.5,))])
    assert bands([point, a_finished(1, outcome=FAILED)], LOSS) == {}
    assert bands([point, a_finished(1)], LOSS)["test/loss"].n == 1
    assert bands([a_finished()], {"never/seen": Metric()}) == {}


def test_a_band_is_of_the_series_the_final_value_came_from() -> None:
    series = [a_curve("test/loss", (9.0, 8.0), 1), a_curve("test/loss", (2.0, 1.0), 2)]
    first = a_finished(0, series, metrics=final_values(series, {"test/loss": Metric(series=1)}))
    assert bands([first], LOSS)["test/loss"].median == (9.0, 8.0)
    assert bands([a_finished(0, series)], LOSS)["test/loss"].median == (2.0, 1.0)


def test_curves_that_are_not_the_records_give_no_band() -> None:
    series = [a_curve("test/loss", (9.0, 8.0), 1), a_curve("test/loss", (2.0, 1.0), 2)]
    known = final_values([a_curve("test/loss", (7.0, 7.5))], {})
    assert bands([a_finished(0, series, metrics=known)], LOSS) == {}


def test_a_band_lies_at_the_steps_all_curves_have() -> None:
    found = band([at_steps([1, 2, 3, 4]), at_steps([2, 4, 6], [20.0, 40.0, 60.0]), at_steps([2, 4])])
    assert found is not None
    assert (found.n, found.step) == (3, (2, 4))
    assert (found.low, found.median, found.high) == ((2.0, 4.0), (2.0, 4.0), (20.0, 40.0))


def test_below_two_common_steps_there_is_no_band() -> None:
    assert band([at_steps([1, 2]), at_steps([2, 3])]) is None
    assert band([at_steps([1])]) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_shows_in_the_band_without_a_warning(bad: float) -> None:
    found = band([at_steps([1, 2], [1.0, bad]), at_steps([1, 2], [3.0, -bad])])
    assert found is not None
    assert found.median[0] == 2.0
    assert math.isnan(found.median[1])


@given(st.lists(st.lists(st.integers(-50, 400), unique=True, min_size=1).map(sorted), min_size=1, max_size=5))
def test_a_band_keeps_first_and_last_common_step_and_at_most_a_hundred(steps: list[list[int]]) -> None:
    common = sorted(set.intersection(*map(set, steps)))
    found = band([at_steps(one, [float(7 * s % 13 + i) for s in one]) for i, one in enumerate(steps)])
    if len(common) < 2:
        assert found is None
        return
    assert found is not None
    assert (found.step[0], found.step[-1]) == (common[0], common[-1])
    assert set(found.step) <= set(common)
    assert len(found.step) == min(len(common), BAND_STEPS)
    assert all(low <= mid <= high for low, mid, high in zip(found.low, found.median, found.high, strict=True))
