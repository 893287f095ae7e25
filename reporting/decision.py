"""The values a verdict consists of: what was decided about each metric, and every number the decision was made of."""

from enum import StrEnum

from experiment.value import Double, Value


class Judgement(StrEnum):
    """What can be said of one metric, or of all of them. None of them is silent."""

    IDENTICAL = "identical"
    WITHIN_TOLERANCE = "within tolerance"
    CONSISTENT = "consistent"  # the first stage lies inside the baseline's prediction interval: no more runs were spent
    EQUIVALENT = "equivalent"
    IMPROVED = "improved"
    REGRESSED = "regressed"
    CHANGED = "changed"  # no direction is declared
    INCONCLUSIVE = "inconclusive"
    UNVERIFIABLE = "unverifiable"
    NO_BASELINE = "no baseline"


class MarginKind(StrEnum):
    """Where the margin of an equivalence claim comes from."""

    DECLARED = "declared"
    TWO_SD = "2 sd"  # Wellek's exact test against two standard deviations of seed noise


class Sample(Value):
    """The finite values of one metric on one side. `sd` is None below two values; `failed` counts runs without one.

    `pooled` of the values are later runs of the baseline's configuration.
    """

    values: tuple[Double, ...]
    n: int
    mean: Double | None
    sd: Double | None
    failed: int = 0
    not_finite: int = 0
    pooled: int = 0


class History(Value):
    """Later runs of the baseline's configuration, and whether they fit it and so count as baseline runs."""

    n: int
    p_spread: Double  # that they spread as the baseline's runs do
    p_level: Double  # that they have the baseline's mean
    pooled: bool


class Decision(Value):
    """What was decided about one metric. Numbers are None where the deciding step did not need them."""

    metric: str
    judgement: Judgement
    step: int  # of the order in the manual, 0 to 8; 0 also for `no baseline`, 8 also for `consistent`: no claim
    gated: bool
    higher_is_better: bool | None
    baseline: Sample
    candidate: Sample
    delta: Double | None = None
    """Candidate mean - baseline mean, units of the metric; at steps 2 and 3 the largest difference of one seed."""
    interval: tuple[Double, Double] | None = None  # 95 % confidence interval of delta
    noise_sd: Double | None = None  # pooled, not below the quantum
    df: int | None = None
    pairs: int | None = None  # of equal seeds, where these were compared instead of the means of the sides
    p: Double | None = None  # two-sided, adjusted by Holm over the gated metrics where there are several
    p_alone: Double | None = None  # the same before the adjustment
    alpha: Double = 0.01  # what p is held against
    family: int = 1  # gated metrics tested together
    p_failures: Double | None = None  # Fisher's, that runs without a finite value are as frequent on both sides
    history: History | None = None
    margin: Double | None = None  # units of the metric; a declared one is in every decision
    margin_kind: MarginKind | None = None
    p_equivalence: Double | None = None
    p_non_inferior: Double | None = None  # one-sided, of "worse by the margin or more"; None without a direction
    prediction: tuple[Double, Double] | None = None  # for the mean of the first stage, where that was judged
    coverage: Double | None = None  # of `prediction`
    smallest_effect: Double | None = None  # what this comparison would have found with 90 % power
    seeds_to_settle: int | None = None  # candidate runs that would settle an inconclusive one; None: no number would
    reason: str = ""  # one clause for a person; always set for unverifiable


class Reproduction(StrEnum):
    """The first question: the same commit and seed, run again in this environment."""

    IDENTICAL = "identical"
    WITHIN_TOLERANCE = "within tolerance"
    DIFFERS = "differs"
    NOT_ASKED = "not asked"
    UNVERIFIABLE = "unverifiable"  # the second run failed or left no metric


class GateResult(StrEnum):
    """What the check says, and the exit code that goes with it."""

    PASSED = "passed"
    FAILED = "failed"  # 1
    CANNOT_JUDGE = "cannot judge"  # 4
    INFRASTRUCTURE = "infrastructure"  # 3


EXIT_CODES = {
    GateResult.PASSED: 0,
    GateResult.FAILED: 1,
    GateResult.INFRASTRUCTURE: 3,
    GateResult.CANNOT_JUDGE: 4,
}


class Verdict(Value):
    """The answer to both questions over all metrics, and what the gate makes of it."""

    judgement: Judgement
    decisive: str | None  # the metric that decided it; None when none did
    decisions: tuple[Decision, ...]  # gated metrics first, in declared order
    reproduction: Reproduction
    reproduction_reason: str  # one sentence
    gate: GateResult
    gate_reason: str  # one clause: "not worse than −0.005 → failed"

    @property
    def exit_code(self) -> int:
        """0 passed, 1 failed, 3 infrastructure, 4 could not judge."""
        return EXIT_CODES[self.gate]
