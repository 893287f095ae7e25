"""The figure of how two runs of one seed part: their gap step by step, on a logarithmic axis."""

import math
from typing import TYPE_CHECKING

from reporting.document import GapChart
from reporting.numbers import power_of_ten
from reporting.theme import ROUND, Box, Theme, drawable, gap_box, in_one_column, step_range, style, ticks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEAST = 1e-17  # below one rounding of a double


def draw(figure: "Figure", chart: GapChart, theme: Theme) -> None:
    """The gap as a line; what is above the dashed one can be seen in a result. Steps without a gap are left out."""
    from matplotlib.ticker import LogLocator, MaxNLocator

    narrow = in_one_column(figure)
    figure.set_figheight(2.6 if narrow else 2.3)
    axes = figure.add_axes((Box(0.09, 0.13, 0.84, 0.78) if narrow else gap_box()).for_axes())
    style(axes, theme)
    axes.yaxis.grid(visible=True, color=theme.grid, linewidth=0.7)
    points = [(s, g) for s, g in zip(chart.step, chart.gap, strict=True) if 0 < g < math.inf]
    steps, gaps = [s for s, _ in points], [g for _, g in points]
    colour = theme.sides[1]
    axes.plot(steps, gaps, linewidth=1.6, color=colour, marker=".", markersize=4, markeredgewidth=0)
    axes.set_yscale("log")
    low, high = max(min(*gaps, chart.lasting / 2), _LEAST), max(*gaps, chart.lasting)
    axes.set_ylim(10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high) + 0.05))
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_minor_locator(MaxNLocator(1))
    axes.yaxis.set_minor_formatter(lambda _value, _position: "")
    axes.yaxis.set_major_formatter(lambda value, _position: power_of_ten(round(math.log10(value))))
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=ROUND, integer=True))
    axes.xaxis.set_major_formatter(ticks())
    axes.set_xlim(*step_range(chart.step))
    axes.axhline(chart.lasting, color=theme.faint, linewidth=1, linestyle=(0, (4, 3)))
    axes.text(1.01, chart.lasting, "seen in\na result", transform=axes.get_yaxis_transform(), va="bottom",
              color=theme.faint, fontsize="small", linespacing=1.1)  # fmt: skip
    axes.set_xlabel("step", color=theme.ink)
    title = f"{drawable(chart.metric)}: relative gap between two runs, {chart.label}"
    axes.set_title(title, loc="left", color=theme.ink)
