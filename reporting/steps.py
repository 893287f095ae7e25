"""The steps by which one metric is judged, in order: the first that can say something decides.

Order and thresholds are the procedure of the manual's chapter on statistics; `Decision.step` holds its numbers.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from experiment.spec import Goal
from reporting import statistics
from reporting.decision import Decision, Judgement, MarginKind, Sample
from reporting.evidence import Evidence, Terms, within_tolerance
from reporting.statistics import EQUIVALENCE_LEVEL, MARGIN_SD


@dataclass(frozen=True)
class Case:
    """One metric with its evidence and terms, and the numbers that several steps look at.

    `family` is how many gated metrics are tested together, `adjusted_p` Holm's p for this one among them.
    """

    metric: str
    evidence: Evidence
    terms: Terms
    family: int = 1
    adjusted_p: float | None = None

    @cached_property
    def baseline(self) -> Sample:
        """The finite values of the baseline."""
        return sample(self.evidence.baseline, self.evidence.baseline_failed)

    @cached_property
    def candidate(self) -> Sample:
        """The finite values of the candidate."""
        return sample(self.evidence.candidate, self.evidence.candidate_failed)

    @cached_property
    def delta(self) -> float:
        """Candidate mean - baseline mean; both sides have a finite value by the time a step asks."""
        assert self.candidate.mean is not None
        assert self.baseline.mean is not None
        return self.candidate.mean - self.baseline.mean

    @cached_property
    def noise(self) -> statistics.Noise:
        """Pooled over both sides and the history, not below the quantum (step 4)."""
        history = [[v for v in group if math.isfinite(v)] for group in self.evidence.history]
        found = statistics.pooled_noise([self.baseline.values, self.candidate.values, *history])
        if found.sd is None or self.terms.quantum is None:
            return found
        return statistics.Noise(max(found.sd, self.terms.quantum), found.df)

    @property
    def sd(self) -> float:
        """Standard deviation of one run; by the time a step asks there are two runs on one side."""
        assert self.noise.sd is not None
        return self.noise.sd

    @property
    def se(self) -> float:
        """Standard error of `delta`."""
        return statistics.standard_error(self.sd, self.baseline.n, self.candidate.n)

    @cached_property
    def raw_p(self) -> float:
        """Two-sided p of the pooled Student test, for this metric alone."""
        return statistics.student_p(self.delta, self.se, self.noise.df)

    @property
    def p(self) -> float:
        """Two-sided p, adjusted where several metrics are gated."""
        return self.raw_p if self.adjusted_p is None else self.adjusted_p

    def decision(self, judgement: Judgement, step: int, **numbers: Any) -> Decision:
        """A decision about this metric; a declared margin is shown whether or not the step needed it."""
        if self.terms.margin is not None:
            numbers = {"margin": self.terms.margin, "margin_kind": MarginKind.DECLARED, **numbers}
        return Decision(
            metric=self.metric,
            judgement=judgement,
            step=step,
            gated=self.terms.gated,
            higher_is_better=None if self.terms.goal is None else self.terms.goal is Goal.MAXIMIZE,
            baseline=self.baseline,
            candidate=self.candidate,
            **numbers,
        )

    def moved(self) -> Judgement:
        """What a difference that is not chance is called."""
        if self.terms.goal is None:
            return Judgement.CHANGED
        return Judgement.IMPROVED if self.gain > 0 else Judgement.REGRESSED

    @property
    def gain(self) -> float:
        """The difference with the good direction upwards; upwards where none is declared."""
        return -self.delta if self.terms.goal is Goal.MINIMIZE else self.delta


def sample(values: Any, failed: int = 0) -> Sample:
    """Mean and standard deviation of the finite values; counts of the others."""
    finite = tuple(float(value) for value in values if math.isfinite(value))
    return Sample(
        values=finite,
        n=len(finite),
        mean=statistics.mean(finite) if finite else None,
        sd=statistics.pooled_noise([finite]).sd,
        failed=failed,
        not_finite=len(values) - len(finite),
    )


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
    if p < case.terms.alpha and now.not_finite * total > before.not_finite * runs:
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
        reason="no two runs of a side differ: any difference is real",
    )


def _consistent(case: Case) -> Decision | None:
    """The first stage of two: one run where 80 % of baseline runs lie. Claims nothing, so it comes before claims."""
    low, high = prediction(case) or (math.inf, -math.inf)
    inside = case.candidate.n == 1 and all(low <= value <= high for value in case.candidate.values)
    return case.decision(Judgement.CONSISTENT, 8, **_numbers(case)) if inside else None


def prediction(case: Case) -> tuple[float, float] | None:
    """80 % prediction interval for one run, where one run is judged; None where more are."""
    if case.candidate.n != 1:
        return None
    assert case.baseline.mean is not None
    return statistics.prediction_interval(case.baseline.mean, case.sd, case.noise.df, case.baseline.n)


def _equivalent(case: Case) -> Decision | None:
    """Step 6: shown to lie within the margin, 5 % a side."""
    numbers = _numbers(case)
    return case.decision(Judgement.EQUIVALENT, 6, **numbers) if numbers["p_equivalence"] < EQUIVALENCE_LEVEL else None


def _different(case: Case) -> Decision | None:
    """Step 7: a difference that chance does not give."""
    return case.decision(case.moved(), 7, **_numbers(case)) if case.p < case.terms.alpha else None


def _inconclusive(case: Case) -> Decision:
    """Step 8: neither shown to be close nor shown to differ; what could be seen, and what would settle it."""
    alpha = case.terms.alpha / case.family
    own_df = max(case.candidate.n - 1, 0)
    return case.decision(
        Judgement.INCONCLUSIVE,
        8,
        **_numbers(case),
        smallest_effect=statistics.smallest_effect(case.se, case.noise.df, alpha),
        seeds_to_settle=statistics.seeds_to_settle(
            case.delta,
            case.sd,
            n=case.baseline.n,
            other_df=case.noise.df - own_df,
            alpha=alpha,
            margin=case.terms.margin,
        ),
    )


def _numbers(case: Case) -> dict[str, Any]:
    """The numbers of steps 4 and 6, which every decision from there on shows."""
    margin, n, m, df = case.terms.margin, case.baseline.n, case.candidate.n, case.noise.df
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
        "margin": MARGIN_SD * case.sd if margin is None else margin,
        "margin_kind": MarginKind.TWO_SD if margin is None else MarginKind.DECLARED,
        "p_equivalence": p_equivalence,
        "p_non_inferior": None if case.terms.goal is None else p_non_inferior,
        "prediction": prediction(case),
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
