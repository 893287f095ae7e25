"""Two snapshots and a policy -> the verdict and what the gate makes of it."""

import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from builders import (
    BASELINE_VALUES,
    CANDIDATE_VALUES,
    METRICS,
    a_failed_run,
    a_policy,
    a_run,
    a_sha,
    a_snapshot,
)
from hypothesis import given
from hypothesis import strategies as st

from experiment.bundle import Replicate
from experiment.record import Outcome, Status
from experiment.snapshot import RunSummary, Snapshot
from experiment.spec import Gate, Goal, Metric
from reporting.comparison import compare
from reporting.decision import GateResult, Judgement, Reproduction, Verdict

ACC = {"acc": Metric(goal=Goal.MAXIMIZE, margin=0.005)}
VALUES = (0.9322, 0.9324, 0.9382, 0.9384, 0.9411, 0.9421, 0.9431, 0.9436, 0.9461, 0.9520)
BEFORE = a_snapshot({"acc": VALUES})
REPORTED = Gate(reproduce="report")


def ran(*values: float, **changes: Any) -> Snapshot:
    return a_snapshot(runs=[a_run(seed, {"acc": value}) for seed, value in enumerate(values)], **changes)


def verdict(
    candidate: Snapshot,
    baseline: Snapshot | None = BEFORE,
    *,
    metrics: Mapping[str, Metric] = ACC,
    gate: Gate = REPORTED,
    replicate: RunSummary | None = None,
) -> Verdict:
    policy = a_policy(metrics=dict(metrics), gate=gate)
    return compare(baseline, candidate, policy, Replicate(run=replicate) if replicate else None)


def test_the_digits_example_is_regressed_and_fails_the_gate() -> None:
    baseline = a_snapshot(BASELINE_VALUES)
    found = compare(baseline, a_snapshot(CANDIDATE_VALUES), a_policy(metrics=METRICS, gate=REPORTED))
    assert (found.judgement, found.gate, found.exit_code) == (Judgement.REGRESSED, GateResult.FAILED, 1)
    assert [d.metric for d in found.decisions] == ["test/accuracy", "test/loss", "runtime_s"]
    assert not found.decisions[2].gated


def test_a_regression_is_explained_by_what_the_gate_asked() -> None:
    assert verdict(ran(0.913, 0.9221, 0.9008)).gate_reason == "not worse than −0.005 → failed"
    loss = {"acc": Metric(goal=Goal.MINIMIZE, margin=0.005)}
    assert verdict(ran(0.963, 0.97, 0.975), metrics=loss).gate_reason == "not worse than +0.005 → failed"
    assert verdict(ran(0.913, 0.9), metrics={"acc": Metric(goal=Goal.MAXIMIZE)}).gate_reason == "not worse → failed"


def test_the_same_bits_are_identical_and_count_as_the_second_run() -> None:
    found = verdict(ran(VALUES[0]), gate=Gate())
    assert (found.judgement, found.decisive, found.exit_code) == (Judgement.IDENTICAL, None, 0)
    assert found.reproduction is Reproduction.IDENTICAL
    assert found.reproduction_reason == "seed 0 gave the baseline's bits: that is a second run already"
    assert found.gate_reason == "not worse than −0.005 → passed"


def test_from_the_cache_it_is_said_that_nothing_was_run() -> None:
    cached = a_snapshot(runs=[a_run(0, {"acc": VALUES[0]}, cached=True)])
    found = verdict(cached, gate=Gate())
    assert found.exit_code == 0
    assert found.reproduction_reason == "seed 0 from cache has the baseline's bits; --no-cache runs it again"


def test_one_equal_seed_beside_a_different_one_is_not_identical() -> None:
    found = verdict(ran(VALUES[0], 0.9399), gate=Gate())
    assert found.judgement is not Judgement.IDENTICAL
    assert found.reproduction is Reproduction.NOT_ASKED


def test_equal_metrics_with_another_artifact_are_not_identical_and_the_file_is_named() -> None:
    old = a_run(0, {"acc": 0.94}, artifacts={"model.npz": a_sha("one")}, result_sha256=a_sha("one"))
    new = a_run(0, {"acc": 0.94}, artifacts={"model.npz": a_sha("two")}, result_sha256=a_sha("two"))
    found = verdict(a_snapshot(runs=[new]), a_snapshot(runs=[old, a_run(1, {"acc": 0.93})]))
    assert found.judgement is Judgement.WITHIN_TOLERANCE
    assert found.decisions[0].reason == "the metrics are equal to the bit, model.npz differs"


