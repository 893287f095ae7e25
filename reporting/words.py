"""The sentences of a report: what was decided and how sure that is. Every number in them is one of the decision's."""

import math

from experiment.bundle import Bundle
from experiment.record import Status
from reporting.decision import Decision, GateResult, Judgement, MarginKind, Reproduction, Sample, Verdict
from reporting.document import Line, Span, Style, code, line, strong, text_of
from reporting.markdown import name
from reporting.numbers import NBSP, Rounding, count, duration, once_in, percent, plain, rounding, short, unit_of

_LONGEST_REASON = 200
_ENDED = {
    Status.USER_ERROR: "crashed",
    Status.OUT_OF_MEMORY: "ran out of memory",
    Status.TIMEOUT: "ran out of time",
    Status.CANCELLED: "was cancelled",
    Status.INFRA_ERROR: "was lost with its machine",
    Status.INVALID: "left what cannot be read",
}


def metric(text: str) -> Span:
    """A metric's name in a sentence."""
    return code(name(text))


def strong_metric(text: str) -> Span:
    """The name of the metric that decided."""
    return Span(text=name(text), style=Style.STRONG_CODE)


def look(decision: Decision) -> Rounding:
    """How the numbers of this metric are written, everywhere: as fine as its noise allows."""
    sides = (decision.baseline, decision.candidate)
    noise = [s for s in (decision.noise_sd, *(side.sd for side in sides)) if s]
    if not noise and decision.prediction is not None:
        noise = [(decision.prediction[1] - decision.prediction[0]) / 2.6]  # 80 % of a normal distribution
    means = [side.mean for side in sides if side.mean is not None]
    if not noise and decision.delta and abs(decision.delta) > 1e-6 * max(map(abs, means), default=0.0):
        noise = [abs(decision.delta)]
    return rounding(means or [v for side in sides for v in side.values], noise=noise, unit=unit_of(decision.metric))


def moved(decision: Decision) -> Line:
    """The change of the means: "`test/accuracy` fell by 0.028"."""
    delta = decision.delta
    if delta is None or not math.isfinite(delta):
        return line(metric(decision.metric), " is not finite")
    if delta == 0:
        return line(metric(decision.metric), " did not move")
    words = look(decision).in_words(decision.noise_sd).fine_enough(delta)
    return line(metric(decision.metric), " rose" if delta > 0 else " fell", " by ", amount(words, abs(delta)))


def amount(words: Rounding, value: float) -> str:
    """A number with its unit."""
    return words.with_unit(words.number(value))


def decisive(verdict: Verdict) -> Decision | None:
    """The decision that decided, or the first one."""
    named = [d for d in verdict.decisions if d.metric == verdict.decisive]
    return next(iter((*named, *verdict.decisions)), None)


def broken(bundle: Bundle, verdict: Verdict) -> bool:
    """Whether the news is that the same commit and seed gave two results."""
    return (
        verdict.reproduction is Reproduction.DIFFERS
        and verdict.gate is GateResult.FAILED
        and verdict.judgement not in (Judgement.REGRESSED, Judgement.CHANGED)
        and bundle.policy.gate.reproduce == "required"
    )


def heading(bundle: Bundle, verdict: Verdict) -> Line:
    """The verdict in words with the number that decided it; readable alone, in the subject of an e-mail."""
    said, why = _headline(bundle, verdict)
    return line(name(bundle.policy.experiment), ": ", strong(said), " — ", why)


def _headline(bundle: Bundle, verdict: Verdict) -> tuple[str, Line]:
    decision, judgement = decisive(verdict), verdict.judgement
    if verdict.gate is GateResult.INFRASTRUCTURE:
        return "not judged", line("the machine failed, not the experiment")
    if broken(bundle, verdict):
        return "not reproduced", line(_two_results(bundle, decision), f"; against the baseline: {judgement}")
    if judgement is Judgement.IDENTICAL:
        return str(judgement), line(f"the same bits as the baseline, {_runs_and_time(bundle)}")
    if judgement is Judgement.UNVERIFIABLE:
        return str(judgement), line(shortened(_unverifiable(bundle, verdict, decision)))
    if decision is None:
        return str(judgement), line("no metric was captured")
    return str(judgement), because(decision, judgement)


