"""The tables of a report: one row per metric, one per run, and the numbers behind each figure."""

import math
from collections import Counter
from collections.abc import Sequence

from experiment.bundle import Bundle
from experiment.snapshot import RunSummary
from reporting.comparison import value_of
from reporting.decision import Decision, Judgement, Sample, Verdict
from reporting.document import Block, Chart, Detail, Line, Paragraph, Row, Side, Table, code, line, strong, text_of
from reporting.markdown import name
from reporting.numbers import NBSP, Rounding, count, duration, short, size
from reporting.reproduction import MEASURED_BY_US
from reporting.words import decisive, look, metric, shortened, strong_metric

_ARROWS = {True: f"{NBSP}↑", False: f"{NBSP}↓", None: ""}
_NEWS = {Judgement.REGRESSED, Judgement.IMPROVED, Judgement.CHANGED, Judgement.INCONCLUSIVE, Judgement.UNVERIFIABLE}
_NOTHING = "–"
_MOST_COLUMNS = 4  # metrics in the table of runs; more do not fit a screen
_MOST_STEPS = 25
MOST_AT_ONCE = 12  # rows of metrics that stand in the open


def metrics(bundle: Bundle, verdict: Verdict) -> Table:
    """Metric × verdict, change, its interval, baseline, this commit; the arrow says which way is good.

    The change is the third column, and narrow: the last one that a phone shows.
    """
    decisions = verdict.decisions
    compared = bundle.baseline is not None
    before = _common({d.baseline.n for d in decisions if d.baseline.n})
    now = _common({d.candidate.n for d in decisions if d.candidate.n})
    head = [line("metric"), line("verdict")]
    if compared:
        head += [line("change"), line(f"95{NBSP}% interval"), line(_of("baseline", before))]
    head.append(line(_of("this commit", now)))
    decided = decisive(verdict)
    whole = Table(
        caption="Every metric: verdict, change, baseline, this commit",
        head=tuple(head),
        right=(False, False, *(True,) * (len(head) - 2)),
        rows=tuple(_metric_row(d, d is decided, compared, before, now) for d in decisions),
    )
    return _without_empty_columns(whole)


def _without_empty_columns(table: Table) -> Table:
    kept = [i for i in range(len(table.head)) if any(text_of(row.cells[i]) != _NOTHING for row in table.rows)]
    return table.model_copy(
        update={
            "head": tuple(table.head[i] for i in kept),
            "right": tuple(table.right[i] for i in kept),
            "rows": tuple(row.model_copy(update={"cells": tuple(row.cells[i] for i in kept)}) for row in table.rows),
        }
    )


def first_metrics(bundle: Bundle, verdict: Verdict) -> tuple[Block, ...]:
    """The table of metrics; where it would fill pages, only those with news, and how many others there are."""
    whole = metrics(bundle, verdict)
    if len(verdict.decisions) <= MOST_AT_ONCE:
        return (whole,) if verdict.decisions else ()
    news = [i for i, row in enumerate(whole.rows) if row.detail >= Detail.OTHERS]
    order = sorted(news, key=lambda i: -whole.rows[i].detail)[:MOST_AT_ONCE]  # the deciding one first
    others = [decision for i, decision in enumerate(verdict.decisions) if i not in order]
    kinds = Counter(str(d.judgement) if d.gated else "not gated" for d in others)
    told = ", ".join(f"{n:,} {kind}" for kind, n in kinds.most_common())
    rows = tuple(whole.rows[i] for i in order)
    return whole.model_copy(update={"rows": rows}), Paragraph(words=line(f"Further below: {told}."))


def _metric_row(decision: Decision, decided: bool, compared: bool, before: int | None, now: int | None) -> Row:
    words = look(decision)
    news = decision.gated and decision.judgement in _NEWS
    told = (str(decision.judgement) if decision.gated else "not gated").replace(" ", NBSP)
    cells: list[Line] = [
        line(
            strong_metric(decision.metric) if decided else metric(decision.metric), _ARROWS[decision.higher_is_better]
        ),
        line(strong(told) if news else told),
    ]
    if compared:
        change = _change(decision, words)
        cells += [line(strong(change) if decided and news else change), line(_interval(decision, words))]
        cells.append(line(_sample(decision.baseline, words, before)))
    cells.append(line(_sample(decision.candidate, words, now)))
    detail = Detail.OTHERS if news else Detail.HELD if decision.gated else Detail.UNGATED
    detail = Detail.ESSENTIAL if decided else detail
    return Row(cells=tuple(cells), detail=detail)


def _change(decision: Decision, words: Rounding) -> str:
    delta = decision.delta
    if decision.judgement is Judgement.IDENTICAL:
        return "none"
    if delta is None:
        return _NOTHING
    if delta and decision.judgement is Judgement.WITHIN_TOLERANCE:
        return words.with_unit(short(delta).signed(delta))
    return words.with_unit(words.signed(delta))


def _interval(decision: Decision, words: Rounding) -> str:
    if decision.interval is None or not all(map(math.isfinite, decision.interval)):
        return _NOTHING
    return words.in_words(decision.noise_sd).interval(*decision.interval)


