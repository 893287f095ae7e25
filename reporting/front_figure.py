"""The figure of a Pareto front: two or three objectives against each other, those that no other trial beats marked."""

from itertools import combinations
from typing import TYPE_CHECKING

from reporting.numbers import count
from reporting.sweep_document import FrontChart
from reporting.theme import Theme, axis_label, drawable, in_one_column, style
from reporting.trial_marks import dot_size, dots, key, value_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(figure: "Figure", chart: FrontChart, theme: Theme) -> None:
    """A plot for each pair. With two objectives the front is a line too, whose corners no trial reaches."""
    pairs = list(combinations(range(len(chart.metrics)), 2))
    columns, height, left, gap = len(pairs), 3.4 if len(pairs) == 1 else 3.0, 0.085, 0.085
    place, below = (0.985, 0.915), 0.0
    if in_one_column(figure):
        columns, height, left, below = 1, 2.9, 0.125, 0.3 if len({*chart.ended}) > 1 else 0.0
    rows = len(pairs) // columns
    whole = height * rows + below
    figure.set_figheight(whole)
    right = 0.985
    width = (right - left - gap * (columns - 1)) / columns
    share = height / whole  # of the figure's height that a row has
    key(figure, (right, below / 2 / whole) if below else place, theme, chart.ended)
    for number, (x, y) in enumerate(pairs):
        row, column = divmod(number, columns)
        bottom = 1 - (row + 0.85) * share
        axes = figure.add_axes((left + column * (width + gap), bottom, width, 0.725 * share))
        _pair(axes, chart, x, y, theme)
        if number == 0:
            n = f"n = {count(len(chart.ended), 'trial')}; orange: {sum(chart.front)} that no other beats"
            axes.set_title(n, loc="left", color=theme.ink)


def _pair(axes: "Axes", chart: FrontChart, x: int, y: int, theme: Theme) -> None:
    style(axes, theme)
    axes.yaxis.grid(visible=True, color=theme.grid, linewidth=0.7)
    value_axis(axes, chart.metrics[x], "x")
    value_axis(axes, chart.metrics[y], "y")
    edges = axes.get_xlim()
    xs, ys = (
        [min(max(v, low), high) for v in chart.values[i]] for i, (low, high) in ((x, edges), (y, axes.get_ylim()))
    )
    rest = [i for i, leads in enumerate(chart.front) if not leads]
    dots(axes, [xs[i] for i in rest], [ys[i] for i in rest], [chart.ended[i] for i in rest], theme)
    front = sorted((i for i, leads in enumerate(chart.front) if leads), key=lambda i: (xs[i], ys[i]))
    size = max(dot_size(len(xs)), 18.0)
    axes.scatter([xs[i] for i in front], [ys[i] for i in front], s=size, marker="D", color=theme.sides[1],
                 linewidths=0, zorder=5, clip_on=False)  # fmt: skip
    if len(chart.metrics) == 2:
        # Between two points of the front nothing was found: the step goes by the worse corner.
        later = chart.metrics[x].maximize
        axes.plot([xs[i] for i in front], [ys[i] for i in front], drawstyle="steps-pre" if later else "steps-post",
                  linewidth=1.2, color=theme.sides[1], zorder=4)  # fmt: skip
    across, up = ("→" if chart.metrics[x].maximize else "←"), ("↑" if chart.metrics[y].maximize else "↓")
    axes.set_xlabel(f"{axis_label(drawable(chart.metrics[x].name), chart.metrics[x].unit)}, better {across}",
                    color=theme.ink)  # fmt: skip
    label = f"{axis_label(drawable(chart.metrics[y].name), chart.metrics[y].unit)}, better {up}"
    axes.set_ylabel(label, color=theme.ink)