def _two_results(bundle: Bundle, decision: Decision | None) -> Line:
    again = bundle.replicate.run if bundle.replicate else None
    first = next((run for run in bundle.candidate.runs if again and run.seed == again.seed), None)
    if again is None or first is None or decision is None:
        return line("the same commit and seed gave two results")
    pair = [value for run in (first, again) if (value := run.metrics.get(decision.metric)) is not None]
    if len(set(pair)) < 2:
        return line(f"seed {again.seed} gave two results")
    words = look(decision)
    shown = [words.fine_enough(pair[1] - pair[0]).number(value) for value in pair]
    return line(f"seed {again.seed} gave ", metric(decision.metric), f" {' and '.join(shown)}")


def _unverifiable(bundle: Bundle, verdict: Verdict, decision: Decision | None) -> str:
    runs = bundle.candidate.runs
    failed = next((run for run in runs if not run.ok), None)
    if failed is None:
        reason = decision.reason if decision else ""
        return reason or asked_and_why(verdict)[1] or "nothing can be claimed"
    many = f" ({sum(not run.ok for run in runs)} of {count(len(runs), 'run')} failed)" if len(runs) > 1 else ""
    why = f": {failed.outcome.reason.strip()}" if failed.outcome.reason.strip() else ""
    return f"seed {failed.seed} {_ENDED[failed.outcome.status]}{shortened(why)}{many}"


def asked_and_why(verdict: Verdict) -> tuple[str, str]:
    """The two ends of the gate's reason: what it asks for, and why it says what it says ("" where it need not say)."""
    asks, _, answer = verdict.gate_reason.partition("→")
    return asks.strip(), answer.partition(":")[2].strip()


def because(decision: Decision, judgement: Judgement) -> Line:  # noqa: PLR0911 one per outcome
    """What of this metric gave the judgement, in a clause."""
    words = look(decision)
    match judgement:
        case Judgement.WITHIN_TOLERANCE:
            if not decision.delta:
                return line(shortened(decision.reason) or "same seeds, every difference inside the tolerance")
            gap = short(decision.delta)
            return line(metric(decision.metric), f" moved by {amount(gap, abs(decision.delta))}, inside its tolerance")
        case Judgement.CONSISTENT:
            return line(metric(decision.metric), f" {_mean(words, decision.candidate)}, where baseline runs lie")
        case Judgement.EQUIVALENT if decision.margin is not None:
            return line(moved(decision), f", inside the margin of {plain_margin(decision)}")
        case Judgement.INCONCLUSIVE:
            runs = count(decision.candidate.n, "run")
            return line(moved(decision), f", which {runs} cannot tell from chance")
        case Judgement.NO_BASELINE if decision.candidate.mean is not None:
            runs = count(decision.candidate.n, "run")
            return line(metric(decision.metric), " is ", words.spread(*pair(decision.candidate)), f" over {runs}")
        case Judgement.NO_BASELINE:
            return line("nothing to compare with yet")
        case Judgement.REGRESSED if decision.candidate.not_finite and not decision.baseline.not_finite:
            total = decision.candidate.n + decision.candidate.not_finite
            runs = f"{decision.candidate.not_finite} of {count(total, 'run')}"
            return line(metric(decision.metric), f" is not finite in {runs}")
        case _:
            return moved(decision)


def plain_margin(decision: Decision) -> str:
    """The margin: as declared, or rounded where it was made from the noise."""
    margin = decision.margin or 0.0
    if decision.margin_kind is MarginKind.TWO_SD:
        return amount(look(decision), margin)
    return look(decision).with_unit(plain(margin))


def lead(bundle: Bundle, verdict: Verdict) -> tuple[Line, ...]:
    """The paragraph below the heading: means, how sure, what the gate asks and says."""
    if verdict.gate is GateResult.INFRASTRUCTURE:
        ended = [r for r in bundle.candidate.runs if r.outcome.status is Status.INFRA_ERROR]
        why = shortened(ended[0].outcome.reason) if ended else shortened(verdict.gate_reason)
        return (line(strong("Nothing is claimed about the experiment:"), " ", sentence(why), _kept(bundle)),)
    decision = decisive(verdict)
    said: Line = () if decision is None else line(_how_sure(bundle, verdict, decision), _note(verdict, decision))
    return (line(said, " " if said else "", gate(verdict, text_of(said))),)


