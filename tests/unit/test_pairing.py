"""Equal seeds compared as pairs: where a seed moves both sides alike, a small change is seen by few runs."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from experiment.spec import Goal, Metric
from reporting.decision import Decision, Judgement
from reporting.evidence import Evidence, Rules, SameSeed
from reporting.verdict import judge, judge_all

PAIRS = Rules(pairing="seed")
VALUES = st.lists(st.integers(-500, 500).map(lambda k: k / 64), min_size=2, max_size=10)


def paired(before: list[float], now: list[float], *, margin: float | None = None, rules: Rules = PAIRS) -> Decision:
    same = SameSeed(tuple(zip(before, now, strict=True)))
    return judge(before, now, margin=margin, same_seed=same, rules=rules)


@given(VALUES, st.data())
def test_the_p_value_and_interval_are_those_of_scipys_paired_test(before: list[float], data: st.DataObject) -> None:
    now = data.draw(st.lists(st.integers(-500, 500).map(lambda k: k / 64), min_size=len(before), max_size=len(before)))
    assume(len({c - b for b, c in zip(before, now, strict=True)}) > 1)
    decision = paired(before, now)
    oracle = stats.ttest_rel(now, before)
    assert decision.pairs == len(before)
    assert decision.p_alone == pytest.approx(float(oracle.pvalue), rel=1e-9)
    assert decision.interval == pytest.approx(tuple(oracle.confidence_interval(0.95)), rel=1e-9, abs=1e-9)


def test_a_change_that_is_lost_in_seed_noise_is_found_by_pairs() -> None:
    rng = np.random.default_rng(3)
    before = rng.normal(0.94, 0.01, 10)
    now = before - 0.003 + rng.normal(0, 0.001, 10)
    assert paired(before.tolist(), now.tolist()).judgement is Judgement.REGRESSED
    assert paired(before.tolist(), now.tolist(), rules=Rules()).judgement is not Judgement.REGRESSED


def test_equivalence_is_shown_by_pairs_within_the_margin() -> None:
    rng = np.random.default_rng(4)
    before = rng.normal(0.94, 0.01, 10)
    now = before + rng.normal(0, 0.001, 10)
    assert paired(before.tolist(), now.tolist(), margin=0.002).judgement is Judgement.EQUIVALENT
    assert paired(before.tolist(), now.tolist(), margin=0.002, rules=Rules()).judgement is Judgement.INCONCLUSIVE


def test_runs_without_a_partner_and_single_pairs_are_judged_as_before() -> None:
    before = [0.93, 0.94, 0.95, 0.94]
    one = judge(before, [0.90, 0.91], same_seed=SameSeed(((0.93, 0.90),)), rules=PAIRS)
    assert one.pairs is None
    assert one == judge(before, [0.90, 0.91], same_seed=SameSeed(((0.93, 0.90),)))


def test_pairs_that_all_moved_alike_moved_for_a_reason() -> None:
    decision = paired([0.5, 0.25, 0.75], [0.625, 0.375, 0.875])
    assert (decision.judgement, decision.step) == (Judgement.IMPROVED, 5)
    assert decision.reason.startswith("no two pairs differ")


def test_pairs_count_although_another_metric_is_out_of_tolerance() -> None:
    rng = np.random.default_rng(6)
    before = rng.normal(0.94, 0.01, 10)
    sides = {name: (before.tolist(), (before - 0.003 + rng.normal(0, 0.001, 10)).tolist()) for name in ("a", "b")}
    evidence = {n: Evidence(b, c, same_seed=SameSeed(tuple(zip(b, c, strict=True)))) for n, (b, c) in sides.items()}
    found = judge_all(evidence, dict.fromkeys(sides, Metric(goal=Goal.MAXIMIZE)), PAIRS)
    assert [(d.judgement, d.pairs) for d in found] == [(Judgement.REGRESSED, 10)] * 2


def test_an_open_comparison_says_how_many_pairs_would_settle_it() -> None:
    rng = np.random.default_rng(8)
    before = rng.normal(0, 1, 4)
    decision = paired(before.tolist(), (before + rng.normal(-0.4, 0.6, 4)).tolist(), margin=0.1)
    assert decision.judgement is Judgement.INCONCLUSIVE
    assert decision.seeds_to_settle is not None
    assert decision.seeds_to_settle > 4
    assert decision.delta is not None
    assert decision.noise_sd is not None
    k = decision.seeds_to_settle
    t = abs(decision.delta) / (decision.noise_sd * math.sqrt(2 / k))
    assert 2 * stats.t.sf(t, k - 1) < 0.01
