"""A chart as Mermaid text, which GitHub draws in a comment itself: for where no picture can be put."""

from bisect import bisect_right
from collections.abc import Sequence
from math import inf, log10

from action import mermaid_sweep
from action.mermaid_text import BLUE, FAINT, ORANGE, bar_floor, number, value_axis, xychart
from experiment.snapshot import CurveBand
from reporting.document import AnyChart, Chart, GapChart, Side
from reporting.markdown import name
from reporting.sweep_document import HistoryChart

POINTS = 60
_MOST_BARS = 40
_EARLY = 0.15  # of the steps, left out: what falls or climbs steeply there hides the end

LEGEND = "Blue: baseline (range over its runs; as lines, mean and margin). Orange: this commit (median of its runs)"
GAP_LEGEND = "Powers of ten: −8 means that the two runs agree in eight digits"


def diagrams(chart: AnyChart) -> tuple[str, ...]:
    """The diagrams of one chart: its curves where it has any, and every run as a bar; none for no finite value.

    Of a sweep only the history can be drawn; other figures are put in words.
    """
    match chart:
        case Chart():
            made = [_curves(chart), _runs(chart)]
        case GapChart():
            made = [_gap(chart)]
        case HistoryChart():
            made = [mermaid_sweep.history(chart)]
        case _:
            made = []
    return tuple(text for text in made if text)


def legend(chart: AnyChart) -> str:
    """What the colours and numbers of the diagrams mean."""
    if isinstance(chart, HistoryChart):
        return mermaid_sweep.LEGEND
    return GAP_LEGEND if isinstance(chart, GapChart) else LEGEND


def _gap(chart: GapChart) -> str:
    """The gap of two runs by step, as the power of ten it is; where they are equal there is none to draw."""
    known = [(step, log10(gap)) for step, gap in zip(chart.step, chart.gap, strict=True) if 0 < gap < inf]
    if len(known) < 2 or known[0][0] == known[-1][0]:
        return ""
    first, last = float(known[0][0]), float(known[-1][0])
    grid = [first + (last - first) * i / (POINTS - 1) for i in range(POINTS)]
    line = _sampled([step for step, _ in known], [value for _, value in known], grid)
    return xychart(
        title=f"{name(chart.metric)}: how far two runs are apart",
        x_axis=f'"step" {number(first)} --> {number(last)}',
        y_axis=value_axis("power of ten", line),
        series=[("line", ORANGE, line)],
    )


def _curves(chart: Chart) -> str:
    """The range of the baseline's curves and the median of this commit's, over the steps that all of them have."""
    bands = [(side, side.curve) for side in chart.sides if side.curve is not None]
    grid = _grid([band for _, band in bands])
    if not grid:
        return ""
    lines: list[tuple[str, str, list[float]]] = []
    for side, band in bands:
        colour = ORANGE if side is chart.sides[-1] else BLUE
        if side is chart.sides[-1]:
            lines.append((side.label, colour, _sampled(band.step, band.median, grid)))
        else:
            lines.append((f"{side.label}, lowest", colour, _sampled(band.step, band.low, grid)))
            lines.append((f"{side.label}, highest", colour, _sampled(band.step, band.high, grid)))
    values = [value for *_, line in lines for value in line]
    if not values or any(not line for *_, line in lines):
        return ""
    return xychart(
        title=f"{name(chart.metric)} by step",
        x_axis=f'"step" {number(grid[0])} --> {number(grid[-1])}',
        y_axis=value_axis(_labelled(chart), values),
        series=[("line", colour, line) for _, colour, line in lines],
    )


def _runs(chart: Chart) -> str:
    """Every run's final value as a bar, and the mean of the baseline and its margin as lines."""
    names, here, before = _bars(chart.sides)
    if not names:
        return ""
    base = chart.sides[0] if len(chart.sides) > 1 else None
    lines: list[tuple[str, str, Sequence[float]]] = []
    if base is not None and base.mean is not None:
        lines = [("line", BLUE, [base.mean] * len(names))]
        for edge in (-1, 1) if chart.margin else ():
            lines.append(("line", FAINT, [base.mean + edge * (chart.margin or 0.0)] * len(names)))
    values = [*here, *before, *(value for *_, line in lines for value in line)]
    floor = bar_floor(values)
    none = floor - (max(values) - floor)  # below the axis: nothing is drawn where the bar belongs to the other side
    bars: list[tuple[str, str, Sequence[float]]] = [("bar", ORANGE, [*[none] * len(before), *here])]
    if before:
        bars.insert(0, ("bar", BLUE, [*before, *[none] * len(here)]))
    return xychart(
        title=f"{name(chart.metric)} of each run",
        x_axis=f"[{', '.join(names)}]",
        y_axis=value_axis(_labelled(chart), [floor, *values]),
        series=[*bars, *lines],
    )


def _bars(sides: Sequence[Side]) -> tuple[list[str], list[float], list[float]]:
    """Names of all bars, this commit's values and the baseline's; the first ones where they are too many."""
    here = list(sides[-1].values)[:_MOST_BARS]
    before = list(sides[0].values)[:_MOST_BARS] if len(sides) > 1 else []
    names = [f'"b{i + 1}"' for i in range(len(before))] + [f'"c{i + 1}"' for i in range(len(here))]
    return names, here, before


def _grid(bands: Sequence[CurveBand]) -> list[float]:
    """Evenly spaced steps inside all bands: Mermaid spaces points evenly, whatever their steps are."""
    if not bands:
        return []
    first, last = float(max(band.step[0] for band in bands)), float(min(band.step[-1] for band in bands))
    if first >= last:
        return []
    first += (last - first) * _EARLY
    return [first + (last - first) * i / (POINTS - 1) for i in range(POINTS)]


def _sampled(steps: Sequence[int], values: Sequence[float], grid: Sequence[float]) -> list[float]:
    """Straight lines between the finite points; empty where there are fewer than two or they do not span the grid."""
    known = [(step, value) for step, value in zip(steps, values, strict=True) if abs(value) < float("inf")]
    if len(known) < 2:
        return []
    at = [step for step, _ in known]
    sampled = []
    for x in grid:
        i = min(max(bisect_right(at, x), 1), len(at) - 1)
        (x0, y0), (x1, y1) = known[i - 1], known[i]
        share = min(max((x - x0) / (x1 - x0), 0.0), 1.0)
        sampled.append(y0 + (y1 - y0) * share)
    return sampled


def _labelled(chart: Chart) -> str:
    return f"{name(chart.metric)} ({chart.unit})" if chart.unit else name(chart.metric)
