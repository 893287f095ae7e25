"""A bundle and its verdict -> the Report: what is said, in which order, and what is folded away."""

from typing import NamedTuple

from experiment.bundle import Bundle
from reporting import answers, apart, claim, claim_report, details, sureness, tables, words
from reporting.charts import charts
from reporting.decision import GateResult, Judgement, Verdict
from reporting.differences import Differences
from reporting.document import (
    Block,
    Chart,
    GapChart,
    Line,
    Paragraph,
    Picture,
    Report,
    Section,
    code,
    commit,
    line,
    listed,
    strong,
    text_of,
)
from reporting.numbers import count

_AS_BEFORE = (Judgement.WITHIN_TOLERANCE, Judgement.CONSISTENT)
"""What passes without news: the figure is folded away."""

_MOST_NOTES = 10
_LONGEST_NOTE = 300
WHOLE = ".ml-experiment/report.html"


def build(bundle: Bundle, verdict: Verdict, differences: Differences | None, *, whole: str = WHOLE) -> Report:
    """The report of one comparison. `differences` is None without a baseline; `whole` is where all of it is kept."""
    quiet = verdict.judgement is Judgement.IDENTICAL and verdict.gate is GateResult.PASSED
    content = (_identical if quiet else _anything_else)(bundle, verdict, differences)
    made = Report(
        experiment=bundle.policy.experiment,
        judgement=verdict.judgement,
        gate=verdict.gate,
        heading=words.heading(bundle, verdict),
        lead=words.lead(bundle, verdict),
        blocks=tuple(block for block in (*content.blocks, *_notes(bundle, verdict)) if block is not None),
        charts=content.charts,
        shown=content.shown,
        sections=tuple(section for section in content.sections if section is not None),
        footer=_footer(bundle, whole),
        whole=line(code(whole)),
    )
    if bundle.sweep is None:
        return made
    return claim_report.beside(made, bundle.sweep, claim.verdict(bundle.sweep, bundle.policy))


class _Content(NamedTuple):
    """What stands between lead and footer; None where there is nothing to say."""

    charts: tuple[Chart | GapChart, ...]
    shown: int
    blocks: list[Block | None]
    sections: list[Section | None]


def _identical(bundle: Bundle, verdict: Verdict, differences: Differences | None) -> _Content:
    """The quiet case: a sentence of what differs and yet gives the same, and everything else folded."""
    said = answers.difference(bundle, differences)
    table = [tables.metrics(bundle, verdict)] if verdict.decisions else []
    seen = (Paragraph(words=answers.reproduces(verdict)), *table, *details.runs(bundle, verdict).blocks)
    return _Content(
        charts=(),
        shown=0,
        blocks=[Paragraph(words=line(strong("What differs?"), " ", said)) if said else None],
        sections=[
            Section(title="What was checked", blocks=seen),
            details.differences(differences),
            details.surroundings(bundle.candidate.configuration, bundle.candidate.not_captured),
            details.again(bundle),
        ],
    )


def _anything_else(bundle: Bundle, verdict: Verdict, differences: Differences | None) -> _Content:
    """The table, the figure, what a failed run said last, the three questions, and the details."""
    values, gaps = charts(bundle, verdict), apart.charts(bundle, verdict)
    as_before = verdict.judgement in _AS_BEFORE and verdict.gate is GateResult.PASSED
    no_claim = verdict.judgement is Judgement.UNVERIFIABLE or verdict.gate is GateResult.INFRASTRUCTURE
    # What the news is about comes first, in the open: two results of one seed, or the values of both sides.
    twice = words.broken(bundle, verdict)
    drawn: tuple[Chart | GapChart, ...] = (*gaps, *values) if twice else (*values, *gaps)
    shown = 0 if as_before or no_claim else min(len(drawn), 1)
    folded = [Picture(chart=i) for i in range(shown, len(drawn))]
    questions = (
        answers.reproduces(verdict),
        answers.differs(bundle, differences),
        apart.told_of_baseline(bundle, verdict, differences),
        apart.told_of_files(bundle),
        answers.what_now(bundle, verdict, differences),
    )
    return _Content(
        charts=drawn,
        shown=shown,
        blocks=[
            *tables.first_metrics(bundle, verdict),
            *[Picture(chart=0)] * shown,
            details.last_words(bundle),
            *(Paragraph(kind="bullet", words=question) for question in questions if question),
        ],
        sections=[
            details.metrics(bundle, verdict),
            details.pictures([p for p in folded if drawn[p.chart].kind == "values"], shown),
            details.runs(bundle, verdict),
            details.differences(differences),
            apart.section(bundle, [p for p in folded if drawn[p.chart].kind == "gap"]),
            sureness.section(bundle, verdict),
            details.surroundings(bundle.candidate.configuration, bundle.candidate.not_captured),
            details.numbers(values),
            details.again(bundle),
        ],
    )


def _notes(bundle: Bundle, verdict: Verdict) -> list[Block]:
    """What went wrong without changing the verdict, and what nobody measured."""
    unmeasured = sureness.unmeasured(bundle, verdict)
    kept = [text_of(unmeasured)] if unmeasured else []
    kept += [words.sentence(words.shortened(note, _LONGEST_NOTE)) for note in bundle.notes[:_MOST_NOTES]]
    return [Paragraph(kind="bullet", words=line(strong("Note:"), " ", note)) for note in kept]


def _footer(bundle: Bundle, whole: str) -> Line:
    here = bundle.candidate
    runs = len(here.runs)
    cached = sum(run.cached for run in here.runs)
    most = count(max(bundle.possible, runs), "run")
    parts = [
        line(f"ml-experiment {words.shortened(bundle.tool_version, 40)}"),
        line("commit ", commit(here.commit), " with uncommitted changes" if here.dirty else "", _against(bundle)),
        line(f"{runs} of at most {most}", f", {cached} from cache" if cached else ""),
        line("whole report and records: ", code(whole)),
    ]
    return listed(parts, separator=" · ")


def _against(bundle: Bundle) -> Line:
    if bundle.baseline is None:
        return line(", no baseline")
    kept = bundle.baseline.snapshot
    return line(" against baseline of ", commit(kept.commit), " with uncommitted changes" if kept.dirty else "")


__all__ = ["Report", "build"]