def _note(verdict: Verdict, decision: Decision) -> str:
    reason = shortened(decision.reason)
    said = verdict.judgement is Judgement.UNVERIFIABLE or (decision.delta == 0 and decision.step == 3)  # as heading
    if not reason or said or decision.candidate.not_finite:
        return ""
    return " " + sentence(reason if reason.startswith(decision.metric) else reason[0].upper() + reason[1:])


def _how_sure(bundle: Bundle, verdict: Verdict, decision: Decision) -> Line:
    match verdict.judgement:
        case Judgement.IDENTICAL:
            return _checked(bundle, verdict)
        case Judgement.WITHIN_TOLERANCE:
            return line("Every metric at every seed lies within the tolerance of the baseline's run of that seed.")
        case Judgement.CONSISTENT:
            low, high = decision.prediction or (math.nan, math.nan)
            words, one = look(decision), decision.candidate.n == 1
            share = percent(decision.coverage or math.nan)
            return line(
                f"{words.spread(*pair(decision.baseline))} over {baseline_runs(decision)}, ",
                strong(_mean(words, decision.candidate)),
                f" in {'one run' if one else f'{decision.candidate.n} runs'} of this commit; {share} of such "
                f"{'runs' if one else 'means'} lie between "
                f"{words.number(low)} and {words.with_unit(words.number(high))}, so no more runs were spent.",
            )
        case Judgement.NO_BASELINE:
            return line("There is nothing to compare with yet: ", code(bundle.policy.baseline_file), " does not exist.")
        case Judgement.UNVERIFIABLE:
            gated = [d for d in verdict.decisions if d.gated]
            alone = len(gated) > 1 and any(d.judgement is not Judgement.UNVERIFIABLE for d in gated)
            about = line(" about ", metric(decision.metric)) if alone else ""
            return line("Nothing is claimed", about, ": what cannot be checked never passes.")
        case _:
            return line(_means(decision), odds(verdict.judgement, decision), ".", and_then(verdict, decision))


def _means(decision: Decision) -> Line:
    words = look(decision)
    one = count(decision.candidate.n, "run")
    return line(
        f"{_side(decision.baseline, words, decision)} over {baseline_runs(decision)}, ",
        strong(_side(decision.candidate, words, decision)), f" over {one} of this commit",
    )  # fmt: skip


def baseline_runs(decision: Decision) -> str:
    """ "10 baseline runs"; "14 baseline runs (4 of them later ones)" where more of its configuration were pooled."""
    later = decision.baseline.pooled
    return count(decision.baseline.n, "baseline run") + (f" ({later} of them made later)" if later else "")


def odds(judgement: Judgement, decision: Decision) -> str:
    """How sure a change is, in brackets: its interval, and how often chance gives it."""
    words = look(decision).in_words(decision.noise_sd)
    parts = []
    if decision.interval is not None and all(map(math.isfinite, decision.interval)):
        parts.append(f"95{NBSP}% interval of the change {words.with_unit(words.interval(*decision.interval))}")
    if judgement is Judgement.EQUIVALENT:
        if decision.p_equivalence is not None:
            parts.append(f"one that moved by the whole margin would look this close {once_in(decision.p_equivalence)}")
    elif decision.p is not None:
        parts.append(f"an unchanged commit would show this {once_in(decision.p)}")
    return f" ({'; '.join(parts)})" if parts else ""


