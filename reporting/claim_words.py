"""The sentences about a sweep that was verified: the verdict, what is claimed and what came out, what to do now."""

import math

from experiment.claim import NoClaim, Verification
from experiment.spec import FILE_NAME
from reporting.claim import without_claim
from reporting.claim_stages import not_again
from reporting.decision import Decision, GateResult, Judgement, Reproduction, Verdict
from reporting.document import Line, code, line, strong, told
from reporting.numbers import count, duration, percent
from reporting.words import amount, and_then, because, gate, look, metric, odds, pair, sentence
from reporting.words import shortened as short

AS_CLAIMED = (Judgement.IDENTICAL, Judgement.WITHIN_TOLERANCE)
NEWS = (Judgement.REGRESSED, Judgement.CHANGED)
_MORE_SEEDS = 20


def said_of(verdict: Verdict) -> str:
    """The verdict in two words at most."""
    if verdict.gate is GateResult.INFRASTRUCTURE:
        return "not judged"
    news = verdict.judgement in NEWS
    return "not reproduced" if verdict.reproduction is Reproduction.DIFFERS and not news else verdict.judgement.value


def headline(found: Verification, verdict: Verdict) -> Line:
    """The verdict and the number or sentence behind it."""
    decided = next((d for d in verdict.decisions if d.judgement is verdict.judgement), None)
    said = said_of(verdict)
    if verdict.gate is GateResult.INFRASTRUCTURE:
        why = line("the machine failed, not the sweep")
    elif said == "not reproduced":
        why = line(short(_first_line(verdict.reproduction_reason)))
    elif decided is None:
        why = line(short(_first_line(verdict.reproduction_reason) if found.again is not None else without_claim(found)))
    elif decided.judgement is Judgement.UNVERIFIABLE:
        why = line(short(decided.reason))
    elif decided.judgement is Judgement.IDENTICAL:
        why = line(f"the same bits as claimed, {_runs_and_time(found)}")
    elif decided.judgement is Judgement.CONSISTENT:
        mean = amount(look(decided), pair(decided.candidate)[0])
        why = line(metric(decided.metric), f" {mean}, where runs of the claim lie")
    else:
        why = because(decided, decided.judgement)
    return line(strong(said), " — ", why)


def lead(found: Verification, verdict: Verdict) -> tuple[Line, ...]:
    """What is claimed, what came out, how sure that is, and what the gate says."""
    said = [_against(found, verdict, decision, first=i == 0) for i, decision in enumerate(verdict.decisions)]
    return (*said, gate(verdict))


def _against(found: Verification, verdict: Verdict, decision: Decision, *, first: bool) -> Line:
    claim = found.claim if first else found.before
    words = look(decision)
    claimed = words.spread(*pair(decision.baseline))
    if not first or claim is None:
        return line(f"The base commit's record claims {claimed}: against that, ", strong(str(decision.judgement)), ".")
    own = "The record that this change brings" if found.before is not None else "The record"
    seeds = count(len(claim.seeds), "fresh seed")
    begun = line(f"{own} claims ", metric(claim.metric), f" {claimed} of trial {claim.trial} over {seeds}")
    if decision.candidate.mean is None:
        return line(begun, "; ", sentence(short(decision.reason)))
    if decision.judgement in AS_CLAIMED:
        how = "to the bit" if decision.judgement is Judgement.IDENTICAL else "within the metric's tolerance"
        return line(
            begun, f"; run again here, {'each of them' if len(claim.seeds) > 1 else 'it'} gave that value, {how}."
        )
    others = count(decision.candidate.n, "other one", "other ones")
    return line(
        begun, "; here it is ", strong(words.spread(*pair(decision.candidate))), f" over {others}",
        _inside(decision) or odds(decision.judgement, decision), ".", _why_fresh(found),
        and_then(verdict.model_copy(update={"judgement": decision.judgement}), decision),
    )  # fmt: skip


def _first_line(text: str) -> str:
    return text.split("\n", maxsplit=1)[0]


def _inside(decision: Decision) -> str:
    """Where most runs of the claim lie, for the first of two stages."""
    if decision.judgement is not Judgement.CONSISTENT or decision.prediction is None:
        return ""
    words, (low, high) = look(decision), decision.prediction
    between = f"{words.number(low)} and {words.with_unit(words.number(high))}"
    return f"; {percent(decision.coverage or 0.0)} of such runs lie between {between}, so no more were spent"


def _why_fresh(found: Verification) -> str:
    """That a seed of the claim itself did not come out again; nothing where none was run."""
    claim = found.claim
    if claim is None or not {run.seed for run in found.runs} & {*claim.seeds}:
        return ""
    return f" Of the claim's own seeds, {not_again(found)}."


def _runs_and_time(found: Verification) -> str:
    return f"{count(len(found.runs), 'run')}, {duration(math.fsum(run.wall_s for run in found.runs))}"


def what_now(found: Verification, verdict: Verdict) -> Line:
    """What a person can do; nothing where it passes."""
    new = code("ml-experiment sweep --new")
    record = code(found.record)
    if verdict.gate is GateResult.PASSED:
        return ()
    if verdict.gate is GateResult.INFRASTRUCTURE:
        advice = told(
            "Mend the machine, then run this again: {}.", line(short(found.lost)) if found.lost else line("it is lost")
        )
    elif found.no_claim is NoClaim.NO_RECORD:
        advice = told("Make a record: run {}, and commit {}.", code("ml-experiment sweep"), record)
    elif found.no_claim is NoClaim.UNREADABLE:
        restore = code(f"git checkout -- {found.record}")
        advice = told("Restore {} ({}), or make it anew: {}; then commit it.", record, restore, new)
    elif found.no_claim is NoClaim.NOT_MADE:
        advice = told("Run the workflow again for the present head of the pull request.")
    elif found.no_claim is NoClaim.SEVERAL:
        every = code("ml-experiment sweep --verify --all")
        advice = told("Judge its table: {}, or {} for pull requests.", every, code("sweep.on_pull_request: all"))
    elif found.claim is None:
        advice = told("Make a record that can be held to its word: {} writes {}; commit it.", new, record)
    elif any(decision.judgement is Judgement.INCONCLUSIVE for decision in verdict.decisions):
        free = 1 + max(seed for seeds in ([run.seed for run in found.runs], found.claim.seeds) for seed in seeds)
        seeds = f"{free}-{free + _MORE_SEEDS - 1}"
        advice = told("Spend more seeds: {}.", code(f"ml-experiment sweep --verify --seeds {seeds}"))
    elif found.again is not None and found.again.problem:
        advice = told("Change {} back, or make a record of what it says now: {}.", code(FILE_NAME), new)
    elif verdict.gate is GateResult.CANNOT_JUDGE and found.again is not None and found.again.elsewhere:
        advice = told("Compare the table where it was recorded, or record it anew here: {} writes {}.", new, record)
    else:
        advice = told("Undo what moved it, or search again: {} writes {} anew.", new, record)
    return advice
