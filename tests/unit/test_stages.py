"""How many runs are made: one, all, and whether one is made twice."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from builders import a_failed_run, a_policy, a_run, a_snapshot

from experiment.record import Status
from experiment.snapshot import Snapshot
from experiment.spec import Gate, Goal, Metric, Stages
from reporting.comparison import compare
from reporting.decision import Judgement
from reporting.stages import Continue, Stop, first_stage, next_stage, second_run

VALUES = (0.9322, 0.9324, 0.9382, 0.9384, 0.9411, 0.9421, 0.9431, 0.9436, 0.9461, 0.9520)
BEFORE = a_snapshot({"acc": VALUES})
SEEDS = (0, 1, 2, 3, 4)
ACC = {"acc": Metric(goal=Goal.MAXIMIZE)}


def ran(*values: float, first: int = 0) -> Snapshot:
    return a_snapshot(runs=[a_run(first + i, {"acc": value}) for i, value in enumerate(values)])


def after(
    candidate: Snapshot, baseline: Snapshot | None = BEFORE, seeds: Sequence[int] = SEEDS, **policy: Any
) -> Continue | Stop:
    return next_stage(baseline, candidate, a_policy(**{"metrics": ACC, **policy}), seeds)


def test_one_run_comes_first_and_the_plan_says_what_may_follow() -> None:
    plan = first_stage(BEFORE, SEEDS)
    assert plan == Continue((0,), "1 run; up to 4 more if it looks different from the baseline's 10 runs")
    assert after(ran()) == plan
    assert first_stage(BEFORE, (3,)) == Continue((3,), "1 run against the baseline's 10 runs")


def test_the_first_seed_is_one_that_the_baseline_ran_since_only_that_can_be_identical() -> None:
    assert first_stage(BEFORE, (42, 43, 7, 8)).seeds == (7,)
    assert first_stage(BEFORE, (42, 43)).seeds == (42,)


def test_without_a_baseline_all_seeds_are_run_at_once() -> None:
    assert first_stage(None, SEEDS) == Continue(SEEDS, "no baseline yet: all 5 seeds")
    assert first_stage(None, (3,)) == Continue((3,), "no baseline yet: 1 seed")
    assert after(ran(0.94), None) == Continue((1, 2, 3, 4), "4 more runs of 5")


def test_a_baseline_of_one_run_gives_no_interval_so_all_seeds_are_run() -> None:
    single = a_snapshot(runs=[a_run(0, {"acc": 0.94}), a_failed_run(1)])
    assert first_stage(single, SEEDS) == Continue(
        SEEDS, "1 baseline run cannot tell how much seeds differ: all 5 seeds"
    )  # fmt: skip
    assert after(ran(0.93), single) == Continue((1, 2, 3, 4), "cannot be judged by one baseline run: 4 more runs")


def test_the_same_bits_need_no_more_runs() -> None:
    assert after(ran(VALUES[0])) == Stop("the same bits as the baseline: no more runs")


def test_inside_the_interval_no_more_runs_are_spent() -> None:
    assert after(ran(0.9409)) == Stop("inside what 80 % of baseline runs give: no more runs")


def test_numeric_noise_needs_no_more_runs() -> None:
    assert after(ran(VALUES[0] + 1e-9)) == Stop("within tolerance or margin of the baseline: no more runs")


def test_outside_the_interval_all_seeds_are_run() -> None:
    assert after(ran(0.9130)) == Continue((1, 2, 3, 4), "outside what 80 % of baseline runs give: 4 more runs")
    assert after(ran(0.9130), seeds=(0, 1)).reason.endswith(": 1 more run")
    assert after(ran(0.97)) == after(ran(0.9130))


def test_of_several_metrics_one_outside_is_enough_and_is_named() -> None:
    metrics = {"acc": Metric(goal=Goal.MAXIMIZE), "f1": Metric(goal=Goal.MAXIMIZE), "shown": Metric(gate=False)}
    before = a_snapshot({"acc": VALUES, "f1": VALUES, "shown": VALUES})
    now = a_snapshot({"acc": (0.94,), "f1": (0.91,), "shown": (0.1,)})
    assert after(now, before, metrics=metrics).reason == "f1 outside what 80 % of baseline runs give: 4 more runs"
    fine = a_snapshot({"acc": (0.94,), "f1": (0.941,), "shown": (0.1,)})
    assert isinstance(after(fine, before, metrics=metrics), Stop)


def test_equivalence_is_not_shown_by_one_run_that_is_merely_consistent() -> None:
    gate = Gate(baseline="equivalent")
    assert after(ran(0.9409), gate=gate) == Continue((1, 2, 3, 4), "one run cannot show equivalence: 4 more runs")
    assert isinstance(after(ran(VALUES[0]), gate=gate), Stop)


def test_a_run_that_failed_is_not_followed_by_more() -> None:
    for status in (Status.USER_ERROR, Status.INFRA_ERROR):
        stop = after(a_snapshot(runs=[a_failed_run(0, status)]))
        assert stop == Stop(f"seed 0: {status}, exit status 1: no more runs")


def test_a_result_that_is_not_finite_or_not_there_is_not_followed_by_more() -> None:
    assert after(ran(math.nan)).reason == (
        "acc is not finite in 1 of 1 run; in the baseline it always is: no more runs"
    )  # fmt: skip
    assert isinstance(after(ran(math.nan)), Stop)
    missing = after(ran(0.94), metrics={"auc": Metric()})
    assert isinstance(missing, Stop)
    assert missing.reason.startswith("auc was never seen")


FIRST_THREE = Stages(first=3, escalate=0.3)


def test_a_first_stage_of_several_runs_is_held_against_means_of_as_many() -> None:
    plan = first_stage(BEFORE, SEEDS, 3)
    assert plan == Continue((0, 1, 2), "3 runs; up to 2 more if they look different from the baseline's 10 runs")
    assert after(ran(0.9409), stages=FIRST_THREE) == Continue((1, 2, 3, 4), "4 more runs of 5")  # interrupted
    inside = after(ran(0.9409, 0.9411, 0.9405), stages=FIRST_THREE)
    assert inside == Stop("inside what 70 % of means of 3 baseline runs give: no more runs")
    outside = after(ran(0.9330, 0.9335, 0.9320), stages=FIRST_THREE)
    assert outside == Continue((3, 4), "outside what 70 % of means of 3 baseline runs give: 2 more runs")
    # Each of the three alone would have been inside.
    assert all(isinstance(after(ran(value)), Stop) for value in (0.9330, 0.9335, 0.9323))


def test_a_first_stage_of_all_seeds_is_the_only_one() -> None:
    at_once = Stages(first=5)
    assert first_stage(BEFORE, SEEDS, 5) == Continue(SEEDS, "5 runs against the baseline's 10 runs")
    assert after(ran(*VALUES[:5]), stages=at_once) == Stop("")


def test_how_readily_more_runs_are_made_is_the_policys() -> None:
    for escalate, expected in ((0.1, Stop), (0.6, Continue)):
        assert isinstance(after(ran(0.9340), stages=Stages(escalate=escalate)), expected)


def test_later_runs_of_the_baselines_configuration_tell_better_what_to_expect() -> None:
    two = a_snapshot({"acc": VALUES[3:5]})
    later = [a_run(30 + i, {"acc": value}) for i, value in enumerate(VALUES)]
    policy = a_policy(metrics=ACC)
    assert isinstance(next_stage(two, ran(0.9480), policy, SEEDS), Continue)
    assert isinstance(next_stage(two, ran(0.9480), policy, SEEDS, later), Stop)


def test_a_stage_that_was_interrupted_is_finished() -> None:
    assert after(ran(0.91, 0.92)) == Continue((2, 3, 4), "3 more runs of 5")


def test_after_the_last_seed_there_is_nothing_to_say() -> None:
    assert after(ran(0.91, 0.92, 0.9, 0.9, 0.9)) == Stop("")


def test_without_a_gated_metric_there_is_nothing_to_decide_by() -> None:
    assert after(ran(0.9), metrics={}) == Stop("no metric gates: no more runs")


def test_the_same_commit_and_seed_are_run_again() -> None:
    assert second_run(BEFORE, ran(0.9409)) == Continue((0,), "seed 0 again: does it reproduce?")
    assert second_run(None, ran(0.9409, first=3)).reason == "seed 3 again: does it reproduce?"


def test_the_baselines_bits_are_a_second_run_already() -> None:
    assert second_run(BEFORE, ran(VALUES[0])) == Stop("seed 0 gave the baseline's bits: that is a second run already")
    assert isinstance(second_run(BEFORE, ran(VALUES[0], 0.1)), Continue)


def test_a_run_that_failed_is_not_made_twice() -> None:
    failed = a_snapshot(runs=[a_failed_run(0), a_run(1, {"acc": 0.94})])
    assert second_run(BEFORE, failed) == Continue((1,), "seed 1 again: does it reproduce?")
    assert second_run(BEFORE, a_snapshot(runs=[a_failed_run(0)])) == Stop("no run ended well: none is made twice")


def spent(baseline: Sequence[float], candidate: Sequence[float]) -> tuple[Judgement, int]:
    """The whole plan against one baseline: the judgement and the runs it took. Seeds of the two sides differ."""
    stored, policy, seeds = a_snapshot({"acc": baseline}), a_policy(metrics=ACC), tuple(range(50, 55))
    runs = ran(first=50)
    while isinstance(step := next_stage(stored, runs, policy, seeds), Continue):
        runs = ran(*candidate[: len(runs.runs) + len(step.seeds)], first=50)
    return compare(stored, runs, policy).judgement, len(runs.runs)


@pytest.mark.parametrize(("n", "drop"), [(5, 3.5), (10, 3.0), (20, 2.8)])
def test_two_stages_find_what_the_manual_promises_and_spend_two_runs_on_nothing(n: int, drop: float) -> None:
    rng = np.random.default_rng(n)
    draws = [(rng.normal(0, 1, n).tolist(), rng.normal(0, 1, 5)) for _ in range(250)]
    unchanged = [spent(b, c.tolist()) for b, c in draws]
    assert np.mean([judgement in (Judgement.REGRESSED, Judgement.IMPROVED) for judgement, _ in unchanged]) <= 0.025
    assert 1.5 < np.mean([runs for _, runs in unchanged]) < 2.2
    dropped = [spent(b, (c - drop).tolist())[0] for b, c in draws]
    assert np.mean([judgement is Judgement.REGRESSED for judgement in dropped]) >= 0.85
