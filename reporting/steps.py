"""The steps by which one metric is judged, in order: the first that can say something decides.

Order and thresholds are the procedure of the manual's chapter on statistics; `Decision.step` holds its numbers.
"""

import math
from collections.abc import Callable
from typing import Any

from reporting import statistics
from reporting.case import Case, prediction
from reporting.decision import Decision, Judgement, MarginKind
from reporting.evidence import within_tolerance
from reporting.statistics import EQUIVALENCE_LEVEL, MARGIN_SD


def decide(case: Case) -> Decision:
    """Go through the steps; the first that fires wins."""
    return next(decision for step in STEPS if (decision := step(case)) is not None)


def _missing(case: Case) -> Decision | None:
    """Step 0: something that was asked for is not there."""
    reason = case.evidence.missing
    if not reason and case.evidence.candidate_failed:
        runs = case.evidence.candidate_failed + len(case.evidence.candidate)
        reason = f"{case.evidence.candidate_failed} of {_runs(runs)} left no value of {case.metric}"
    if not reason and not case.evidence.baseline:
        reason = f"the baseline has no value of {case.metric}"
    if not reason and not case.evidence.candidate:
        reason = f"no run left a value of {case.metric}"
    return case.decision(Judgement.UNVERIFIABLE, 0, reason=reason) if reason else None


def _not_finite(case: Case) -> Decision | None:
    """Step 1: NaN and infinities, where arithmetic ends."""
    before, now = case.baseline, case.candidate
    if not before.not_finite and not now.not_finite:
        return None
    if case.evidence.same_seed.equal_bits:
        return case.decision(Judgement.IDENTICAL, 1)
    failures = f"{case.metric} is not finite in {now.not_finite} of {_runs(now.n + now.not_finite)}"
    if not before.n:
        return case.decision(Judgement.UNVERIFIABLE, 1, reason=f"{case.metric} is never finite in the baseline")
    if not before.not_finite:
        return case.decision(Judgement.REGRESSED, 1, reason=f"{failures}; in the baseline it always is")
    return _sometimes_finite(case, failures)


def _sometimes_finite(case: Case, failures: str) -> Decision | None:
    """Step 1, where both sides know such runs: whether the candidate has more of them than chance gives."""
    before, now = case.baseline, case.candidate
    total, runs = before.n + before.not_finite, now.n + now.not_finite
    reason = f"{failures}, and in {before.not_finite} of {total} of the baseline"
    # Bonferroni over the gated metrics: these counts are no part of Holm's family.
    p = min(1.0, case.family * statistics.fisher_p(before.not_finite, total, now.not_finite, runs))
    if p < case.terms.rules.alpha and now.not_finite * total > before.not_finite * runs:
        return case.decision(Judgement.REGRESSED, 1, p=p, reason=reason)
    return None if now.n else case.decision(Judgement.UNVERIFIABLE, 1, reason=reason)


def _identical(case: Case) -> Decision | None:
    """Step 2: the same bits at the same seeds."""
    return case.decision(Judgement.IDENTICAL, 2, delta=0.0) if case.evidence.same_seed.equal_bits else None


def _within_tolerance(case: Case) -> Decision | None:
    """Step 3: numeric noise at the same seeds. `delta` is the largest difference of one seed."""
    if not within_tolerance(case.evidence.same_seed, case.terms.tolerance):
        return None
    largest = max((c - b for b, c in case.evidence.same_seed.pairs), key=abs)
    return case.decision(Judgement.WITHIN_TOLERANCE, 3, delta=largest)


def _too_far(case: Case) -> Decision | None:
    """Before arithmetic: values so far apart that their difference is no double."""
    if math.isfinite(case.delta) and (case.noise.sd is None or math.isfinite(case.sd)):
        return None
    return case.decision(Judgement.UNVERIFIABLE, 1, reason=f"the values of {case.metric} are too far apart to subtract")


def _one_against_one(case: Case) -> Decision | None:
    """Nothing tells how much two seeds differ, so only a declared margin can speak (part of step 6)."""
    if case.noise.sd is not None:
        return None
    reason = "one run against one run: seed noise is not known"
    if case.terms.margin is not None and abs(case.delta) <= case.terms.margin:
        return case.decision(Judgement.EQUIVALENT, 6, delta=case.delta, reason=reason)
    return case.decision(Judgement.INCONCLUSIVE, 8, delta=case.delta, reason=reason)


