"""Which metrics get a figure, what is drawn, and the same in words for those who do not see it."""

import math

from experiment.bundle import Bundle
from experiment.snapshot import CurveBand
from reporting.decision import Decision, Judgement, MarginKind, Sample, Verdict
from reporting.document import Chart, Side
from reporting.markdown import name
from reporting.numbers import Rounding
from reporting.words import decisive, look, plain_margin

MOST = 3
_MOVED = (Judgement.REGRESSED, Judgement.IMPROVED, Judgement.CHANGED, Judgement.INCONCLUSIVE)


def charts(bundle: Bundle, verdict: Verdict) -> tuple[Chart, ...]:
    """The deciding metric first, then other gated ones that moved; at most three, each with a value of this commit."""
    decided = decisive(verdict)
    moved = [d for d in verdict.decisions if d.gated and d.judgement in _MOVED and d is not decided]
    chosen = [d for d in (decided, *moved) if d is not None and d.candidate.values]
    return tuple(_chart(bundle, decision) for decision in chosen[:MOST])


def _chart(bundle: Bundle, decision: Decision) -> Chart:
    before = bundle.baseline.snapshot.curves.get(decision.metric) if bundle.baseline else None
    now = bundle.candidate.curves.get(decision.metric)
    sides = [side_of("baseline", decision.baseline, before)] if bundle.baseline else []
    sides.append(side_of("this commit", decision.candidate, now))
    words = look(decision)
    metric = name(decision.metric)
    return Chart(
        metric=metric,
        unit=words.unit,
        sides=tuple(sides),
        margin=decision.margin if bundle.baseline else None,
        margin_words=margin_words(decision),
        decimals=words.decimals,
        exponent=words.exponent,
        alt=f"{metric} of each run: {', '.join(range_words(side, words) for side in sides)}{_curves(sides)}",
    )


def margin_words(decision: Decision) -> str:
    """ "margin ± 0.005"; "" without one."""
    kind = "2 sd of noise" if decision.margin_kind is MarginKind.TWO_SD else "margin"
    return f"{kind} ± {plain_margin(decision)}" if decision.margin else ""


def side_of(label: str, sample: Sample, curve: CurveBand | None = None) -> Side:
    """One side of a figure of values."""
    return Side(
        label=label,
        values=sample.values,
        mean=sample.mean,
        sd=sample.sd,
        not_finite=sample.not_finite,
        failed=sample.failed,
        curve=curve if curve is not None and curve.step else None,
    )


def range_words(side: Side, words: Rounding) -> str:
    """ "baseline between 0.91 and 0.94 (5 runs)"."""
    if not side.values:
        return f"{side.label} without a finite value"
    low, high = words.number(min(side.values)), words.number(max(side.values))
    if len(side.values) == 1:
        return f"{side.label} {words.with_unit(low)} (one run)"
    return f"{side.label} between {low} and {words.with_unit(high)} ({len(side.values)} runs)"


def _curves(sides: list[Side]) -> str:
    bands = [side.curve for side in sides if side.curve is not None]
    if len(bands) < 2:
        return ""
    step = parting_step(*bands)
    return "; the curves stay within each other's range" if step is None else f"; the curves part from step {step:,} on"


def parting_step(a: CurveBand, b: CurveBand) -> int | None:
    """First step both have from which on the two ranges never touch again; None where they touch at the last one."""
    at_b = {step: i for i, step in enumerate(b.step)}
    first = None
    for i, step in enumerate(a.step):
        j = at_b.get(step)
        if j is None:
            continue
        apart = a.low[i] > b.high[j] or a.high[i] < b.low[j]
        if not apart or math.isnan(a.low[i]) or math.isnan(b.low[j]):
            first = None
        elif first is None:
            first = step
    return first
