"""The figure of a sweep's history: every trial, the best so far, and beside them what fresh seeds made of the best."""

from typing import TYPE_CHECKING

from reporting.numbers import count
from reporting.sweep_document import Fresh, HistoryChart
from reporting.theme import ROUND, Theme, axis_label, drawable, style, ticks
from reporting.trial_marks import beyond, dot_size, dots, key, ring, room_for_a_label, rounding_of, value_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LEFT, _BOTTOM, _TOP = 0.075, 0.15, 0.885
_TWO_LINES = 0.15  # of the height of the figure


def draw(figure: "Figure", chart: HistoryChart, theme: Theme) -> None:
    """Trials as marks over their number, a step line of the best so far, fresh seeds on the right."""
    figure.set_figheight(3.1)
    right = 0.79 if chart.fresh is not None else 0.895
    axes = figure.add_axes((_LEFT, _BOTTOM, right - _LEFT, _TOP - _BOTTOM))
    _trials(axes, chart, theme)
    outside = beyond(chart.value, chart.metric)
    key(figure, (right, 0.045), theme, chart.ended, failed=bool(chart.failed), outside=outside)
    if chart.fresh is not None:
        beside = figure.add_axes((right + 0.012, _BOTTOM, 0.99 - right - 0.012, _TOP - _BOTTOM), sharey=axes)
        _fresh(beside, chart, chart.fresh, theme)


def _trials(axes: "Axes", chart: HistoryChart, theme: Theme) -> None:
    from matplotlib.ticker import MaxNLocator

    style(axes, theme)
    axes.xaxis.grid(visible=False)
    axes.yaxis.grid(visible=True, color=theme.grid, linewidth=0.7)
    value_axis(axes, chart.metric)
    if chart.leaders:
        room_for_a_label(axes, chart.metric)
    last = max([*chart.trial, *chart.failed], default=0)
    axes.set_xlim(-0.5 - 0.015 * last, last + 0.5 + 0.015 * last)
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=ROUND, integer=True))
    axes.xaxis.set_major_formatter(ticks())
    dots(axes, chart.trial, chart.value, chart.ended, theme)
    if chart.failed:
        axes.scatter(chart.failed, [0.0] * len(chart.failed), s=20, marker="x", color=theme.faint, linewidths=1.1,
                     transform=axes.get_xaxis_transform(), zorder=4, clip_on=False)  # fmt: skip
    if chart.leaders:
        _leaders(axes, chart, last, theme)
    axes.set_xlabel("trial", loc="left", color=theme.ink)
    metric = axis_label(drawable(chart.metric.name), chart.metric.unit)
    good = "higher is better" if chart.metric.maximize else "lower is better"
    n = count(len(chart.trial) + len(chart.failed), "trial")
    axes.set_title(f"{metric}, {good}; n = {n}", loc="left", color=theme.ink, fontsize=9)


def _leaders(axes: "Axes", chart: HistoryChart, last: int, theme: Theme) -> None:
    """The best so far as steps, the last of them by name."""
    low, high = axes.get_ylim()
    trials = [trial for trial, _ in chart.leaders]
    values = [min(max(value, low), high) for _, value in chart.leaders]
    end = max(last, trials[-1] + 0.0)
    axes.plot([*trials, end], [*values, values[-1]], drawstyle="steps-post", linewidth=1.6, color=theme.sides[1],
              zorder=4, solid_joinstyle="miter")  # fmt: skip
    ring(axes, trials[-1], values[-1], theme, max(dot_size(len(chart.trial)), 14.0))
    words = rounding_of(chart.metric)
    text = f"trial {trials[-1]}, {words.with_unit(words.number(chart.leaders[-1][1]))}"
    at_left = trials[-1] < 0.72 * max(last, 1)
    above = chart.metric.maximize
    axes.annotate(text, (trials[-1], values[-1]), xytext=(7 if at_left else -7, 7 if above else -7),
                  textcoords="offset points", ha="left" if at_left else "right", va="bottom" if above else "top",
                  color=theme.sides[1], fontsize=9, annotation_clip=False)  # fmt: skip


def _fresh(axes: "Axes", chart: HistoryChart, fresh: Fresh, theme: Theme) -> None:
    """The runs on fresh seeds as dots, their mean and deviation beside them."""
    low, high = axes.get_ylim()
    style(axes, theme)
    axes.xaxis.grid(visible=False)
    axes.yaxis.grid(visible=True, color=theme.grid, linewidth=0.7)
    axes.tick_params(axis="y", labelleft=False)
    axes.set_xlim(0.0, 1.0)
    axes.set_xticks([])
    n = len(fresh.values)
    places = [0.16 + 0.18 * (i + 0.5) / n for i in range(n)]
    axes.scatter(places, [min(max(value, low), high) for value in fresh.values], s=22, marker="D",
                 color=theme.sides[1], alpha=0.8, linewidths=0, zorder=3, clip_on=False)  # fmt: skip
    mean = min(max(fresh.mean, low), high)
    axes.plot([0.46], [mean], marker="_", markersize=11, markeredgewidth=2, color=theme.sides[1], zorder=4)
    if fresh.sd:
        ends = [min(max(edge, low), high) for edge in (fresh.mean - fresh.sd, fresh.mean + fresh.sd)]
        axes.plot([0.46, 0.46], ends, linewidth=2.4, color=theme.sides[1], solid_capstyle="butt", zorder=3)
    words = rounding_of(chart.metric)
    axes.set_title(f"fresh seeds, n = {n}", loc="left", color=theme.ink, fontsize=9)
    spread = f"\n± {words.number(fresh.sd)}" if fresh.sd is not None else ""
    side = 0
    if chart.leaders:
        own, above = chart.leaders[-1][1], chart.metric.maximize
        axes.axhline(own, color=theme.sides[1], linewidth=1, linestyle=(0, (4, 3)), zorder=2)
        axes.annotate("the sweep's own", (0.98, own), xytext=(0, 3 if above else -3), textcoords="offset points",
                      ha="right", va="bottom" if above else "top", color=theme.faint, fontsize=8)  # fmt: skip
        if abs(mean - own) < _TWO_LINES * (high - low):
            side = -1 if above else 1  # away from the words at that line
    axes.annotate(words.number(fresh.mean) + spread, (0.56, mean), xytext=(0, 3 * side), textcoords="offset points",
                  va={-1: "top", 0: "center", 1: "bottom"}[side], color=theme.sides[1], fontsize=9,
                  linespacing=1.15, annotation_clip=False)  # fmt: skip
    axes.set_xlabel("the same parameters", color=theme.ink)