def _no_noise(case: Case) -> Decision | None:
    """Step 5: every run of a side gives the same number, so any difference is real."""
    if case.sd > 0:
        return None
    close = abs(case.delta) <= (case.terms.margin or 0.0)
    return case.decision(
        Judgement.EQUIVALENT if close else case.moved(),
        5,
        delta=case.delta,
        interval=(case.delta, case.delta),
        noise_sd=0.0,
        df=case.noise.df,
        reason=f"no two {'pairs' if case.differences else 'runs of a side'} differ: any difference is real",
    )


def _consistent(case: Case) -> Decision | None:
    """The first stage of two: where most results of the baseline lie. Claims nothing, so it comes before claims."""
    low, high = prediction(case) or (math.inf, -math.inf)
    inside = case.candidate.mean is not None and low <= case.candidate.mean <= high
    return case.decision(Judgement.CONSISTENT, 8, **_numbers(case)) if inside else None


def _equivalent(case: Case) -> Decision | None:
    """Step 6: shown to lie within the margin, 5 % a side."""
    numbers = _numbers(case)
    return case.decision(Judgement.EQUIVALENT, 6, **numbers) if numbers["p_equivalence"] < EQUIVALENCE_LEVEL else None


def _different(case: Case) -> Decision | None:
    """Step 7: a difference that chance does not give."""
    return case.decision(case.moved(), 7, **_numbers(case)) if case.p < case.terms.rules.alpha else None


def _inconclusive(case: Case) -> Decision:
    """Step 8: neither shown to be close nor shown to differ; what could be seen, and what would settle it."""
    alpha = case.terms.rules.alpha / case.family
    return case.decision(
        Judgement.INCONCLUSIVE,
        8,
        **_numbers(case),
        smallest_effect=statistics.smallest_effect(case.se, case.noise.df, alpha),
        seeds_to_settle=_seeds_to_settle(case, alpha),
    )


def _seeds_to_settle(case: Case, alpha: float) -> int | None:
    if case.differences:
        return statistics.pairs_to_settle(case.delta, case.sd, alpha=alpha, margin=case.terms.margin)
    other_df = case.noise.df - max(case.candidate.n - 1, 0)
    return statistics.seeds_to_settle(
        case.delta, case.sd, n=case.baseline.n, other_df=other_df, alpha=alpha, margin=case.terms.margin
    )


def _numbers(case: Case) -> dict[str, Any]:
    """The numbers of steps 4 and 6, which every decision from there on shows."""
    margin, (n, m), df = case.terms.margin, case.sizes, case.noise.df
    expected = prediction(case)
    if margin is None:
        p_equivalence = statistics.wellek_p(case.delta, case.sd, df, n, m)
        p_non_inferior = statistics.non_inferiority_sd_p(case.gain, case.sd, df, n, m)
    else:
        p_equivalence = statistics.tost_p(case.delta, case.se, df, margin)
        p_non_inferior = statistics.non_inferiority_p(case.gain, case.se, df, margin)
    return {
        "delta": case.delta,
        "interval": statistics.interval(case.delta, case.se, df),
        "noise_sd": case.sd,
        "df": df,
        "p": case.p,
        "p_alone": case.raw_p,
        "margin": MARGIN_SD * case.sd if margin is None else margin,
        "margin_kind": MarginKind.TWO_SD if margin is None else MarginKind.DECLARED,
        "p_equivalence": p_equivalence,
        "p_non_inferior": None if case.terms.goal is None else p_non_inferior,
        "prediction": expected,
        "coverage": None if expected is None else 1 - case.terms.rules.escalate,
    }


def _runs(n: int) -> str:
    return f"{n} run" if n == 1 else f"{n} runs"


STEPS: tuple[Callable[[Case], Decision | None], ...] = (
    _missing,
    _not_finite,
    _identical,
    _within_tolerance,
    _too_far,
    _one_against_one,
    _no_noise,
    _consistent,
    _equivalent,
    _different,
    _inconclusive,
)
