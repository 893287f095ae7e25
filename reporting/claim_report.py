"""The report of a sweep that was verified: does its claim hold, does its table come out again, and what now."""

from experiment.claim import Verification
from experiment.command import text
from reporting import sureness
from reporting.charts import margin_words, range_words, side_of
from reporting.claim_words import AS_CLAIMED, NEWS, headline, lead, said_of, what_now
from reporting.decision import Decision, GateResult, Judgement, Reproduction, Verdict
from reporting.document import (
    Block,
    Chart,
    Detail,
    Line,
    Paragraph,
    Picture,
    Report,
    Row,
    Section,
    Table,
    Verbatim,
    code,
    line,
    listed,
    strong,
    told,
)
from reporting.gate import WORST_FIRST
from reporting.markdown import name
from reporting.numbers import NBSP, duration
from reporting.words import amount, look, pair, seeds_in_words, sentence
from reporting.words import shortened as short

_MOST_KEYS = 6


def build(found: Verification, verdict: Verdict, experiment: str, *, footer: Line, repeat: str, whole: str) -> Report:
    """The report of a verification on its own. `whole` is where all of it is kept, `repeat` the command for it."""
    charts = charts_of(verdict)
    return Report(
        experiment=experiment,
        judgement=verdict.judgement,
        gate=verdict.gate,
        heading=line(name(experiment), " sweep: ", *headline(found, verdict)),
        lead=lead(found, verdict),
        blocks=(*_table(verdict), *[Picture(chart=0)] * len(charts), *bullets(found, verdict)),
        charts=charts,
        shown=len(charts),
        sections=(*_details(found, verdict), Section(title="Run this yourself", blocks=(Verbatim(text=repeat),))),
        footer=footer,
        whole=line(code(whole)),
    )


def beside(report: Report, found: Verification, verdict: Verdict) -> Report:
    """A training's report with the sweep's verdict in it: a line in the open, the rest folded; the worse gate is shown.

    Only a verdict that does not pass is in the heading too.
    """
    held = verdict.gate is GateResult.PASSED
    heading = report.heading if held else line(*report.heading, "; sweep ", *headline(found, verdict))
    answer = line(
        strong("Does the sweep's claim hold?"), " ", _answer(verdict), line(*headline(found, verdict)[1:]), "."
    )
    charts = charts_of(verdict)
    pictures = [Picture(chart=len(report.charts) + i) for i in range(len(charts))]
    said = tuple(Paragraph(words=words) for words in lead(found, verdict))
    details = tuple(block for part in _details(found, verdict) for block in part.blocks)
    blocks: tuple[Block, ...] = (*said, *_table(verdict), *pictures, *bullets(found, verdict), *details)
    return report.model_copy(
        update={
            "heading": heading,
            "gate": min(report.gate, verdict.gate, key=WORST_FIRST.index),
            "blocks": (*report.blocks, Paragraph(kind="bullet", words=answer)),
            "charts": (*report.charts, *charts),
            "sections": (*report.sections, Section(title=f"The sweep's claim: {said_of(verdict)}", blocks=blocks)),
        }
    )


def _answer(verdict: Verdict) -> str:
    if verdict.gate is GateResult.PASSED:
        return f"Yes, {said_of(verdict)}"
    return f"No, {said_of(verdict)}" if verdict.gate is GateResult.FAILED else f"Not known, {said_of(verdict)}"


def charts_of(verdict: Verdict) -> tuple[Chart, ...]:
    """One figure: every value that is claimed, and every one that came out."""
    decision = next(iter(verdict.decisions), None)
    shown = decision is not None and decision.judgement not in (*AS_CLAIMED, Judgement.UNVERIFIABLE)
    if decision is None or not shown or not decision.candidate.values:
        return ()
    words, title = look(decision), name(decision.metric)
    sides = (side_of("the claim", decision.baseline), side_of("this commit", decision.candidate))
    return (
        Chart(
            metric=title,
            unit=words.unit,
            sides=sides,
            margin=decision.margin,
            margin_words=margin_words(decision),
            decimals=words.decimals,
            exponent=words.exponent,
            alt=f"{title} of each run: {', '.join(range_words(side, words) for side in sides)}",
        ),
    )


