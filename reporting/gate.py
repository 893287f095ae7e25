"""What the check says of a verdict: the policy's questions, asked one by one; the worst answer is the gate's."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from experiment.record import Status
from experiment.snapshot import RunSummary
from experiment.spec import Gate
from reporting.decision import Decision, GateResult, Judgement, MarginKind, Reproduction
from reporting.numbers import MINUS, plain
from reporting.reproduction import left_something
from reporting.statistics import EQUIVALENCE_LEVEL
from reporting.verdict import overall

WORST_FIRST = (GateResult.INFRASTRUCTURE, GateResult.FAILED, GateResult.CANNOT_JUDGE, GateResult.PASSED)
THE_SCRIPTS_OWN = (Status.USER_ERROR, Status.OUT_OF_MEMORY, Status.TIMEOUT, Status.INVALID)
"""Ends that the commit brought about: a commit that never gets to a result is not reproduced."""

CLOSE = (Judgement.IDENTICAL, Judgement.WITHIN_TOLERANCE, Judgement.EQUIVALENT)
MOVED = (Judgement.REGRESSED, Judgement.CHANGED, Judgement.IMPROVED)


class Answer(NamedTuple):
    """What one question came to, and one clause for a person: "not worse than −0.005 → failed"."""

    result: GateResult
    reason: str


def gate(
    policy: Gate,
    decisions: Sequence[Decision],
    judgement: Judgement,
    reproduction: tuple[Reproduction, str],
    runs: Sequence[RunSummary],
) -> Answer:
    """The gate's answer. `judgement` is the one over all metrics, `runs` are all that the policy asks for.

    Nothing that is missing passes, whatever the policy; a policy that only reports never answers `failed`.
    """
    answers = (
        *of_runs(policy, runs),
        _of_baseline(policy, decisions, judgement),
        *of_reproduction(policy, *reproduction),
    )
    return worst(answers)


def worst(answers: Iterable[Answer]) -> Answer:
    """The answer that decides: the machine's fault, then a failure, then what could not be judged."""
    return min(answers, key=lambda answer: WORST_FIRST.index(answer.result))


def of_runs(policy: Gate, runs: Sequence[RunSummary]) -> Iterable[Answer]:
    """What runs that did not end well come to; nothing where all did."""
    why = incomplete(runs)
    failed = [run for run in runs if not run.ok]
    enforced = policy.reproduce == "required" or policy.baseline != "report"
    if any(run.outcome.status is Status.INFRA_ERROR for run in failed):
        yield Answer(GateResult.INFRASTRUCTURE, f"runs that finish → {GateResult.INFRASTRUCTURE}: {why}")
    elif enforced and failed and len(failed) == len(runs) and all(r.outcome.status in THE_SCRIPTS_OWN for r in failed):
        yield Answer(GateResult.FAILED, f"runs that finish → {GateResult.FAILED}: {why}")
    elif why:
        yield Answer(GateResult.CANNOT_JUDGE, f"whole results → {GateResult.CANNOT_JUDGE}: {why}")


def incomplete(runs: Sequence[RunSummary]) -> str:
    """What keeps these runs from being a whole result, in one clause; nothing when nothing does.

    The machine's failures are named before the script's, since they say nothing about the script.
    """
    if not runs:
        return "no run was made"
    failed = sorted((run for run in runs if not run.ok), key=lambda r: r.outcome.status is not Status.INFRA_ERROR)
    if failed:
        return how_it_ended(failed[0]) + (f" ({len(failed)} of {len(runs)} runs failed)" if len(runs) > 1 else "")
    for run in runs:
        lost = next((path for path, sha256 in run.artifacts.items() if sha256 is None), None)
        if lost is not None:
            return f"{lost} was not written by the run of seed {run.seed}"
        if not left_something(run):
            return f"the run of seed {run.seed} left neither a metric nor an artifact"
    return ""


def how_it_ended(run: RunSummary) -> str:
    """One clause about a run that failed: "seed 3: timeout, more than 2 h"."""
    reason = run.outcome.reason.strip()
    return f"seed {run.seed}: {run.outcome.status}" + (f", {reason}" if reason else "")


