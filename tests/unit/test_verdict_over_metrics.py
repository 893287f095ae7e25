"""Several metrics judged together: Holm, all-or-nothing tolerance, and the one judgement over them."""

import numpy as np
import pytest
from builders import a_decision
from hypothesis import given
from hypothesis import strategies as st

from experiment.spec import Goal, Metric
from reporting.decision import Judgement
from reporting.evidence import Evidence, Rules, SameSeed
from reporting.verdict import ORDER, judge, judge_all, overall

UP = Metric(goal=Goal.MAXIMIZE)
SHOWN = Metric(goal=Goal.MAXIMIZE, gate=False)
BASELINE = (0.9322, 0.9324, 0.9382, 0.9384, 0.9411, 0.9421, 0.9431, 0.9436, 0.9461, 0.9520)
LOWER = (0.9130, 0.9221, 0.9008, 0.9147, 0.9135)
SAME = (0.9401, 0.9421, 0.9381, 0.9411, 0.9431)


def test_gated_metrics_come_first_in_declared_order() -> None:
    evidence = dict.fromkeys(["time", "auc", "speed", "loss"], Evidence(BASELINE, SAME))
    decisions = judge_all(evidence, {"time": SHOWN, "auc": UP, "speed": SHOWN, "loss": UP})
    assert [d.metric for d in decisions] == ["auc", "loss", "time", "speed"]
    assert [d.gated for d in decisions] == [True, True, False, False]


def test_one_metric_is_judged_as_alone() -> None:
    (decision,) = judge_all({"metric": Evidence(BASELINE, LOWER)}, {"metric": UP})
    assert decision == judge(BASELINE, LOWER)


def test_a_difference_that_one_metric_alone_would_show_may_be_chance_among_several() -> None:
    slight = [0.9300, 0.9290, 0.9350, 0.9301, 0.9331]
    alone = judge(BASELINE, slight, margin=0.001)
    assert alone.judgement is Judgement.REGRESSED
    assert alone.p is not None
    metrics = dict.fromkeys("abcdefghij", UP.model_copy(update={"margin": 0.001}))
    evidence = dict.fromkeys("bcdefghij", Evidence(BASELINE, SAME))
    decision = judge_all({"a": Evidence(BASELINE, slight), **evidence}, metrics)[0]
    assert decision.judgement is Judgement.INCONCLUSIVE
    assert decision.p == pytest.approx(10 * alone.p)
    assert decision.smallest_effect is not None
    other = judge(BASELINE, SAME, margin=0.001, rules=Rules(alpha=0.001))
    assert other.smallest_effect is not None


def test_metrics_that_do_not_gate_cost_the_others_nothing() -> None:
    decisions = judge_all(dict.fromkeys("abc", Evidence(BASELINE, LOWER)), {"a": UP, "b": SHOWN, "c": SHOWN})
    assert decisions[0].p == judge(BASELINE, LOWER).p


def test_within_tolerance_is_claimed_for_all_gated_metrics_or_for_none() -> None:
    coincides = Evidence(BASELINE, BASELINE[3:4], same_seed=SameSeed(((BASELINE[3], BASELINE[3]),)))
    moved = Evidence(BASELINE, LOWER[:1], same_seed=SameSeed(((BASELINE[3], LOWER[0]),)))
    untold = Evidence(BASELINE, BASELINE[4:5])
    alone = judge_all({"accuracy": coincides, "runtime": untold}, {"accuracy": UP, "runtime": UP})
    assert alone[0].judgement is Judgement.WITHIN_TOLERANCE
    both = judge_all({"accuracy": coincides, "loss": moved}, {"accuracy": UP, "loss": UP})
    assert both[0].judgement is Judgement.CONSISTENT
    shown = judge_all({"accuracy": coincides, "loss": moved}, {"accuracy": UP, "loss": SHOWN})
    assert shown[0].judgement is Judgement.WITHIN_TOLERANCE


def test_equal_bits_stay_identical_beside_a_metric_that_moved() -> None:
    equal = Evidence(BASELINE, BASELINE[:1], same_seed=SameSeed(((0.9, 0.9),), equal_bits=True))
    moved = Evidence(BASELINE, LOWER, same_seed=SameSeed(((0.9, 0.8),)))
    decisions = judge_all({"a": equal, "b": moved}, {"a": UP, "b": UP})
    assert [d.judgement for d in decisions] == [Judgement.IDENTICAL, Judgement.REGRESSED]


def test_over_all_the_worst_news_counts_and_the_clearest_of_it_decides() -> None:
    decisions = [
        a_decision(Judgement.IMPROVED, "a", p=1e-9),
        a_decision(Judgement.REGRESSED, "b", p=0.004),
        a_decision(Judgement.REGRESSED, "c", p=0.001),
        a_decision(Judgement.UNVERIFIABLE, "d"),
    ]
    assert overall(decisions) == (Judgement.REGRESSED, "c")
    not_finite = a_decision(Judgement.REGRESSED, "e", p=None, step=1)
    assert overall([*decisions, not_finite]) == (Judgement.REGRESSED, "e")


def test_good_news_over_all_is_the_weakest_of_the_claims() -> None:
    equivalent = [
        a_decision(Judgement.EQUIVALENT, "a", p_equivalence=0.01),
        a_decision(Judgement.EQUIVALENT, "b", p_equivalence=0.04),
    ]
    assert overall(equivalent) == (Judgement.EQUIVALENT, "b")
    assert overall([*equivalent, a_decision(Judgement.IMPROVED, "c")]) == (Judgement.IMPROVED, "c")
    assert overall([a_decision(Judgement.IDENTICAL, "a")]) == (Judgement.IDENTICAL, None)
    tolerated = a_decision(Judgement.WITHIN_TOLERANCE, "b")
    assert overall([a_decision(Judgement.IDENTICAL, "a"), tolerated]) == (Judgement.WITHIN_TOLERANCE, None)


def test_metrics_that_do_not_gate_decide_nothing() -> None:
    assert overall([a_decision(Judgement.REGRESSED, "a", gated=False)]) == (None, None)
    decisions = [a_decision(Judgement.REGRESSED, "a", gated=False), a_decision(Judgement.CONSISTENT, "b")]
    assert overall(decisions) == (Judgement.CONSISTENT, "b")


@given(st.lists(st.sampled_from(Judgement), min_size=1, max_size=6))
def test_one_more_metric_never_makes_the_news_better(judgements: list[Judgement]) -> None:
    decisions = [a_decision(judgement, f"m{i}") for i, judgement in enumerate(judgements)]
    all_of_them, some = overall(decisions)[0], overall(decisions[:-1] or decisions)[0]
    assert all_of_them is not None
    assert some is not None
    assert ORDER.index(all_of_them) <= ORDER.index(some)
    assert set(ORDER) == set(Judgement)


@pytest.mark.parametrize("k", [3, 10])
def test_the_family_of_gated_metrics_has_one_false_alarm_in_a_hundred(k: int) -> None:
    rng = np.random.default_rng(k)
    metrics = {f"m{i}": UP for i in range(k)}
    alarms = 0
    for _ in range(1000):
        evidence = {name: Evidence(rng.normal(0, 1, 10).tolist(), rng.normal(0, 1, 5).tolist()) for name in metrics}
        decisions = judge_all(evidence, metrics)
        alarms += any(d.judgement in (Judgement.REGRESSED, Judgement.IMPROVED) for d in decisions)
    assert alarms / 1000 <= 0.02