def test_runtime_is_the_wall_clock_and_never_keeps_bits_from_being_equal() -> None:
    metrics = {**ACC, "runtime_s": Metric(goal=Goal.MINIMIZE)}
    baseline = a_snapshot(runs=[a_run(i, {"acc": v}, wall_s=10 + i / 8) for i, v in enumerate(VALUES)])
    steady = verdict(a_snapshot(runs=[a_run(0, {"acc": VALUES[0]}, wall_s=10.5)]), baseline, metrics=metrics)
    assert [d.judgement for d in steady.decisions] == [Judgement.IDENTICAL, Judgement.CONSISTENT]
    assert (steady.judgement, steady.decisive, steady.exit_code) == (Judgement.CONSISTENT, "runtime_s", 0)
    slow = verdict(a_snapshot(runs=[a_run(0, {"acc": VALUES[0]}, wall_s=60.0)]), baseline, metrics=metrics)
    assert (slow.judgement, slow.decisive, slow.exit_code) == (Judgement.REGRESSED, "runtime_s", 1)


def test_a_declared_metric_that_was_never_seen_is_named_with_the_nearest_one() -> None:
    found = verdict(ran(0.94), metrics={"accc": Metric(goal=Goal.MAXIMIZE)})
    assert (found.judgement, found.gate, found.exit_code) == (Judgement.UNVERIFIABLE, GateResult.CANNOT_JUDGE, 4)
    assert found.decisions[0].reason == "accc was never seen in the run of seed 0; did you mean acc?"
    far = verdict(ran(0.94), metrics={"xyz": Metric()})
    assert far.decisions[0].reason.endswith("captured: acc")
    nothing = verdict(a_snapshot(runs=[a_run(0, {})]), metrics={"xyz": Metric()})
    assert nothing.decisions[0].reason.endswith("no metric was captured")


def test_a_metric_the_baseline_does_not_have_is_unverifiable_with_the_remedy() -> None:
    found = verdict(a_snapshot(runs=[a_run(0, {"acc": 0.94, "f1": 0.9})]), metrics={**ACC, "f1": Metric()})
    assert found.judgement is Judgement.UNVERIFIABLE
    assert "ml-experiment baseline accept" in found.decisions[1].reason


def test_an_artifact_that_was_not_written_is_unverifiable_whatever_the_policy() -> None:
    lost = a_snapshot(runs=[a_run(0, {"acc": 0.94}, artifacts={"model.npz": None})])
    found = verdict(lost)
    assert found.judgement is Judgement.UNVERIFIABLE
    assert found.decisions[0].reason == "model.npz was not written by the run of seed 0"
    lenient = Gate(reproduce="report", baseline="report", no_baseline="pass")
    for metrics in (ACC, {}):
        for baseline in (BEFORE, None):
            assert verdict(lost, baseline, metrics=metrics, gate=lenient).gate is GateResult.CANNOT_JUDGE


@pytest.mark.parametrize(
    "status", [Status.USER_ERROR, Status.OUT_OF_MEMORY, Status.TIMEOUT, Status.INVALID]
)  # fmt: skip
def test_a_script_that_never_gets_to_a_result_fails(status: Status) -> None:
    crashed = a_snapshot(runs=[a_failed_run(0, status, "exit status 3")])
    found = verdict(crashed)
    assert (found.judgement, found.gate) == (Judgement.UNVERIFIABLE, GateResult.FAILED)
    assert found.gate_reason == f"runs that finish → failed: seed 0: {status}, exit status 3"
    reported = verdict(crashed, gate=Gate(reproduce="report", baseline="report"))
    assert reported.gate is GateResult.CANNOT_JUDGE


def test_one_failed_run_among_others_cannot_be_judged_and_is_counted() -> None:
    found = verdict(a_snapshot(runs=[a_run(0, {"acc": 0.94}), a_failed_run(1)]))
    assert (found.judgement, found.gate) == (Judgement.UNVERIFIABLE, GateResult.CANNOT_JUDGE)
    assert found.decisions[0].reason == "seed 1: user-error, exit status 1 (1 of 2 runs failed)"
    assert found.decisions[0].candidate.failed == 1


