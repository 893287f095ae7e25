"""What a report says of runs of one seed that part: from the baseline's run, from each other, and in which bytes."""

import math
from collections.abc import Sequence

from experiment.bundle import Bundle, CurveGap, FileGap
from reporting.decision import Judgement, Reproduction, Verdict
from reporting.differences import Differences
from reporting.document import (
    Block,
    Detail,
    GapChart,
    Line,
    Paragraph,
    Picture,
    Row,
    Section,
    Table,
    code,
    line,
    listed,
    strong,
)
from reporting.markdown import name
from reporting.numbers import short
from reporting.parting import LASTING, Parting, by, first_gap, how_traces_part, parting, size, suspects
from reporting.reproduction import MEASURED_BY_US, same_seed_runs, what_differs, where_files_differ
from reporting.words import metric, shortened

_MOST_ROWS = 200
_MOST_NAMED = 3
_SO = {
    Parting.NUMERICS: "a rounding error that grew, so likely numerics",
    Parting.ROUNDING: "rounding errors, so likely numerics",
    Parting.CAUSE: "no rounding error, so likely a cause",
    Parting.UNCLEAR: "likely a random number, the order of data or a branch",
}


def from_baseline(bundle: Bundle) -> tuple[CurveGap, ...]:
    """How the curves part from the baseline's run of the same seed, where both sides kept them."""
    if bundle.baseline is None:
        return ()
    return how_traces_part(bundle.baseline.snapshot, bundle.candidate)


def told_of_baseline(bundle: Bundle, verdict: Verdict, found: Differences | None) -> Line | None:
    """Where and how the deciding curve parts from the baseline's, and what among the differences may do that."""
    gap = chosen(from_baseline(bundle), verdict)
    if gap is None or found is None:
        return None
    seed, how = bundle.candidate.traces[gap.metric].seed, parting(gap)
    if verdict.judgement is Judgement.CONSISTENT and how not in (Parting.NUMERICS, Parting.ROUNDING):
        return None  # another commit went another way to the same level: no news
    named = listed([line(code(shortened(c.words, 80))) for c in suspects(how, found)], most=_MOST_NAMED)
    because = line(" (", named, ")") if named else line("; nothing recorded differs that would explain it")
    sure = ""
    if how is Parting.CAUSE and verdict.reproduction is Reproduction.IDENTICAL:
        sure = " This commit repeats to the bit here: something real changed."
    where = f" leaves the baseline's curve at step {gap.first_bits:,}{_leaves(gap)}: {_SO[how]}"
    asks = strong("Where do equal seeds part?")
    return line(asks, f" With seed {seed}, ", metric(gap.metric), where, because, ".", sure)


def _leaves(gap: CurveGap) -> str:
    if gap.first_lasting is None:
        return f"{by(gap)} and is never far enough from it to be seen in a result"
    if gap.first_lasting == gap.first_bits:
        return f"{by(gap)} and stays away"
    return f"{by(gap)} and is far enough from it to be seen in a result from step {gap.first_lasting:,} on"


def chosen(gaps: Sequence[CurveGap], verdict: Verdict) -> CurveGap | None:
    """Of the metric that decided, else of the first that parts for good, else the first."""
    shown = [gap for gap in gaps if gap.metric not in MEASURED_BY_US]
    own = next((gap for gap in shown if gap.metric == verdict.decisive), None)
    return own or next((gap for gap in shown if gap.first_lasting is not None), None) or next(iter(shown), None)


def told_of_files(bundle: Bundle) -> Line | None:
    """Which artifacts of equal seeds differ from the baseline's, and in which byte first; None where none does."""
    if bundle.baseline is None:
        return None
    pairs = same_seed_runs(bundle.baseline.snapshot, bundle.candidate)
    paths = list(dict.fromkeys(path for before, now in pairs for path in what_differs(before, now)[1]))
    if not paths:
        return None
    gaps = {gap.path: gap for gap in bundle.files}
    shown = [_file(path, gaps.get(path)) for path in paths]
    return line(strong("Which files differ?"), " ", listed(shown, most=_MOST_NAMED, separator="; "), ".")


