"""The steps for one metric, and what holds whatever the numbers are."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from experiment.spec import Goal, Metric, Tolerance
from reporting.decision import Decision, Judgement, MarginKind
from reporting.evidence import Rules, SameSeed, terms_of
from reporting.verdict import judge

BASELINE = (0.9322, 0.9324, 0.9382, 0.9384, 0.9411, 0.9421, 0.9431, 0.9436, 0.9461, 0.9520)
LOWER = (0.9130, 0.9221, 0.9008, 0.9147, 0.9135)
NAN, INF = math.nan, math.inf
BITS = SameSeed(pairs=((1.0, 1.0),), equal_bits=True)


def test_nothing_to_compare_is_unverifiable_and_says_which_side() -> None:
    assert judge([], [1.0], metric="auc").reason == "the baseline has no value of auc"
    decision = judge([1.0, 2.0], [], metric="auc")
    assert (decision.judgement, decision.step) == (Judgement.UNVERIFIABLE, 0)
    assert decision.reason == "no run left a value of auc"


def test_a_failed_candidate_run_is_unverifiable_even_when_the_bits_of_the_others_are_equal() -> None:
    decision = judge(BASELINE, LOWER, metric="auc", candidate_failed=1, same_seed=BITS)
    assert decision.judgement is Judgement.UNVERIFIABLE
    assert decision.reason == "1 of 6 runs left no value of auc"
    assert decision.candidate.failed == 1


def test_failed_baseline_runs_are_counted_and_the_others_judged() -> None:
    decision = judge(BASELINE, LOWER, baseline_failed=2)
    assert decision.judgement is Judgement.REGRESSED
    assert decision.baseline.failed == 2


def test_not_finite_on_both_sides_with_the_same_bits_is_identical() -> None:
    decision = judge([NAN, 1.0], [NAN], same_seed=SameSeed(((NAN, NAN),), equal_bits=True))
    assert (decision.judgement, decision.step) == (Judgement.IDENTICAL, 1)


def test_a_baseline_that_was_never_finite_says_nothing() -> None:
    decision = judge([NAN, INF], [1.0], metric="loss")
    assert (decision.judgement, decision.step) == (Judgement.UNVERIFIABLE, 1)
    assert decision.reason == "loss is never finite in the baseline"


@pytest.mark.parametrize("goal", ["maximize", "minimize", None])
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_one_value_that_is_not_finite_where_the_baseline_always_was_is_a_regression(goal: Goal, bad: float) -> None:
    decision = judge(BASELINE, [0.94, bad, 0.94], goal=goal, metric="auc")
    assert (decision.judgement, decision.step, decision.p) == (Judgement.REGRESSED, 1, None)
    assert decision.reason == "auc is not finite in 1 of 3 runs; in the baseline it always is"
    assert decision.candidate.not_finite == 1


def test_more_failures_than_chance_gives_are_a_regression_by_fisher() -> None:
    decision = judge([*BASELINE, NAN], [NAN] * 9 + [0.94])
    assert (decision.judgement, decision.step) == (Judgement.REGRESSED, 1)
    assert decision.p is not None
    assert decision.p < 0.01


def test_as_many_failures_as_before_leave_the_finite_values_to_decide() -> None:
    decision = judge([*BASELINE, NAN], [*LOWER, NAN])
    assert (decision.judgement, decision.step) == (Judgement.REGRESSED, 7)
    assert decision.candidate.n == 5
    assert decision.candidate.not_finite == 1


def test_fewer_failures_are_no_regression() -> None:
    decision = judge([NAN] * 9 + [0.93, 0.94], BASELINE)
    assert decision.step > 1


def test_only_failures_that_chance_may_give_are_unverifiable() -> None:
    decision = judge([*BASELINE, NAN], [NAN], metric="auc")
    assert (decision.judgement, decision.step) == (Judgement.UNVERIFIABLE, 1)
    assert decision.reason == "auc is not finite in 1 of 1 run, and in 1 of 11 of the baseline"


def test_equal_bits_are_identical_and_cost_no_statistics() -> None:
    decision = judge(BASELINE, BASELINE[:1], same_seed=BITS)
    assert (decision.judgement, decision.step, decision.p, decision.delta) == (Judgement.IDENTICAL, 2, None, 0.0)


def test_equal_values_without_equal_bits_of_everything_are_not_identical() -> None:
    decision = judge(BASELINE, BASELINE[:1], same_seed=SameSeed(((0.9322, 0.9322),), equal_bits=False))
    assert (decision.judgement, decision.step) == (Judgement.WITHIN_TOLERANCE, 3)


def test_numeric_noise_at_the_same_seed_is_within_tolerance_and_the_largest_is_shown() -> None:
    pairs = ((0.9322, 0.9322 + 1e-8), (0.9324, 0.9324 - 3e-8))
    decision = judge(BASELINE, [c for _, c in pairs], same_seed=SameSeed(pairs))
    assert decision.judgement is Judgement.WITHIN_TOLERANCE
    assert decision.delta == pytest.approx(-3e-8)


def test_one_seed_out_of_tolerance_is_enough_to_go_on_to_statistics() -> None:
    pairs = ((0.9322, 0.9322), (0.9324, 0.9330))
    assert judge(BASELINE, [c for _, c in pairs], same_seed=SameSeed(pairs)).step > 3
    wide = judge(BASELINE, [c for _, c in pairs], same_seed=SameSeed(pairs), tolerance=Tolerance(abs=0.001))
    assert wide.step == 3


def test_values_too_far_apart_for_arithmetic_are_unverifiable() -> None:
    assert judge([-1.7e308, -1.7e308], [1.7e308], metric="loss").reason.startswith("the values of loss are too far")
    assert judge([-1.7e308, 1.7e308], [0.0]).judgement is Judgement.UNVERIFIABLE


@pytest.mark.parametrize(
    ("candidate", "goal", "margin", "expected"),
    [
        (0.5, "maximize", None, Judgement.EQUIVALENT),
        (0.5000001, "maximize", None, Judgement.IMPROVED),
        (0.5000001, "minimize", None, Judgement.REGRESSED),
        (0.5000001, None, None, Judgement.CHANGED),
        (0.5000001, "minimize", 0.01, Judgement.EQUIVALENT),
        (0.6, "minimize", 0.01, Judgement.REGRESSED),
    ],
)
def test_without_any_noise_every_difference_is_real(
    candidate: float, goal: Goal, margin: float | None, expected: Judgement
) -> None:
    decision = judge([0.5] * 4, [candidate] * 3, goal=goal, margin=margin)
    assert (decision.judgement, decision.step) == (expected, 5)
    assert decision.noise_sd == 0.0


def test_the_quantum_is_the_least_noise_an_accuracy_has() -> None:
    decision = judge([0.95] * 5, [0.94] * 5, quantum=0.01)
    assert decision.step > 5
    assert decision.noise_sd == 0.01


def test_equivalence_is_asked_against_the_declared_margin() -> None:
    decision = judge(BASELINE, [0.9401, 0.9421, 0.9381, 0.9411, 0.9431], margin=0.02)
    assert (decision.judgement, decision.step, decision.margin) == (Judgement.EQUIVALENT, 6, 0.02)
    assert decision.margin_kind is MarginKind.DECLARED


def test_without_a_margin_two_standard_deviations_are_asked_and_said() -> None:
    decision = judge(BASELINE, [0.9401, 0.9421, 0.9381, 0.9411, 0.9431])
    assert decision.judgement is Judgement.EQUIVALENT
    assert decision.margin_kind is MarginKind.TWO_SD
    assert decision.noise_sd is not None
    assert decision.margin == 2 * decision.noise_sd


def test_a_drop_of_four_standard_deviations_is_regressed_with_every_number_it_was_made_of() -> None:
    decision = judge(BASELINE, LOWER, metric="test/accuracy", margin=0.005)
    assert (decision.judgement, decision.step, decision.df) == (Judgement.REGRESSED, 7, 13)
    assert decision.delta == pytest.approx(-0.0281, abs=1e-9)
    assert decision.interval is not None
    assert decision.interval[0] < -0.0281 < decision.interval[1] < 0
    assert decision.p is not None
    assert decision.p < 1e-5


def test_without_a_direction_a_real_difference_is_changed() -> None:
    assert judge(BASELINE, LOWER, goal=None).judgement is Judgement.CHANGED


def test_an_inconclusive_one_says_what_it_could_have_seen_and_what_would_settle_it() -> None:
    decision = judge(BASELINE, [0.9280, 0.9450, 0.9330], margin=0.002)
    assert (decision.judgement, decision.step) == (Judgement.INCONCLUSIVE, 8)
    assert decision.smallest_effect is not None
    assert decision.smallest_effect > 0.01
    assert decision.seeds_to_settle is None or decision.seeds_to_settle > 3
    assert decision.interval is not None


def test_one_run_where_most_baseline_runs_lie_is_consistent() -> None:
    decision = judge(BASELINE, [0.9409])
    assert (decision.judgement, decision.step) == (Judgement.CONSISTENT, 8)
    assert decision.prediction == pytest.approx((0.93220, 0.94964), abs=1e-4)


def test_one_run_far_from_all_baseline_runs_is_judged_by_the_baselines_noise() -> None:
    assert judge(BASELINE, [0.9130]).judgement is Judgement.REGRESSED
    assert judge(BASELINE, [0.9275]).judgement is Judgement.INCONCLUSIVE
    assert judge(BASELINE, [0.9275], margin=0.05).judgement is Judgement.EQUIVALENT


@pytest.mark.parametrize("margin", [None, 0.005])
def test_one_run_against_one_run_claims_nothing_of_distance_beyond_a_margin(margin: float | None) -> None:
    decision = judge([0.9], [0.8], margin=margin)
    assert (decision.judgement, decision.interval, decision.p) == (Judgement.INCONCLUSIVE, None, None)


def test_one_run_against_one_run_may_be_inside_a_declared_margin() -> None:
    decision = judge([0.9], [0.897], margin=0.005)
    assert (decision.judgement, decision.step) == (Judgement.EQUIVALENT, 6)
    assert judge([0.9], [0.9]).judgement is Judgement.INCONCLUSIVE


def test_later_runs_of_the_baselines_configuration_count_as_baseline_runs() -> None:
    decision = judge([0.94], [0.80], history=BASELINE)
    assert (decision.judgement, decision.df) == (Judgement.REGRESSED, 10)
    assert (decision.baseline.n, decision.baseline.pooled) == (11, 10)
    assert decision.history is not None
    assert decision.history.pooled


@pytest.mark.parametrize(
    "later",
    [[0.90, 0.98, 0.91, 0.97, 0.92, 0.96], [value - 0.02 for value in BASELINE]],
    ids=["wider", "lower"],
)
def test_later_runs_that_do_not_fit_the_baseline_are_dropped_and_counted(later: list[float]) -> None:
    decision, without = judge(BASELINE, LOWER, history=later), judge(BASELINE, LOWER)
    assert decision.history is not None
    assert not decision.history.pooled
    assert decision.history.n == len(later)
    assert min(decision.history.p_spread, decision.history.p_level) < 0.01
    assert decision.model_copy(update={"history": None}) == without


@pytest.mark.parametrize("bad", [NAN, INF, -INF, -0.1])
@pytest.mark.parametrize("name", ["margin", "quantum"])
def test_a_margin_or_quantum_that_cannot_be_compared_with_is_refused_by_name(name: str, bad: float) -> None:
    with pytest.raises(ValueError, match=name):
        judge(BASELINE, LOWER, **{name: bad})  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [NAN, INF])
@pytest.mark.parametrize("name", ["abs", "rel"])
def test_a_tolerance_that_cannot_be_compared_with_is_refused_by_name(name: str, bad: float) -> None:
    with pytest.raises(ValueError, match=name):
        Tolerance(**{name: bad})
    with pytest.raises(ValueError, match=f"tolerance.{name}"):
        judge(BASELINE, LOWER, tolerance=Tolerance().model_copy(update={name: bad}))


@pytest.mark.parametrize("alpha", [0.0, 1.0, NAN])
def test_an_alpha_outside_0_and_1_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        judge(BASELINE, LOWER, rules=Rules(alpha=alpha))


def test_terms_come_from_the_experiment_file() -> None:
    metric = Metric(goal=Goal.MINIMIZE, margin=0.1, tolerance=Tolerance(abs=0.5), quantum=0.01, gate=False)
    terms = terms_of(metric)
    assert (terms.goal, terms.margin, terms.tolerance.abs, terms.quantum, terms.gated) == (
        Goal.MINIMIZE, 0.1, 0.5, 0.01, False,
    )  # fmt: skip
    assert terms_of(Metric()).tolerance.rel == 1e-6


GRID = st.integers(-200, 200).map(lambda k: k / 8)
SIDE = st.lists(GRID, min_size=1, max_size=8)
ANY = st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=6)
MARGIN = st.none() | st.sampled_from([0.125, 1.0, 20.0])
GOAL = st.sampled_from([Goal.MAXIMIZE, Goal.MINIMIZE])
OTHER = {Goal.MAXIMIZE: Goal.MINIMIZE, Goal.MINIMIZE: Goal.MAXIMIZE}


@given(SIDE, SIDE, GOAL, MARGIN)
def test_turning_the_sign_and_the_direction_changes_nothing(
    b: list[float], c: list[float], goal: Goal, margin: float | None
) -> None:
    one = judge(b, c, goal=goal, margin=margin)
    other = judge([-v for v in b], [-v for v in c], goal=OTHER[goal], margin=margin)
    assert (one.judgement, one.step, one.p, one.p_non_inferior) == (
        other.judgement, other.step, other.p, other.p_non_inferior,
    )  # fmt: skip


@given(SIDE, SIDE, MARGIN, st.sampled_from([0.25, 4.0, 1024.0]), st.integers(-50, 50))
def test_the_unit_of_a_metric_does_not_matter(
    b: list[float], c: list[float], margin: float | None, scale: float, shift: int
) -> None:
    one = judge(b, c, margin=margin)
    assume(not _near_a_threshold(one))
    moved = [[scale * v + shift for v in side] for side in (b, c)]
    other = judge(*moved, margin=None if margin is None else scale * margin)
    assert (one.judgement, one.step) == (other.judgement, other.step)
    if one.p is not None:
        assert other.p == pytest.approx(one.p, rel=1e-6, abs=1e-12)


def _near_a_threshold(decision: Decision) -> bool:
    near = [(decision.p, 0.01), (decision.p, 0.2), (decision.p_equivalence, 0.05)]
    exact = decision.p is None and decision.margin is not None and abs(decision.delta or 0) == decision.margin
    return exact or any(p is not None and abs(p - at) < 1e-6 for p, at in near)


@given(SIDE, SIDE, st.randoms())
def test_the_order_of_runs_does_not_matter(b: list[float], c: list[float], random: Random) -> None:
    shuffled = list(b)
    random.shuffle(shuffled)
    assert judge(shuffled, c).judgement is judge(b, c).judgement


@given(ANY, ANY, MARGIN, st.sampled_from([*Goal, None]))
def test_no_number_of_a_decision_is_ever_nan(
    b: list[float], c: list[float], margin: float | None, goal: Goal | None
) -> None:
    decision = judge(b, c, margin=margin, goal=goal)
    for name, value in decision:
        flat = value if isinstance(value, tuple) else (value,)
        assert not any(isinstance(v, float) and math.isnan(v) for v in flat), name
    assert decision.reason or decision.judgement is not Judgement.UNVERIFIABLE


@given(SIDE, SIDE)
def test_a_better_candidate_is_never_called_regressed(b: list[float], c: list[float]) -> None:
    decision = judge(b, c)
    if decision.delta is not None and decision.delta >= 0:
        assert decision.judgement is not Judgement.REGRESSED


@given(st.lists(GRID, min_size=2, max_size=10), st.lists(GRID, min_size=1, max_size=6))
def test_equal_bits_beat_every_number(b: list[float], c: list[float]) -> None:
    assert judge(b, c, same_seed=BITS).judgement is Judgement.IDENTICAL


def rates(n: int, m: int, shift: float, *, repeats: int = 2000, **terms: object) -> dict[Judgement, float]:
    """How often each judgement comes out, normal noise of sd 1."""
    rng = np.random.default_rng([n, m, int(10 * abs(shift))])
    counts = dict.fromkeys(Judgement, 0)
    for _ in range(repeats):
        b, c = rng.normal(0, 1, n).tolist(), rng.normal(shift, 1, m).tolist()
        counts[judge(b, c, **terms).judgement] += 1  # type: ignore[arg-type]
    return {judgement: k / repeats for judgement, k in counts.items()}


@pytest.mark.parametrize(("m", "n"), [(1, 3), (1, 10), (3, 3), (5, 10), (10, 10)])
def test_false_alarms_come_about_once_in_a_hundred(m: int, n: int) -> None:
    found = rates(n, m, 0.0)
    assert 0.003 <= found[Judgement.REGRESSED] + found[Judgement.IMPROVED] <= 0.018


@pytest.mark.parametrize(("m", "n", "drop"), [(3, 3, 5.6), (5, 5, 3.2), (5, 10, 2.5), (10, 10, 1.95)])
def test_regressions_of_the_promised_size_are_found(m: int, n: int, drop: float) -> None:
    assert rates(n, m, -drop, repeats=1000)[Judgement.REGRESSED] >= 0.865
    assert rates(n, m, drop, repeats=1000, goal="minimize")[Judgement.REGRESSED] >= 0.865


@pytest.mark.parametrize(("m", "n", "margin"), [(5, 5, 2.4), (5, 10, 2.0), (10, 10, 1.6)])
def test_equivalence_is_found_at_no_difference_and_rarely_claimed_at_the_margin(m: int, n: int, margin: float) -> None:
    assert rates(n, m, 0.0, repeats=1000, margin=margin)[Judgement.EQUIVALENT] >= 0.87
    assert rates(n, m, margin, repeats=1000, margin=margin)[Judgement.EQUIVALENT] <= 0.075
    assert rates(n, m, 2.0, repeats=1000)[Judgement.EQUIVALENT] <= 0.075