def test_the_machines_failure_is_infrastructure_and_named_before_the_scripts() -> None:
    runs = [a_failed_run(0), a_failed_run(1, Status.INFRA_ERROR, "disk full")]
    found = verdict(a_snapshot(runs=runs))
    assert (found.gate, found.exit_code) == (GateResult.INFRASTRUCTURE, 3)
    assert "seed 1: infra-error, disk full" in found.gate_reason


def test_the_machines_failure_in_the_second_run_counts_where_it_is_required() -> None:
    second = a_failed_run(0, Status.INFRA_ERROR, "disk full")
    assert verdict(ran(0.941), replicate=second, gate=Gate()).gate is GateResult.INFRASTRUCTURE
    assert verdict(ran(0.941), replicate=second).gate is GateResult.PASSED


def test_a_cancelled_run_cannot_be_judged() -> None:
    run = a_run(0, {}, outcome=Outcome(status=Status.CANCELLED))
    found = verdict(a_snapshot(runs=[run]))
    assert (found.gate, found.gate_reason) == (
        GateResult.CANNOT_JUDGE,
        "whole results → cannot judge: seed 0: cancelled",
    )


def test_no_run_at_all_cannot_be_judged() -> None:
    for metrics in (ACC, {}):
        assert verdict(a_snapshot(runs=[]), metrics=metrics).gate is GateResult.CANNOT_JUDGE


def test_failed_baseline_runs_are_counted_and_left_out() -> None:
    baseline = a_snapshot(runs=[a_failed_run(0), *(a_run(i, {"acc": v}) for i, v in enumerate(VALUES, 1))])
    found = verdict(ran(0.9409), baseline)
    assert found.judgement is Judgement.CONSISTENT
    assert (found.decisions[0].baseline.n, found.decisions[0].baseline.failed) == (10, 1)


def test_nan_in_a_candidate_regresses_and_a_nan_with_the_same_bits_is_identical() -> None:
    assert verdict(ran(math.nan)).judgement is Judgement.REGRESSED
    sick = a_snapshot(runs=[a_run(0, {"acc": math.nan})])
    assert verdict(sick, sick).judgement is Judgement.IDENTICAL


def test_without_a_baseline_the_policy_says_whether_that_passes() -> None:
    found = verdict(ran(0.94), None)
    assert (found.judgement, found.decisive, found.exit_code) == (Judgement.NO_BASELINE, "acc", 4)
    assert found.gate_reason == "a baseline → cannot judge: none is stored yet"
    allowed = Gate(reproduce="report", no_baseline="pass")
    assert verdict(ran(0.94), None, gate=allowed).exit_code == 0
    assert verdict(ran(0.94), None, metrics={}, gate=allowed).exit_code == 0


def test_without_a_baseline_a_missing_metric_does_not_pass_either() -> None:
    allowed = Gate(reproduce="report", no_baseline="pass")
    metrics = {**ACC, "gone": Metric(goal=Goal.MINIMIZE), "shown": Metric(gate=False)}
    found = verdict(ran(0.94), None, metrics=metrics, gate=allowed)
    assert (found.judgement, found.decisive, found.exit_code) == (Judgement.UNVERIFIABLE, "gone", 4)
    assert [d.higher_is_better for d in found.decisions] == [True, False, None]


def test_without_declared_metrics_captured_ones_are_shown_and_only_equal_bits_pass() -> None:
    same = verdict(ran(VALUES[0]), metrics={})
    assert (same.judgement, same.exit_code, same.gate_reason) == (
        Judgement.IDENTICAL,
        0,
        "the baseline's bits → passed",
    )
    moved = verdict(ran(0.94), metrics={})
    assert (moved.judgement, moved.exit_code) == (Judgement.UNVERIFIABLE, 4)
    assert "name one under 'metrics'" in moved.gate_reason
    assert [(d.metric, d.gated) for d in moved.decisions] == [("acc", False)]
    assert verdict(ran(0.94), metrics={}, gate=Gate(reproduce="report", baseline="report")).exit_code == 0