def _file(path: str, gap: FileGap | None) -> Line:
    where = "; the baseline's is not on this machine, so not in which byte" if gap is None else where_files_differ(gap)
    return line(code(shortened(path, 80)), where if gap is None else f" {where}")


def charts(bundle: Bundle, verdict: Verdict) -> tuple[GapChart, ...]:
    """The gap of the run made twice, and of the baseline's run of the same seed; only where there is a curve of it."""
    found = []
    if bundle.replicate is not None:
        label = f"seed {bundle.replicate.run.seed}, run twice"
        found.append(_chart(chosen(bundle.replicate.gaps, verdict), label))
    seeds = {trace.seed for trace in bundle.candidate.traces.values()}
    both = f"seed {min(seeds, default=0)}, baseline and this commit"
    found.append(_chart(chosen(from_baseline(bundle), verdict), both))
    return tuple(chart for chart in found if chart is not None)


def _chart(gap: CurveGap | None, label: str) -> GapChart | None:
    points = [] if gap is None else [(s, g) for s, g in zip(gap.step, gap.gap, strict=False) if abs(s) < 2**63]
    if gap is None or sum(0 < g < math.inf for _, g in points) < 2:
        return None
    step, end = points[-1]
    last = f", {size(end)} at step {step:,}" if end > 0 else ""
    first = f"{size(first_gap(gap))} at step {gap.first_bits:,}"
    return GapChart(
        metric=name(gap.metric),
        label=label,
        step=tuple(s for s, _ in points),
        gap=tuple(g for _, g in points),
        lasting=LASTING,
        alt=f"gap between two runs of {name(gap.metric)}, {label}: {first}{last}",
    )


def section(bundle: Bundle, pictures: Sequence[Picture]) -> Section | None:
    """Every metric that parts, with steps and sizes, and the figures of it; None where none does."""
    blocks: list[Block] = [*pictures]
    if bundle.replicate is not None and bundle.replicate.gaps:
        blocks.append(table(f"Where two runs of seed {bundle.replicate.run.seed} part", bundle.replicate.gaps))
    if gaps := from_baseline(bundle):
        seed = bundle.candidate.traces[gaps[0].metric].seed
        blocks.append(table(f"Where seed {seed} parts from the baseline's run", gaps))
    if not blocks:
        return None
    blocks.append(Paragraph(words=line("Gaps are fractions of the larger value; they last while above 10⁻⁶.")))
    return Section(title="How runs of one seed part", blocks=tuple(blocks), detail=Detail.CURVES)


def table(caption: str, gaps: Sequence[CurveGap]) -> Table:
    """One row per metric."""
    head = ("metric", "first bits differ at step", "lasting from step", "gap there", "at the end", "likely")
    rows = [
        Row(
            cells=(
                line(metric(gap.metric)),
                line(f"{gap.first_bits:,}"),
                line("never" if gap.first_lasting is None else f"{gap.first_lasting:,}"),
                line(_gap(gap.gap[0]) if gap.gap else "–"),
                line(_gap(gap.gap[-1]) if gap.gap else "–"),
                line(_LIKELY[parting(gap)]),
            )
        )
        for gap in gaps[:_MOST_ROWS]
    ]
    return Table(
        caption=caption,
        head=tuple(line(h) for h in head),
        right=(False, True, True, True, True, False),
        rows=tuple(rows),
    )


_LIKELY = {
    Parting.NUMERICS: "numerics",
    Parting.ROUNDING: "numerics",
    Parting.CAUSE: "data, parameters, seed, initialisation or code",
    Parting.UNCLEAR: "a random number, order or branch",
}


def _gap(value: float) -> str:
    return short(value).number(value)