def _sample(sample: Sample, words: Rounding, common: int | None) -> str:
    lost = [f"{sample.not_finite} not finite"] if sample.not_finite else []
    lost += [f"{sample.failed} failed"] if sample.failed else []
    if sample.mean is None:
        return ", ".join(lost) or "no value"
    several = [] if sample.n == common else [f"n{NBSP}={NBSP}{sample.n}"]
    return ", ".join([words.spread(sample.mean, sample.sd), *several, *lost])


def _common(counts: set[int]) -> int | None:
    return counts.pop() if len(counts) == 1 else None


def _of(side: str, n: int | None) -> str:
    return side if n is None else f"{side}, n{NBSP}={NBSP}{n}"


def runs(bundle: Bundle, verdict: Verdict) -> Table:
    """One row per run of this commit: deciding and gated metrics, time, memory, and what there is to say about it."""
    decided = decisive(verdict)
    known = [d for d in verdict.decisions if d.metric not in MEASURED_BY_US]  # the time has its own column
    shown = sorted(known, key=lambda d: (d is not decided, not d.gated))[:_MOST_COLUMNS]
    made = [*bundle.candidate.runs, *([bundle.replicate.run] if bundle.replicate else [])]
    memory = any(run.peak_memory_bytes is not None for run in made)
    head = ["seed", *(name(d.metric) for d in shown), "time", *(["memory"] if memory else []), ""]
    rows = [_run_row(run, shown, memory, run.note) for run in bundle.candidate.runs]
    if bundle.replicate is not None:
        rows.append(_run_row(bundle.replicate.run, shown, memory, "run again, to see whether it reproduces"))
    return Table(
        caption="Every run of this commit",
        head=tuple(line(code(h)) if 0 < i <= len(shown) else line(h) for i, h in enumerate(head)),
        right=(*(True,) * (len(head) - 1), False),
        rows=tuple(rows),
        detail=Detail.RUNS,
    )


def _run_row(run: RunSummary, shown: Sequence[Decision], memory: bool, note: str) -> Row:
    known = [(d, value_of(run, d.metric)) for d in shown]
    values = ["–" if value is None else look(d).number(value) for d, value in known]
    used = [] if not memory else ["–" if run.peak_memory_bytes is None else size(run.peak_memory_bytes)]
    remarks: list[Line] = []
    if not run.ok:
        why = shortened(run.outcome.reason)
        remarks.append(line(strong(str(run.outcome.status)), f": {why}" if why else ""))
    remarks += [line(text) for text in ("from cache" if run.cached else "", shortened(note)) if text]
    told: Line = ()
    for remark in remarks:
        told = line(told, "; " if told else "", remark)
    return Row(cells=(*(line(v) for v in (str(run.seed), *values, duration(run.wall_s), *used)), told))


def values(chart: Chart) -> Table:
    """Every dot of a chart as a number, and what the bars stand for."""
    words = Rounding(chart.decimals, chart.exponent, chart.unit)
    return Table(
        caption=f"{chart.metric}, each run",
        head=(line("side"), line("n"), line("mean ± sd"), line(code(chart.metric), " of each run")),
        right=(False, True, True, False),
        rows=tuple(Row(cells=_value_cells(side, words)) for side in chart.sides),
        detail=Detail.CURVES,
    )


def _value_cells(side: Side, words: Rounding) -> tuple[Line, ...]:
    mean = "–" if side.mean is None else words.spread(side.mean, side.sd)
    shown = [words.number(v) for v in sorted(side.values)]
    listed = " · ".join([*shown[:100], *(["…"] if len(shown) > 100 else [])])
    lost = [f"{side.not_finite} not finite"] if side.not_finite else []
    lost += [f"{count(side.failed, 'run')} failed"] if side.failed else []
    return (line(side.label), line(str(len(side.values))), line(mean), line(", ".join(filter(None, [listed, *lost]))))


def curves(chart: Chart) -> Table | None:
    """Median and range over seeds at up to 25 of the steps that are drawn; None where there is no curve."""
    sides = [side for side in chart.sides if side.curve is not None and side.curve.step]
    if not sides:
        return None
    words = Rounding(chart.decimals, chart.exponent, chart.unit)
    steps = sorted({step for side in sides for step in (side.curve.step if side.curve else ())})
    if len(steps) > _MOST_STEPS:
        steps = [steps[round(i * (len(steps) - 1) / (_MOST_STEPS - 1))] for i in range(_MOST_STEPS)]
    rows = [Row(cells=(line(f"{step:,}"), *(line(_at(side, step, words)) for side in sides))) for step in steps]
    return Table(
        caption=f"{chart.metric}, median and range over seeds",
        head=(line("step"), *(line(_of(s.label, s.curve.n)) for s in sides if s.curve)),
        right=(True,) * (len(sides) + 1),
        rows=tuple(rows),
        detail=Detail.CURVES,
    )


def _at(side: Side, step: int, words: Rounding) -> str:
    band = side.curve
    if band is None or step not in band.step:
        return "–"
    i = band.step.index(step)
    median = words.number(band.median[i])
    return median if band.n == 1 else f"{median} ({words.number(band.low[i])} … {words.number(band.high[i])})"