def test_two_runs_that_left_nothing_are_not_identical() -> None:
    empty = a_snapshot(runs=[a_run(0, {})])
    found = verdict(empty, empty, metrics={}, gate=Gate(reproduce="report", baseline="report", no_baseline="pass"))
    assert (found.judgement, found.gate) == (Judgement.UNVERIFIABLE, GateResult.CANNOT_JUDGE)
    assert found.gate_reason.endswith("the run of seed 0 left neither a metric nor an artifact")


def test_a_required_second_run_that_differs_fails_even_when_the_baseline_is_met() -> None:
    second = a_run(0, {"acc": 0.93})
    found = verdict(ran(0.941), replicate=second, gate=Gate())
    assert (found.judgement, found.reproduction) == (Judgement.CONSISTENT, Reproduction.DIFFERS)
    assert (found.gate, found.gate_reason.split(":")[0]) == (GateResult.FAILED, "the same result again → failed")
    assert verdict(ran(0.941), replicate=second).gate is GateResult.PASSED


def test_a_required_second_run_that_was_not_made_cannot_be_judged() -> None:
    found = verdict(ran(0.941), gate=Gate())
    assert (found.reproduction, found.gate) == (Reproduction.NOT_ASKED, GateResult.CANNOT_JUDGE)
    assert found.gate_reason == "the same result again → cannot judge: this commit was not run a second time"


def test_a_required_second_run_that_is_equal_passes() -> None:
    assert verdict(ran(0.941), replicate=a_run(0, {"acc": 0.941}), gate=Gate()).exit_code == 0


def outcome(values: Sequence[float], asked: str, **metric: Any) -> tuple[Judgement, GateResult, str]:
    gate = Gate.model_validate({"reproduce": "report", "baseline": asked})
    found = verdict(ran(*values), metrics={"acc": Metric(**{"goal": Goal.MAXIMIZE, **metric})}, gate=gate)
    return found.judgement, found.gate, found.gate_reason


HIGHER = (0.9560, 0.9571, 0.9590, 0.9533, 0.9562)
AS_BEFORE = (0.9401, 0.9421, 0.9381, 0.9411, 0.9431)
OPEN = (0.9300, 0.9420, 0.9340)
ABOVE = (0.9500, 0.9440, 0.9480)


def test_non_inferior_passes_what_is_not_worse() -> None:
    assert outcome(HIGHER, "non-inferior")[:2] == (Judgement.IMPROVED, GateResult.PASSED)
    assert outcome(AS_BEFORE, "non-inferior")[:2] == (Judgement.EQUIVALENT, GateResult.PASSED)
    assert outcome((0.941,), "non-inferior")[:2] == (Judgement.CONSISTENT, GateResult.PASSED)


def test_non_inferior_cannot_be_said_of_an_open_comparison_and_more_seeds_are_named() -> None:
    judgement, gate, reason = outcome(OPEN, "non-inferior", margin=0.004)
    assert (judgement, gate) == (Judgement.INCONCLUSIVE, GateResult.CANNOT_JUDGE)
    assert reason.startswith("not worse than −0.004 → cannot judge: ")
    assert reason.endswith((" runs of this commit would settle it", "too few baseline runs to settle it"))


def test_non_inferior_passes_an_open_comparison_whose_bad_side_is_excluded() -> None:
    assert outcome(ABOVE, "non-inferior", margin=0.004)[:2] == (Judgement.INCONCLUSIVE, GateResult.PASSED)
    assert outcome(ABOVE, "equivalent", margin=0.004)[:2] == (Judgement.INCONCLUSIVE, GateResult.CANNOT_JUDGE)


def test_a_change_without_a_direction_cannot_be_called_no_worse() -> None:
    assert outcome(HIGHER, "non-inferior", goal=None) == (Judgement.CHANGED, GateResult.FAILED, "not changed → failed")
    assert outcome(HIGHER, "non-inferior", goal=None, margin=0.001)[2] == "not moved by more than 0.001 → failed"
    judgement, gate, _ = outcome(ABOVE, "non-inferior", goal=None, margin=0.004)
    assert (judgement, gate) == (Judgement.INCONCLUSIVE, GateResult.CANNOT_JUDGE)


