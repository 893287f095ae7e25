"""The first question: a second run of the same commit and seed, and how curves part."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders import a_failed_run, a_run, a_sha, a_snapshot
from hypothesis import given
from hypothesis import strategies as st

from experiment.bundle import CurveGap, Replicate
from experiment.curves import Curve
from experiment.snapshot import RunSummary
from experiment.spec import Goal, Metric, Tolerance
from reporting.decision import Reproduction
from reporting.parting import Parting, how_curves_part, how_it_parts, how_runs_part, parting
from reporting.reproduction import reproduced, what_differs

ACC = {"acc": Metric(goal=Goal.MAXIMIZE)}


def curve(values: Sequence[float], steps: Sequence[int] | None = None, metric: str = "loss") -> Curve:
    at = np.arange(1, len(values) + 1) if steps is None else np.array(steps, np.int64)
    return Curve(metric, 1, "output", at, np.array(values, np.float64), np.zeros(len(values)))


def gap(a: Sequence[float], b: Sequence[float]) -> CurveGap:
    found = how_curves_part(curve(a), curve(b))
    assert found is not None
    return found


def noise_that_grows(first: float, factor: float, steps: int = 60) -> CurveGap:
    base = np.linspace(2, 1, steps)
    return gap(base.tolist(), (base * (1 + first * factor ** np.arange(steps))).tolist())


def test_equal_curves_do_not_part() -> None:
    assert how_curves_part(curve([0.5, math.nan, math.inf]), curve([0.5, math.nan, math.inf])) is None


def test_signed_zeros_are_different_bits_and_no_gap() -> None:
    found = gap([1.0, 0.0, 1.0], [1.0, -0.0, 1.0])
    assert (found.first_bits, found.first_lasting, found.gap) == (2, None, (0.0, 0.0))


def test_a_gap_counts_when_it_holds_for_three_steps() -> None:
    found = gap([1.0] * 10, [1.0, 1.0, 1.1, 1.0, 1.1, 1.1, 1.0, 1.2, 1.2, 1.2])
    assert (found.start, found.first_bits, found.first_lasting, found.steps) == (1, 3, 8, 10)


def test_a_gap_that_holds_to_the_end_counts_too() -> None:
    assert gap([1.0, 1.0, 1.0], [1.0, 1.0, 2.0]).first_lasting == 3


def test_curves_are_compared_at_the_steps_both_have() -> None:
    found = how_curves_part(curve([1.0, 2.0, 3.0], [0, 10, 20]), curve([1.0, 2.5, 3.0], [0, 10, 30]))
    assert found is not None
    assert (found.first_bits, found.steps, found.step, found.gap) == (10, 2, (10,), (0.2,))
    longer = how_curves_part(curve([1.0, 2.0]), curve([1.0]))
    assert longer is not None
    assert (longer.first_bits, longer.first_lasting, longer.gap) == (2, None, ())
    apart = how_curves_part(curve([1.0], [0]), curve([1.0], [5]))
    assert apart is not None
    assert (apart.start, apart.first_bits, apart.steps) == (None, 0, 0)
    assert parting(apart) is Parting.UNCLEAR


def test_one_side_that_is_not_finite_is_infinitely_far() -> None:
    assert gap([1.0, 1.0, math.inf], [math.nan, -math.inf, math.inf]).gap == (math.inf, math.inf, 0.0)
    assert gap([1.7e308], [-1.7e308]).gap == (2.0,)


def test_a_long_gap_is_thinned_to_a_hundred_points_from_its_beginning_to_its_end() -> None:
    found = noise_that_grows(1e-16, 1.01, 5000)
    assert len(found.step) == len(found.gap) == 100
    assert found.step[0] == found.first_bits
    assert found.step[-1] == 5000


@pytest.mark.parametrize("first", [3e-16, 6e-8])
def test_from_rounding_size_and_growing_is_numerics(first: float) -> None:
    assert parting(noise_that_grows(first, 1.5)) is Parting.NUMERICS


def test_far_at_the_first_step_is_data_seed_initialisation_or_code() -> None:
    assert parting(noise_that_grows(0.3, 1.0)) is Parting.CAUSE


def test_far_at_a_later_step_is_left_open() -> None:
    assert parting(gap([1.0] * 6, [1.0, 1.0, 1.0, 1.5, 1.4, 1.6])) is Parting.UNCLEAR
    assert parting(noise_that_grows(1e-5, 1.0)) is Parting.UNCLEAR


def test_a_metric_of_two_sources_is_compared_with_itself() -> None:
    """A script may compute a score with scikit-learn and log it to MLflow too: two curves of one name."""
    of_sklearn, of_mlflow = curve([0.5]), replace(curve([0.5, 0.5]), source="mlflow")
    assert how_runs_part([of_sklearn, of_mlflow], [of_mlflow, of_sklearn]) == ()
    worse = replace(of_mlflow, value=np.array([0.5, 0.4]))
    assert [gap.first_bits for gap in how_runs_part([of_sklearn, of_mlflow], [of_sklearn, worse])] == [2]


def test_how_curves_part_is_one_clause() -> None:
    said = how_it_parts(gap([1.0] * 5, [1.3] * 5))
    assert said == "loss parts at step 1 by 23 % and for good, far at once: likely data, seed, initialisation or code"
    assert "for good" not in how_it_parts(gap([1.0, 0.0], [1.0, -0.0]))


@given(
    st.lists(st.floats(width=64), min_size=1, max_size=20), st.lists(st.floats(width=64), min_size=1, max_size=20)
)  # fmt: skip
def test_a_gap_is_never_nan_never_negative_and_the_same_from_both_sides(a: list[float], b: list[float]) -> None:
    one, other = how_curves_part(curve(a), curve(b)), how_curves_part(curve(b), curve(a))
    assert one == other
    if one is not None:
        assert all(g >= 0 for g in one.gap)
        assert len(one.step) == len(one.gap) <= one.steps


def asked(
    first: RunSummary, again: RunSummary, gaps: Sequence[CurveGap] = (), metrics: dict[str, Metric] | None = None
) -> tuple[Reproduction, str]:
    replicate = Replicate(run=again, gaps=tuple(gaps))
    return reproduced(a_snapshot(runs=[first]), None, replicate, ACC if metrics is None else metrics)


def run(value: float, **changes: Any) -> RunSummary:
    return a_run(0, {"acc": value}, **changes)


def test_equal_bits_reproduce() -> None:
    assert asked(run(0.94), run(0.94)) == (
        Reproduction.IDENTICAL, "seed 0 run twice on this machine, equal to the bit",
    )  # fmt: skip
    assert asked(run(0.94, cached=True), run(0.94))[1].startswith("seed 0 run twice on this machine, once from cache")


def test_numeric_noise_is_within_tolerance_and_says_what_differs() -> None:
    assert asked(run(0.94), run(0.94 + 1e-9)) == (
        Reproduction.WITHIN_TOLERANCE,
        "seed 0 run twice on this machine, within tolerance; not to the bit: acc",
    )
    wide = {"acc": Metric(tolerance=Tolerance(abs=0.1))}
    assert asked(run(0.94), run(0.95), metrics=wide)[0] is Reproduction.WITHIN_TOLERANCE


def test_a_metric_that_differs_is_named_with_both_values_and_how_the_curves_part() -> None:
    found, said = asked(run(0.94), run(0.91), [gap([1.0] * 5, [1.3] * 5)])
    assert found is Reproduction.DIFFERS
    assert said == (
        "seed 0 run twice on this machine: acc 0.94 and 0.91; loss parts at step 1 by 23 % and for good, "
        "far at once: likely data, seed, initialisation or code"
    )
    assert asked(run(0.94), run(0.91))[1] == "seed 0 run twice on this machine: acc 0.94 and 0.91"


def test_a_final_value_that_coincides_while_its_curve_parts_for_good_does_not_reproduce() -> None:
    again = run(0.94, result_sha256=a_sha("other"))
    parted = how_curves_part(curve([1.0] * 5, metric="acc"), curve([1.3] * 5, metric="acc"))
    assert parted is not None
    assert asked(run(0.94), again, [parted])[0] is Reproduction.DIFFERS
    brief = how_curves_part(
        curve([1.0, 0.0, 1.0], metric="acc"), curve([1.0, -0.0, 1.0], metric="acc")
    )  # fmt: skip
    assert brief is not None
    assert asked(run(0.94), again, [brief])[0] is Reproduction.WITHIN_TOLERANCE


def test_the_curve_of_a_metric_nobody_declared_is_no_reason_to_fail() -> None:
    first = a_run(0, {"acc": 0.94, "seconds": 1.2})
    again = a_run(0, {"acc": 0.94, "seconds": 1.4})
    seconds = how_curves_part(curve([1.0] * 5, metric="seconds"), curve([1.3] * 5, metric="seconds"))
    assert seconds is not None
    found, said = asked(first, again, [seconds])
    assert found is Reproduction.WITHIN_TOLERANCE
    assert said.endswith("not to the bit: seconds")


def test_without_declared_metrics_every_captured_one_counts() -> None:
    assert asked(run(0.94), run(0.91), metrics={})[0] is Reproduction.DIFFERS
    one, two = (a_run(0, {}, artifacts={"m": a_sha(text)}, result_sha256=a_sha(text)) for text in ("one", "two"))
    assert asked(one, two, metrics={}) == (Reproduction.DIFFERS, "seed 0 run twice on this machine: m differs")


def test_the_same_nan_twice_is_no_difference_of_values() -> None:
    again = run(math.nan, result_sha256=a_sha("other"))
    assert asked(run(math.nan), again)[0] is Reproduction.WITHIN_TOLERANCE
    assert asked(run(math.nan), run(1.0))[0] is Reproduction.DIFFERS


def test_a_second_run_that_tells_nothing_is_unverifiable_and_says_why() -> None:
    failed = asked(run(0.94), a_failed_run(0))
    assert failed == (Reproduction.UNVERIFIABLE, "the second run of seed 0 failed: user-error, exit status 1")
    assert asked(a_failed_run(0), run(0.94))[1].startswith("the first run of seed 0 failed")
    assert asked(a_run(1, {"acc": 0.94}), run(0.94)) == (Reproduction.UNVERIFIABLE, "seed 0 was run only once")
    assert asked(run(0.94), a_run(0, {"f1": 1.0}))[1].endswith("without a value of acc")
    assert asked(a_run(0, {}), a_run(0, {}))[1].endswith("leaving neither a metric nor an artifact")


def test_what_differs_names_metrics_and_files_but_not_what_the_runner_measures() -> None:
    one = a_run(0, {"acc": 1.0, "loss": 2.0, "runtime_s": 3.0}, artifacts={"m": a_sha("m"), "n": a_sha("n")})
    two = a_run(0, {"acc": 1.0, "f1": 2.0, "runtime_s": 4.0}, artifacts={"m": a_sha("other"), "n": a_sha("n")})
    assert what_differs(one, two) == (("loss", "f1"), ("m",))
