"""One metric as the steps look at it: its evidence and terms, and the numbers that several steps need."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from experiment.spec import Goal
from reporting import statistics
from reporting.decision import Decision, History, Judgement, MarginKind, Sample
from reporting.evidence import Evidence, Terms
from reporting.history import fit


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
    def history(self) -> History | None:
        """Whether later runs of the baseline's configuration fit it; None where there are none."""
        return fit(self.evidence.baseline, self.evidence.history)

    @cached_property
    def baseline(self) -> Sample:
        """The finite values of the baseline, and of later runs of its configuration where they fit."""
        later = tuple(self.evidence.history) if self.history is not None and self.history.pooled else ()
        made = sample((*self.evidence.baseline, *later), self.evidence.baseline_failed)
        return made.model_copy(update={"pooled": sum(map(math.isfinite, later))}) if later else made

    @cached_property
    def candidate(self) -> Sample:
        """The finite values of the candidate."""
        return sample(self.evidence.candidate, self.evidence.candidate_failed)

    @cached_property
    def differences(self) -> tuple[float, ...]:
        """Candidate - baseline at each seed both ran, where the policy compares pairs and two or more are finite."""
        if self.terms.rules.pairing == "none":
            return ()
        found = tuple(c - b for b, c in self.evidence.same_seed.pairs if math.isfinite(c - b))
        return found if len(found) > 1 else ()

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """How many runs each side brings: the number of pairs twice, where pairs are compared."""
        k = len(self.differences)
        return (k, k) if k else (self.baseline.n, self.candidate.n)

    @cached_property
    def delta(self) -> float:
        """Candidate mean - baseline mean; both sides have a finite value by the time a step asks."""
        if self.differences:
            return statistics.mean(self.differences)
        assert self.candidate.mean is not None
        assert self.baseline.mean is not None
        return self.candidate.mean - self.baseline.mean

    @cached_property
    def noise(self) -> statistics.Noise:
        """Pooled over both sides, not below the quantum (step 4).

        Of pairs: the deviation of their differences / sqrt(2), what one run would have if pairs were not alike; all
        formulas for two sides of k runs then hold for k pairs.
        """
        if self.differences:
            of_pairs = statistics.pooled_noise([self.differences])
            found = statistics.Noise(None if of_pairs.sd is None else of_pairs.sd / math.sqrt(2), of_pairs.df)
        else:
            found = statistics.pooled_noise([self.baseline.values, self.candidate.values])
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
        return statistics.standard_error(self.sd, *self.sizes)

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
            alpha=self.terms.rules.alpha,
            family=self.family,
            pairs=len(self.differences) or None,
            p_failures=self.p_failures,
            history=self.history,
            **numbers,
        )

    @cached_property
    def p_failures(self) -> float | None:
        """Fisher's p that runs without a finite value are as frequent on both sides; None where every run has one."""
        lost_before, lost = (side.failed + side.not_finite for side in (self.baseline, self.candidate))
        if not lost_before and not lost:
            return None
        return statistics.fisher_p(lost_before, self.baseline.n + lost_before, lost, self.candidate.n + lost)

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


def prediction(case: Case) -> tuple[float, float] | None:
    """Where the mean of the first stage falls in all but `escalate` of unchanged commits; None after that stage."""
    rules, m = case.terms.rules, case.candidate.n
    if m not in (1, rules.first):
        return None
    assert case.baseline.mean is not None
    centre = case.candidate.mean - case.delta if case.differences and case.candidate.mean else case.baseline.mean
    n, m = case.sizes
    return statistics.prediction_interval(centre, case.sd, case.noise.df, n, m=m, coverage=1 - rules.escalate)