def test_equivalent_asks_for_both_sides_and_for_more_than_one_run() -> None:
    assert outcome(HIGHER, "equivalent") == (
        Judgement.IMPROVED,
        GateResult.FAILED,
        "within 2 sd of the baseline → failed",
    )
    assert outcome(AS_BEFORE, "equivalent", margin=0.02)[1:] == (
        GateResult.PASSED, "within 0.02 of the baseline → passed",
    )  # fmt: skip
    assert outcome((0.941,), "equivalent")[1:] == (
        GateResult.CANNOT_JUDGE, "within 2 sd of the baseline → cannot judge: one run cannot show it",
    )  # fmt: skip


def test_report_only_reports() -> None:
    assert outcome((0.913, 0.9), "report")[1:] == (GateResult.PASSED, "nothing of the baseline → passed")


def test_the_gate_explains_the_metric_that_was_worst_for_it() -> None:
    metrics = {"good": Metric(goal=Goal.MAXIMIZE, margin=0.005), "bad": Metric(goal=Goal.MAXIMIZE, margin=0.007)}
    before = a_snapshot({"good": VALUES, "bad": VALUES})
    after = a_snapshot({"good": (0.94, 0.95), "bad": (0.9, 0.91)})
    assert verdict(after, before, metrics=metrics).gate_reason == "not worse than −0.007 → failed"


STATUSES = st.sampled_from([Status.OK, Status.OK, Status.OK, *Status])
DOUBLES = st.sampled_from([0.94, 0.93, 0.95, 0.7, math.nan, math.inf, -0.0])


@st.composite
def run_lists(draw: st.DrawFn) -> list[RunSummary]:
    runs = []
    for seed in range(draw(st.integers(0, 4))):
        names = draw(st.sets(st.sampled_from(["acc", "loss"])))
        made = a_run(seed, {name: draw(DOUBLES) for name in sorted(names)}, outcome=Outcome(status=draw(STATUSES)))
        files = draw(st.sampled_from([{}, {"m": a_sha("m")}, {"m": None}]))
        runs.append(made.model_copy(update={"artifacts": files}))
    return runs


GATES = st.builds(
    Gate,
    reproduce=st.sampled_from(["required", "report"]),
    baseline=st.sampled_from(["non-inferior", "equivalent", "report"]),
    no_baseline=st.sampled_from(["fail", "pass"]),
)


@given(run_lists(), st.none() | run_lists(), GATES, st.booleans(), st.none() | run_lists())
def test_nothing_that_is_missing_ever_passes(
    now: list[RunSummary],
    before: list[RunSummary] | None,
    gate: Gate,
    declared: bool,
    again: list[RunSummary] | None,
) -> None:
    metrics = {"acc": Metric(goal=Goal.MAXIMIZE), "loss": Metric(goal=Goal.MINIMIZE)} if declared else {}
    baseline = None if before is None else a_snapshot(runs=before)
    found = verdict(a_snapshot(runs=now), baseline, metrics=metrics, gate=gate, replicate=again[0] if again else None)
    assert found.gate_reason
    assert found.reproduction_reason
    if found.gate is not GateResult.PASSED:
        return
    assert now
    assert all(run.ok and None not in run.artifacts.values() for run in now)
    assert all(name in run.metrics for run in now for name in metrics)
    assert baseline is not None or gate.no_baseline == "pass"
    if gate.reproduce == "required":
        assert found.reproduction in (Reproduction.IDENTICAL, Reproduction.WITHIN_TOLERANCE)
    if baseline is not None and declared:
        assert all(any(run.ok and name in run.metrics for run in baseline.runs) for name in metrics)


def test_equal_bits_are_told_without_loading_the_statistics() -> None:
    code = """
import sys
from builders import a_policy, a_snapshot
from experiment.spec import Gate
from reporting.comparison import compare
from reporting.stages import next_stage
side = a_snapshot({"test/accuracy": (0.94, 0.95), "test/loss": (0.2, 0.3), "runtime_s": (12.0, 12.5)})
policy = a_policy(metrics={name: metric for name, metric in side.metrics.items() if metric.gate})
next_stage(side, side, policy, (0, 1, 2))
print(compare(side, side, policy).judgement, "scipy" in sys.modules)
"""
    root = Path(__file__).parents[2]
    paths = {"PYTHONPATH": f"{root}:{root / 'tests'}"}
    told = subprocess.run([sys.executable, "-c", code], env=paths, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["identical", "False"]
