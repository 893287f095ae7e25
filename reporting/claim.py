"""Whether a sweep's claim holds: its record against new runs of the best trial, and against trials made again."""

from collections.abc import Iterator, Sequence

from experiment.claim import MadeAgain, NoClaim, Verification
from experiment.spec import Experiment
from reporting.claim_stages import decided
from reporting.decision import Decision, GateResult, Judgement, Reproduction, Verdict
from reporting.gate import Answer, of_metrics, of_reproduction, of_runs, worst
from reporting.verdict import overall


def verdict(found: Verification, policy: Experiment) -> Verdict:
    """The answers to both questions: does the claim hold, and does the table come out again?

    Decisions: against the record's own claim; where the change brought that record, against the base's too. Nothing
    that is missing passes: no record, no claim, a run that failed. Only where trials are made again may a study of
    several objectives, which has no claim, pass by its table alone.
    """
    decisions = decided(found, policy)
    table = _table(found)
    judgement, decisive = overall(decisions)
    by_table = found.claim is None and table[0] is Reproduction.IDENTICAL and _is_front(found)
    if judgement is None:
        judgement = Judgement.IDENTICAL if by_table else Judgement.UNVERIFIABLE
    answer = worst(_answers(found, policy, decisions, table))
    return Verdict(
        judgement=judgement,
        decisive=decisive,
        decisions=decisions,
        reproduction=table[0],
        reproduction_reason=table[1],
        gate=answer.result,
        gate_reason=answer.reason.replace("the baseline", "the claim").replace("baseline runs", "runs of the claim"),
    )


def _answers(
    found: Verification, policy: Experiment, decisions: Sequence[Decision], table: tuple[Reproduction, str]
) -> Iterator[Answer]:
    if found.lost:
        yield Answer(GateResult.INFRASTRUCTURE, f"runs that finish → {GateResult.INFRASTRUCTURE}: {found.lost}")
    if found.runs:
        yield from of_runs(policy.gate, found.runs)
    if decisions:
        yield of_metrics(policy.gate, decisions)
    elif not _is_front(found) or found.again is None:
        yield Answer(GateResult.CANNOT_JUDGE, f"a claim → {GateResult.CANNOT_JUDGE}: {without_claim(found)}")
    if found.again is None:
        return
    yield from of_reproduction(policy.gate, *table)
    if not decisions:
        yield Answer(GateResult.PASSED, f"the same table again → {GateResult.PASSED}")


def without_claim(found: Verification) -> str:
    """Why there is no claim, in a clause."""
    why = found.no_claim or NoClaim.NO_RECORD
    return f"{why}{f': {found.why}' if found.why else ''}"


def _is_front(found: Verification) -> bool:
    return found.no_claim is NoClaim.SEVERAL


def _table(found: Verification) -> tuple[Reproduction, str]:
    again = found.again
    if again is None:
        return Reproduction.NOT_ASKED, "no trial of the record was made again"
    if again.problem:
        return Reproduction.UNVERIFIABLE, again.problem
    if again.difference:
        return (Reproduction.UNVERIFIABLE if again.elsewhere else Reproduction.DIFFERS), again.difference
    return Reproduction.IDENTICAL, f"{trials_in_words(again)} came out the same, to the bit"


def trials_in_words(again: MadeAgain) -> str:
    """ "all 30 trials", "the first 10 of 30 trials"."""
    return f"all {again.of} trials" if again.asked == again.of else f"the first {again.asked} of {again.of} trials"
