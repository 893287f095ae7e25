"""The figure of slices: the objective against each parameter, one small plot for each."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reporting.numbers import count
from reporting.sweep_document import SlicesChart
from reporting.theme import Theme, axis_label, drawable, style
from reporting.trial_marks import beyond, dot_size, dots, key, ring, short, space_axis, value_axis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_COLUMNS = 4
_ROW, _TOP = 1.85, 0.34  # inches
_GOLDEN = (math.sqrt(5) - 1) / 2


def draw(figure: "Figure", chart: SlicesChart, theme: Theme) -> None:
    """Trials as dots; those of one choice are spread sideways so that they can be told apart."""
    k = len(chart.axes)
    rows = math.ceil(k / _MOST_COLUMNS)
    columns = math.ceil(k / rows)
    height = _TOP + _ROW * rows
    figure.set_figheight(height)
    left, gap = 0.075, 0.022
    width = (0.985 - left - gap * (columns - 1)) / columns
    size = dot_size(len(chart.value)) * 0.8
    for number, dimension in enumerate(chart.axes):
        row, column = divmod(number, columns)
        bottom = (height - _TOP - _ROW * (row + 1) + 0.42) / height
        axes = figure.add_axes((left + column * (width + gap), bottom, width, (_ROW - 0.50) / height))
        style(axes, theme)
        axes.yaxis.grid(visible=True, color=theme.grid, linewidth=0.7)
        value_axis(axes, chart.metric)
        space_axis(axes, dimension)
        there = [i for i, at in enumerate(chart.at[number]) if at is not None]
        places = _spread(chart.at[number], bool(dimension.choices))
        ended = [chart.ended[i] for i in there]
        dots(axes, [places[i] for i in there], [chart.value[i] for i in there], ended, theme, size=size)
        if chart.best is not None and chart.best in there:
            low, high = axes.get_ylim()
            ring(axes, places[chart.best], min(max(chart.value[chart.best], low), high), theme, size)
        if column:
            axes.tick_params(axis="y", labelleft=False)
        axes.tick_params(labelsize=8)
        fewer = "" if len(there) == len(chart.value) else f", n = {len(there)}"
        axes.set_xlabel(short(dimension.name, 30 - len(fewer)) + fewer, color=theme.ink, fontsize=9, labelpad=2)
    metric = axis_label(drawable(chart.metric.name), chart.metric.unit)
    good = "higher is better" if chart.metric.maximize else "lower is better"
    title = f"{metric}, {good}; n = {count(len(chart.value), 'trial')}"
    key(figure, (0.985, 1 - 0.17 / height), theme, chart.ended, outside=beyond(chart.value, chart.metric))
    figure.text(left, 1 - 0.17 / height, title, color=theme.ink, fontsize=9, va="center")


def _spread(at: Sequence[float | None], choices: bool) -> list[float]:
    """Places on the axis; dots of a choice a little to the left and right of it, always in the same way."""
    beside = [((i * _GOLDEN) % 1.0 - 0.5) * 0.6 if choices else 0.0 for i in range(len(at))]
    return [(value or 0.0) + by for value, by in zip(at, beside, strict=True)]
