"""The verdict on one metric, on several, and over all of them: pure functions of plain numbers.

>>> judge([0.94, 0.93, 0.95, 0.94, 0.93], [0.90, 0.91, 0.90], goal="maximize").judgement
<Judgement.REGRESSED: 'regressed'>
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from experiment.spec import Goal, Metric, Tolerance
from reporting.case import Case
from reporting.decision import Decision, Judgement
from reporting.evidence import NUMERIC_NOISE, Evidence, GoalLike, Rules, SameSeed, Terms, terms_of, within_tolerance
from reporting.statistics import holm
from reporting.steps import decide

ORDER = (
    Judgement.REGRESSED,
    Judgement.UNVERIFIABLE,
    Judgement.CHANGED,
    Judgement.INCONCLUSIVE,
    Judgement.NO_BASELINE,
    Judgement.CONSISTENT,
    Judgement.IMPROVED,
    Judgement.EQUIVALENT,
    Judgement.WITHIN_TOLERANCE,
    Judgement.IDENTICAL,
)
"""The first of these that a gated metric has is the judgement over all: bad news from one is news; good news needs all
of them (an intersection-union test, so without correction), and then the weakest claim is what holds for all."""


def judge(
    baseline: Sequence[float],
    candidate: Sequence[float],
    *,
    metric: str = "metric",
    goal: GoalLike = Goal.MAXIMIZE,
    margin: float | None = None,
    tolerance: Tolerance | None = None,
    quantum: float | None = None,
    rules: Rules = Rules(),  # noqa: B008 (frozen)
    same_seed: SameSeed = SameSeed(),  # noqa: B008 (frozen)
    history: Sequence[float] = (),
    baseline_failed: int = 0,
    candidate_failed: int = 0,
) -> Decision:
    """Judge one metric: `baseline` and `candidate` hold one value per run, in units of the metric; order is nothing.

    `goal` None: no direction is good. `margin`: what one would not mind losing; None asks against two standard
    deviations of seed noise. `tolerance`: numeric noise between runs of one seed. `quantum`: the grid the metric lives
    on. `same_seed`: what runs of equal seeds say; without it nothing can be `identical`. `history`: values of later
    runs of the baseline's configuration. `*_failed`: runs without a value. Raises ValueError for a margin, tolerance
    or quantum that is not a number to compare with.
    """
    terms = Terms(
        goal=None if goal is None else Goal(goal),
        margin=margin,
        tolerance=tolerance or NUMERIC_NOISE,
        quantum=quantum,
        rules=rules,
    )
    evidence = Evidence(
        baseline,
        candidate,
        same_seed=same_seed,
        history=history,
        baseline_failed=baseline_failed,
        candidate_failed=candidate_failed,
    )
    return decide(Case(metric, evidence, terms))


def judge_all(
    evidence: Mapping[str, Evidence],
    metrics: Mapping[str, Metric],
    rules: Rules = Rules(),  # noqa: B008 (frozen)
) -> tuple[Decision, ...]:
    """Judge several metrics together, gated ones first, in the order of `evidence`.

    Differences of gated metrics are tested by Holm's procedure, so that `rules.alpha` holds for all of them together.
    `within tolerance` is claimed for all gated metrics or for none: one that lives on a grid coincides by chance.
    Raises ValueError as `judge` does, KeyError for evidence of a metric without terms.
    """
    terms = {name: terms_of(metrics[name], rules) for name in evidence}
    names = sorted(evidence, key=lambda name: not terms[name].gated)
    gated = [name for name in names if terms[name].gated]
    pairs = {name: evidence[name].same_seed for name in gated if evidence[name].same_seed.pairs}
    tolerated = all(within_tolerance(same, terms[name].tolerance) for name, same in pairs.items())
    cases = {
        name: Case(name, evidence[name] if tolerated else _not_tolerable(evidence[name]), terms[name], len(gated) or 1)
        for name in names
    }
    decisions = {name: decide(case) for name, case in cases.items()}
    tested = [name for name in gated if decisions[name].p is not None and decisions[name].noise_sd is not None]
    adjusted = holm([cases[name].raw_p for name in tested])
    for name, p in zip(tested, adjusted, strict=True):
        decisions[name] = decide(replace(cases[name], adjusted_p=p))
    return tuple(decisions.values())


def _not_tolerable(evidence: Evidence) -> Evidence:
    return replace(evidence, same_seed=replace(evidence.same_seed, tolerable=False))


def overall(decisions: Iterable[Decision]) -> tuple[Judgement | None, str | None]:
    """The judgement over the gated metrics and the name of the one that decided; None, None where none is gated.

    Where several have the judgement, the clearest difference decides, or the weakest claim that there is none. Nobody
    decides when all bits are equal or all values within tolerance.
    """
    gated = [decision for decision in decisions if decision.gated]
    if not gated:
        return None, None
    judgement = next(member for member in ORDER if any(d.judgement is member for d in gated))
    if judgement in (Judgement.IDENTICAL, Judgement.WITHIN_TOLERANCE):
        return judgement, None
    having = [decision for decision in gated if decision.judgement is judgement]
    if judgement is Judgement.EQUIVALENT:
        return judgement, max(having, key=lambda d: d.p_equivalence or 0.0).metric
    return judgement, min(having, key=_clearness).metric


def _clearness(decision: Decision) -> float:
    # Steps without a test (not finite, no noise) are certain; an unverifiable metric has no p and is first anyway.
    return 0.0 if decision.p is None else decision.p