def of_reproduction(policy: Gate, reproduction: Reproduction, reason: str) -> Iterable[Answer]:
    """What it comes to that the same did not give the same; nothing where it did, or the policy only reports it."""
    if policy.reproduce == "report" or reproduction in (Reproduction.IDENTICAL, Reproduction.WITHIN_TOLERANCE):
        return
    if reproduction is Reproduction.DIFFERS:
        yield Answer(GateResult.FAILED, f"the same result again → {GateResult.FAILED}: {reason}")
    else:
        yield Answer(GateResult.CANNOT_JUDGE, f"the same result again → {GateResult.CANNOT_JUDGE}: {reason}")


def _of_baseline(policy: Gate, decisions: Sequence[Decision], judgement: Judgement) -> Answer:
    if judgement is Judgement.NO_BASELINE:
        result = GateResult.PASSED if policy.no_baseline == "pass" else GateResult.CANNOT_JUDGE
        return Answer(result, f"a baseline → {result}: none is stored yet")
    gated = [decision for decision in decisions if decision.gated]
    return of_metrics(policy, gated) if gated else _nothing_gated(policy, judgement)


def of_metrics(policy: Gate, decisions: Sequence[Decision]) -> Answer:
    """The answer for metrics that gate, one at least."""
    answers = [(_of_metric(policy, decision), decision) for decision in decisions]
    result = next(member for member in WORST_FIRST if any(answer is member for answer, _ in answers))
    _, decisive = overall([decision for answer, decision in answers if answer is result])
    shown = next((d for answer, d in answers if answer is result and d.metric == decisive), answers[0][1])
    why = _why_not(shown) if result is GateResult.CANNOT_JUDGE else ""
    return Answer(result, f"{_asked(policy, shown)} → {result}{why}")


def _nothing_gated(policy: Gate, judgement: Judgement) -> Answer:
    if judgement is Judgement.IDENTICAL:
        return Answer(GateResult.PASSED, f"the baseline's bits → {GateResult.PASSED}")
    if policy.baseline == "report":
        return Answer(GateResult.PASSED, f"nothing of the baseline → {GateResult.PASSED}")
    why = "no gated metric is declared; name one under 'metrics' in ml-experiment.yaml"
    return Answer(GateResult.CANNOT_JUDGE, f"a metric to judge by → {GateResult.CANNOT_JUDGE}: {why}")


def _of_metric(policy: Gate, decision: Decision) -> GateResult:
    said = decision.judgement
    if said in (Judgement.UNVERIFIABLE, Judgement.NO_BASELINE):
        return GateResult.CANNOT_JUDGE
    if policy.baseline == "report" or said in CLOSE:
        return GateResult.PASSED
    if policy.baseline == "equivalent":
        return GateResult.FAILED if said in MOVED else GateResult.CANNOT_JUDGE
    if said in (Judgement.REGRESSED, Judgement.CHANGED):
        return GateResult.FAILED
    if said in (Judgement.IMPROVED, Judgement.CONSISTENT):
        return GateResult.PASSED
    # Two-sided it is open, but the gate asks one side only: that it is not worse by the margin may well be shown.
    shown = decision.p_non_inferior is not None and decision.p_non_inferior < EQUIVALENCE_LEVEL
    return GateResult.PASSED if shown else GateResult.CANNOT_JUDGE


def _asked(policy: Gate, decision: Decision) -> str:
    declared = decision.margin is not None and decision.margin_kind is MarginKind.DECLARED
    margin = plain(decision.margin or 0.0) if declared else "2 sd"
    if policy.baseline == "report":
        return "nothing of the baseline"
    if policy.baseline == "equivalent":
        return f"within {margin} of the baseline"
    if decision.higher_is_better is None:
        return f"not moved by more than {margin}" if declared else "not changed"
    return f"not worse than {MINUS if decision.higher_is_better else '+'}{margin}" if declared else "not worse"


def _why_not(decision: Decision) -> str:
    if decision.reason:
        return f": {decision.reason}"
    if decision.judgement is Judgement.CONSISTENT:
        return ": one run cannot show it"
    more = decision.seeds_to_settle
    return f": {more} runs of this commit would settle it" if more else ": too few baseline runs to settle it"
