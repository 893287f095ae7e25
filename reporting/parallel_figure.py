"""The figure of parallel coordinates: an axis for each parameter and the objective, a line for each complete trial."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from reporting.numbers import count, rounding
from reporting.sweep_document import Axis, Metric, ParallelChart
from reporting.theme import Theme, style
from reporting.trial_marks import log_ticks, rounding_of, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_IN_A_ROW = 6  # names of so many axes fit side by side
Segment = list[tuple[float, float]]


def draw(figure: "Figure", chart: ParallelChart, theme: Theme) -> None:
    """The best tenth stands out by colour and width, the best one by dots too. A parameter that a trial did not have
    is a gap in its line."""
    from matplotlib.collections import LineCollection

    last = len(chart.axes)
    raised = 0.2 if last > _IN_A_ROW else 0.0  # inches, for every other name
    height = 3.1 + raised
    figure.set_figheight(height)
    axes = figure.add_axes((0.045, 0.12 / height, 0.895, 2.38 / height))
    style(axes, theme)
    axes.spines["bottom"].set_visible(False)
    axes.xaxis.grid(visible=False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlim(-0.02 * last, last * 1.02)
    axes.set_ylim(-0.03, 1.03)
    usual = len(chart.rows) - chart.leading
    groups = [(chart.rows[:usual], theme.sides[0], 0.8, _opacity(usual), 2),
              (chart.rows[usual:-1], theme.sides[1], 1.3, 0.75, 3),
              (chart.rows[-1:], theme.sides[1], 2.6, 1.0, 4)]  # fmt: skip
    for rows, colour, width, opacity, order in groups:
        lines = [segment for row in rows for segment in _segments(row)]
        axes.add_collection(LineCollection(lines, colors=colour, linewidths=width, alpha=opacity, zorder=order))
        lone = [point for row in rows for point in _lone(row)]
        if lone:
            axes.scatter([x for x, _ in lone], [y for _, y in lone], s=10, color=colour, alpha=opacity, linewidths=0,
                         zorder=order)  # fmt: skip
    # Where the best trial lacks a parameter its line goes on in dots, so that the eye can follow it.
    best = [(float(x), y) for x, y in enumerate(chart.rows[-1]) if y is not None]
    axes.scatter([x for x, _ in best], [y for _, y in best], s=26, color=theme.sides[1], linewidths=0, zorder=5,
                 clip_on=False)  # fmt: skip
    axes.plot([x for x, _ in best], [y for _, y in best], linewidth=1.4, linestyle=":", color=theme.sides[1], zorder=4)
    room = max(9, 92 // (last + 1))
    for x, dimension in enumerate(chart.axes):
        _vertical(axes, x, short(dimension.name, room), theme, last)
        _ticks(axes, x, [(dimension.place(value), text) for value, text in _marks(dimension, room)], theme)
    _vertical(axes, last, short(chart.metric.name, room), theme, last)
    _ticks(axes, last, _objective_marks(chart.metric), theme)
    n = count(len(chart.rows), "complete trial")
    title = f"n = {n}; orange: the best {chart.leading}; thick, with dots: trial {chart.best}"
    figure.text(0.045, 1 - 0.2 / height, title, color=theme.ink, fontsize=9, va="center")


def _opacity(lines: int) -> float:
    return 0.45 if lines <= 60 else 0.25 if lines <= 250 else 0.10


def _vertical(axes: "Axes", x: int, name: str, theme: Theme, last: int) -> None:
    axes.plot([x, x], [0, 1], color=theme.faint, linewidth=1.0, zorder=1)
    ha = "left" if x == 0 else "right" if x == last else "center"
    raised = 0.085 if last > _IN_A_ROW and x % 2 else 0.0
    axes.text(x + (-0.02 if x == 0 else 0.02 if x == last else 0.0) * last, 1.06 + raised, name, ha=ha, va="bottom",
              color=theme.ink, fontsize=8.5, clip_on=False)  # fmt: skip


def _ticks(axes: "Axes", x: int, marks: Sequence[tuple[float, str]], theme: Theme) -> None:
    for place, text in marks:
        axes.plot([x], [place], marker="_", markersize=5, color=theme.faint, zorder=1)
        axes.annotate(
            text, (x, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=7.5, color=theme.ink,
            zorder=6, annotation_clip=False,
            bbox={"boxstyle": "square,pad=0.1", "facecolor": theme.paper, "edgecolor": "none", "alpha": 0.75},
        )  # fmt: skip


def _marks(dimension: Axis, room: int) -> list[tuple[float, str]]:
    """Values at which a tick stands, as they are written."""
    if dimension.choices:
        every = range(0, len(dimension.choices), -(-len(dimension.choices) // 10))
        return [(float(i), short(dimension.choices[i], room)) for i in every]
    if dimension.log:
        values = log_ticks(dimension.low, dimension.high)
        return [(value, rounding([value], noise=[value * 10]).number(value)) for value in values]
    values = [dimension.low, (dimension.low + dimension.high) / 2, dimension.high]
    return [(value, f"{value:.3g}".replace("-", "−")) for value in dict.fromkeys(values)]


def _objective_marks(metric: Metric) -> list[tuple[float, str]]:
    words = rounding_of(metric)
    ends = {0.0: metric.low, 1.0: metric.high} if metric.high > metric.low else {0.5: metric.low}
    return [(place, words.number(value)) for place, value in ends.items()]


def _segments(row: Sequence[float | None]) -> list[Segment]:
    """Lines between neighbouring axes that both have a value."""
    made: list[Segment] = []
    for (x, here), (_, there) in pairwise(enumerate(row)):
        if here is None or there is None:
            continue
        if made and made[-1][-1] == (x, here):
            made[-1].append((x + 1, there))
        else:
            made.append([(x, here), (x + 1, there)])
    return made


def _lone(row: Sequence[float | None]) -> Segment:
    """Points without a neighbour."""
    around = [None, *row, None]
    return [(float(x), y) for x, y in enumerate(row) if y is not None and around[x] is None and around[x + 2] is None]