def and_then(verdict: Verdict, decision: Decision) -> str:
    """What else has to be said: what would settle it, which margin stands in, which runs are missing."""
    said = ""
    if verdict.judgement is Judgement.INCONCLUSIVE:
        words = look(decision).in_words(decision.noise_sd)
        if decision.smallest_effect is not None:
            effect = amount(words.fine_enough(decision.smallest_effect), decision.smallest_effect)
            said += f" Nine times in ten this would have found a change of {effect}."
        if decision.seeds_to_settle is not None:
            said += f" {count(decision.seeds_to_settle, 'run')} of this commit would settle it."
        else:
            said += " More runs of this commit alone would not settle it."
    if verdict.judgement is Judgement.CHANGED:
        said += " No direction is declared, so it is neither better nor worse."
    if verdict.judgement is Judgement.EQUIVALENT and decision.margin_kind is MarginKind.TWO_SD:
        said += " No margin is declared: two standard deviations of seed noise stand in for it."
    missing = decision.candidate.failed + decision.candidate.not_finite
    if missing:
        total = missing + decision.candidate.n
        lost = f"{missing} of {count(total, 'run')} of this commit left no finite value"
        chance = "" if decision.p_failures is None else f" (chance alone gives this {once_in(decision.p_failures)})"
        said += f" {lost}{chance} and {_are(missing)} not in the mean."
    return said


def gate(verdict: Verdict, before: str = "") -> Line:
    """What the gate asks and says, and why, unless that was said `before`."""
    said = {
        GateResult.PASSED: "it passes",
        GateResult.FAILED: "it fails",
        GateResult.CANNOT_JUDGE: "it cannot judge",
        GateResult.INFRASTRUCTURE: "it cannot judge",
    }[verdict.gate]
    asks, why = asked_and_why(verdict)
    known = why.lower() in before.lower() or why == verdict.reproduction_reason
    known = known or verdict.judgement is Judgement.UNVERIFIABLE  # the heading says it
    because = "" if not why or known else f" {sentence(shortened(why))}"
    return line(f"Gate: {shortened(asks)} — " if asks else "Gate: ", strong(said), ":" if because else ".", because)


def _checked(bundle: Bundle, verdict: Verdict) -> Line:
    shown = [d for d in verdict.decisions if d.judgement is Judgement.IDENTICAL and d.candidate.mean is not None]
    if not shown:
        return line(
            f"Checked to the bit: all that was declared, {seeds_in_words([r.seed for r in bundle.candidate.runs])}."
        )
    parts: list[str | Span] = ["Checked to the bit: "]
    for i, decision in enumerate(shown[:4]):
        parts += [", " if i else "", metric(decision.metric), f" {_mean(look(decision), decision.candidate)}"]
    if len(shown) > 4:
        parts.append(f" and {count(len(shown) - 4, 'metric')} more")
    artifacts = {path for run in bundle.candidate.runs for path, sha in run.artifacts.items() if sha is not None}
    if artifacts:
        parts.append(f" and {count(len(artifacts), 'artifact')}")
    seeds = [run.seed for run in bundle.candidate.runs]
    return line(*parts, f", {seeds_in_words(seeds)}.")


def seeds_in_words(seeds: list[int]) -> str:
    """ "seed 0", "seeds 0–4", "seeds 1, 5, 9"."""
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    if seeds and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]}–{seeds[-1]}"
    return f"seeds {', '.join(map(str, seeds))}" if seeds else "no seed"


def _runs_and_time(bundle: Bundle) -> str:
    runs = bundle.candidate.runs
    cached = sum(run.cached for run in runs)
    if runs and cached == len(runs):
        return f"{count(len(runs), 'run')} from cache"
    return f"{count(len(runs), 'run')}, {duration(math.fsum(run.wall_s for run in runs))}"


def _kept(bundle: Bundle) -> str:
    done = sum(run.ok for run in bundle.candidate.runs)
    if not done:
        return " No run had finished."
    return f" {count(done, 'finished run')} {'is' if done == 1 else 'are'} kept and will not be run again."


def pair(sample: Sample) -> tuple[float, float | None]:
    """Mean and standard deviation, NaN where there is no mean."""
    return (math.nan if sample.mean is None else sample.mean), sample.sd


def _mean(words: Rounding, sample: Sample) -> str:
    return amount(words, pair(sample)[0])


def _side(sample: Sample, words: Rounding, decision: Decision) -> str:
    return words.in_words(decision.noise_sd).spread(*pair(sample))


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def shortened(text: str, most: int = _LONGEST_REASON) -> str:
    """A reason or a name at the length a sentence bears."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def sentence(text: str) -> str:
    """A clause with its full stop."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
