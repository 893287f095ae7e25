"""The figure of a sweep's history: every trial, the best so far, and beside them what fresh seeds made of the best."""

from typing import TYPE_CHECKING

from reporting.sweep_document import Fresh, HistoryChart
from reporting.theme import ROUND, Box, Theme, axis_label, drawable, in_one_column, style, ticks
from reporting.trial_marks import beyond, dot_size, dots, key, ring, room_for_a_label, rounding_of, value_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LABEL = 0.16  # of the height of the axes, that two lines of text and one take
_LONG = 34  # characters of a title that fit beside the one of fresh seeds


def draw(figure: "Figure", chart: HistoryChart, theme: Theme) -> None:
    """Trials as marks over their number, a step line of the best so far, fresh seeds on the right."""
    narrow = in_one_column(figure)
    figure.set_figheight(3.5 if narrow else 3.1)
    box = _box(narrow, chart)
    axes = figure.add_axes(box.for_axes())
    _trials(axes, chart, theme)
    outside = beyond(chart.value, chart.metric)
    place = (0.985, 0.035) if narrow else (box.right, 0.045)
    key(figure, place, theme, chart.ended, failed=bool(chart.failed), outside=outside)
    if chart.fresh is not None:
        width = 0.99 - box.right - 0.012
        beside = figure.add_axes((box.right + 0.012, 1 - box.bottom, width, box.bottom - box.top), sharey=axes)
        _fresh(beside, chart, chart.fresh, theme)


def _box(narrow: bool, chart: HistoryChart) -> Box:
    """Where the trials are: fresh seeds are beside them, and in a comment the key of the marks is below."""
    fresh = chart.fresh is not None
    if narrow:
        return Box(0.125, 0.12, 0.69 if fresh else 0.97, 0.79)
    return Box(0.075, 0.115, 0.79 if fresh else 0.895, 0.85)


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
    metric = axis_label(drawable(chart.metric.name), chart.metric.unit)
    good = "higher is better" if chart.metric.maximize else "lower is better"
    axes.set_xlabel(f"trial, n = {len(chart.trial) + len(chart.failed)}", loc="left", color=theme.ink)
    between = ", " if len(metric) + len(good) < _LONG else ",\n"
    axes.set_title(f"{metric}{between}{good}", loc="left", color=theme.ink)


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
                  color=theme.sides[1], annotation_clip=False)  # fmt: skip


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
    axes.plot([0.43], [mean], marker="_", markersize=11, markeredgewidth=2, color=theme.sides[1], zorder=4)
    if fresh.sd:
        ends = [min(max(edge, low), high) for edge in (fresh.mean - fresh.sd, fresh.mean + fresh.sd)]
        axes.plot([0.43, 0.43], ends, linewidth=2.4, color=theme.sides[1], solid_capstyle="butt", zorder=3)
    words = rounding_of(chart.metric)
    axes.set_title(f"fresh seeds, n = {n}", loc="left", color=theme.ink)
    own, above = chart.leaders[-1][1] if chart.leaders else None, chart.metric.maximize
    if own is not None:
        axes.axhline(own, color=theme.sides[1], linewidth=1, linestyle=(0, (4, 3)), zorder=2)
        axes.annotate("the sweep's own", (0.98, own), xytext=(0, 3 if above else -3), textcoords="offset points",
                      ha="right", va="bottom" if above else "top", color=theme.faint, fontsize="small")  # fmt: skip
    spread = f"\n± {words.number(fresh.sd)}" if fresh.sd is not None else ""
    beside = own is not None and abs(_height(axes, own) - _height(axes, mean)) < _LABEL
    place = own if own is not None and beside else mean
    middle = "center" if not beside else "top" if above else "bottom"  # beyond the line, whose label is on this side
    axes.annotate(words.number(fresh.mean) + spread, (0.52, place), xytext=(0, 0 if not beside else -4 if above else 4),
                  textcoords="offset points", va=middle, color=theme.sides[1], linespacing=1.15,
                  annotation_clip=False)  # fmt: skip
    axes.set_xlabel("the same parameters", color=theme.ink)


def _height(axes: "Axes", value: float) -> float:
    """Where a value is, as a fraction of the axes."""
    return float((axes.transData + axes.transAxes.inverted()).transform((0.0, value))[1])