def _table(verdict: Verdict) -> tuple[Block, ...]:
    if not verdict.decisions:
        return ()
    head = ("held against", "verdict", "change", f"95{NBSP}% interval", "claimed", "this commit")
    labels = ("the claim", "the base commit's claim")
    rows = [Row(cells=_cells(label, d)) for label, d in zip(labels, verdict.decisions, strict=False)]
    table = Table(
        caption="The claim, and what came out",
        head=tuple(line(h) for h in head),
        right=(False, False, True, True, True, True),
        rows=tuple(rows),
    )
    return (table,)


def _cells(label: str, decision: Decision) -> tuple[Line, ...]:
    words, between = look(decision), decision.interval
    sides = [
        line(words.spread(*pair(s)) if s.mean is not None else "no value")
        for s in (decision.baseline, decision.candidate)
    ]
    change = "–" if decision.delta is None else words.with_unit(words.signed(decision.delta))
    inside = "–" if between is None else words.in_words(decision.noise_sd).interval(*between)
    told_ = str(decision.judgement)
    said = strong(told_) if decision.judgement in NEWS else told_
    return line(label), line(said), line(change), line(inside), *sides


def bullets(found: Verification, verdict: Verdict) -> tuple[Paragraph, ...]:
    """The parameters, the table's own question, what is not as it was, and what to do."""
    said = [
        _parameters(found),
        line(strong("Does the table come out again?"), " ", _table_again(verdict))
        if found.claim or found.again
        else (),
        _changed(found),
        line(strong("What now?"), " ", *now) if (now := what_now(found, verdict)) else (),
    ]
    return tuple(Paragraph(kind="bullet", words=words) for words in said if words)


def _parameters(found: Verification) -> Line:
    if not found.params:
        return ()
    each = [line(code(f"{key} = {text(value)}")) for key, value in found.params.items()]
    return line(strong("What was run?"), " The best trial: ", listed(each, most=12), ".")


def _table_again(verdict: Verdict) -> Line:
    reason = sentence(short(verdict.reproduction_reason.split("\n", maxsplit=1)[0]))
    match verdict.reproduction:
        case Reproduction.IDENTICAL:
            return line("Yes: ", reason)
        case Reproduction.DIFFERS:
            return line("No: ", reason, *_cause(verdict))
        case Reproduction.UNVERIFIABLE:
            return line("Not known: ", reason, *_cause(verdict))
        case _:
            return told(
                "Not asked: {} makes every trial again and compares.", code("ml-experiment sweep --verify --all")
            )


def _cause(verdict: Verdict) -> tuple[str, ...]:
    why = short(verdict.reproduction_reason.partition("\n")[2].strip().partition("\n")[0])
    return (f" {sentence(f'{why[:1].upper()}{why[1:]}')}",) if why else ()


def _changed(found: Verification) -> Line:
    if not found.changed:
        return ()
    keys = listed([line(code(short(key, 80))) for key in found.changed], most=_MOST_KEYS)
    return line(strong("What is not as in the record?"), " ", keys, ".")


def _details(found: Verification, verdict: Verdict) -> tuple[Section, ...]:
    if not found.runs:
        return ()
    parts = [Section(title="How the runs went", blocks=(_runs(found, verdict),))]
    judged = [d for d in verdict.decisions if d.step in sureness.BY_CHANCE and d.noise_sd is not None]
    if judged:
        table = sureness.table(judged)
        parts.append(Section(title="How sure this is", blocks=(table,), detail=Detail.SURROUNDINGS))
    return tuple(parts)


def _runs(found: Verification, verdict: Verdict) -> Table:
    first = next(iter(verdict.decisions), None)
    shown = first.metric if first is not None else ""
    rows = []
    for run in found.runs:
        value = run.metrics.get(shown)
        written = amount(look(first), value) if first is not None and value is not None else "–"
        claimed = found.claim is not None and run.seed in found.claim.seeds
        good = "from cache" if run.cached else "the claim's own seed" if claimed else "a fresh seed"
        how = good if run.ok else str(run.outcome.status)
        cells = (line(str(run.seed)), line(written), line(duration(run.wall_s)), line(how))
        rows.append(Row(cells=cells, detail=Detail.RUNS))
    head = (line("seed"), line(code(name(shown))), line("time"), line(""))
    seeds = seeds_in_words([run.seed for run in found.runs])
    return Table(caption=f"Every run, {seeds}", head=head, right=(True, True, True, False), rows=tuple(rows))
