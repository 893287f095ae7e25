"""The figure of one metric: every run as a dot with mean and deviation, and the curves over seeds."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiment.snapshot import CurveBand
from reporting.document import Chart, Side
from reporting.numbers import Rounding, count
from reporting.theme import (
    ROUND,
    Theme,
    axis_label,
    drawable,
    in_one_column,
    limits,
    step_range,
    style,
    ticks,
    value_box,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_EARLY = 0.12  # the first part of a curve, which may run out of the picture so that the end can be seen
_MARKERS = ("o", "D")  # colour never carries the difference alone


def draw(figure: "Figure", chart: Chart, theme: Theme) -> None:
    """Every run as a dot, and the curves over seeds where there are any: beside them, or below in one column."""
    curves = [(side, side.curve) for side in chart.sides if side.curve and _points(side.curve.median) > 1]
    if in_one_column(figure):
        _below_each_other(figure, chart, curves, theme)
        return
    figure.set_figheight(3.1)
    top, bottom = 0.91, 0.16
    if not curves:
        _dots(figure.add_axes((0.03, bottom, 0.94, top - bottom)), chart, theme)
        return
    _dots(figure.add_axes((0.03, bottom, 0.40, top - bottom)), chart, theme)
    _curves(figure.add_axes(value_box().for_axes()), chart, curves, theme)


def _below_each_other(figure: "Figure", chart: Chart, curves: Sequence[tuple[Side, CurveBand]], theme: Theme) -> None:
    height = 4.5 if curves else 2.25  # inches, as all below
    figure.set_figheight(height)
    _dots(figure.add_axes((0.05, 1 - 1.72 / height, 0.9, 1.62 / height)), chart, theme)
    if curves:
        _curves(figure.add_axes((0.105, 0.48 / height, 0.665, 1.55 / height)), chart, curves, theme)


def _dots(axes: "Axes", chart: Chart, theme: Theme) -> None:
    look = Rounding(chart.decimals, chart.exponent, chart.unit)
    every = [v for side in chart.sides for v in side.values]
    middle = chart.sides[0].mean
    edges = [middle - chart.margin, middle + chart.margin] if chart.margin and middle is not None else []
    style(axes, theme)
    axes.set_yticks([])
    axes.set_ylim(-0.62 if edges else -0.45, len(chart.sides) - 0.28)
    if every:
        limits(axes, [*every, *edges], look)
    else:
        axes.set_xticks([])
    if edges and middle is not None and chart.margin:
        axes.axvspan(edges[0], edges[1], color=theme.band, linewidth=0, zorder=0)
        low, high = axes.get_xlim()
        place = min(max((middle - low) / (high - low), 0.15), 0.85)
        axes.text(place, 0.03, drawable(chart.margin_words), transform=axes.transAxes,
                  ha="center", color=theme.faint, fontsize="small")  # fmt: skip
    for i, side in enumerate(chart.sides):
        row, colour, marker = len(chart.sides) - 1 - i, _colour(chart, side, theme), _MARKERS[i - len(chart.sides)]
        axes.text(0.012, row + 0.44, _label(side, look), transform=axes.get_yaxis_transform(), color=colour)
        offsets = _apart(side.values, axes.get_xlim())
        axes.scatter(side.values, [row + 0.2 + o for o in offsets], s=22, marker=marker, color=colour, alpha=0.8,
                     linewidths=0, zorder=3)  # fmt: skip
        if side.mean is not None:
            axes.plot([side.mean], [row - 0.1], marker="|", markersize=11, markeredgewidth=2, color=colour, zorder=3)
            if side.sd:
                axes.plot([side.mean - side.sd, side.mean + side.sd], [row - 0.1] * 2, linewidth=2.4, color=colour,
                          solid_capstyle="butt", zorder=3)  # fmt: skip
    axes.set_xlabel(axis_label(f"{drawable(chart.metric)}, each run", chart.unit), color=theme.ink)


def _curves(axes: "Axes", chart: Chart, curves: Sequence[tuple[Side, CurveBand]], theme: Theme) -> None:
    from matplotlib.ticker import MaxNLocator

    style(axes, theme)
    axes.yaxis.grid(visible=True, color=theme.grid, linewidth=0.7)
    shown: list[float] = []
    last = max(band.step[-1] for _, band in curves)
    ends: list[tuple[float, str, str]] = []
    for side, band in curves:
        colour = _colour(chart, side, theme)
        median, low, high = (_finite(column) for column in (band.median, band.low, band.high))
        axes.fill_between(band.step, low, high, color=colour, alpha=0.2, linewidth=0)
        axes.plot(band.step, median, linewidth=1.6, color=colour, solid_joinstyle="round")
        ends.append((next(v for v in reversed(median) if not math.isnan(v)), side.label, colour))
        late = [i for i, step in enumerate(band.step) if step >= _EARLY * last]
        shown += [column[i] for column in (median, low, high) for i in late if not math.isnan(column[i])]
    shown = shown or [end for end, _, _ in ends]
    limits(axes, shown, None, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=ROUND, integer=True))
    axes.xaxis.set_major_formatter(ticks())
    axes.set_xlim(*step_range([step for _, band in curves for step in band.step]))
    for place, (_, label, colour) in zip(_spread(axes, [end for end, _, _ in ends]), ends, strict=True):
        axes.text(1.02, place, label, transform=axes.transAxes, va="center", color=colour)
    axes.set_xlabel("step", color=theme.ink)
    counts = " and ".join(dict.fromkeys(str(band.n) for _, band in curves))
    what = "median and range" if any(band.n > 1 for _, band in curves) else "one run"
    title = axis_label(f"{drawable(chart.metric)}: {what}, n = {counts}", chart.unit)
    axes.set_title(title, loc="left", color=theme.ink)


def _points(column: Sequence[float]) -> int:
    """How many can be drawn; one is no curve."""
    return sum(map(math.isfinite, column))


def _finite(column: Sequence[float]) -> list[float]:
    """What cannot be drawn becomes a gap in the line."""
    return [v if math.isfinite(v) else math.nan for v in column]


def _colour(chart: Chart, side: Side, theme: Theme) -> str:
    """The last side is the commit, alone or not, and always looks the same."""
    return theme.sides[chart.sides.index(side) - len(chart.sides)]


def _label(side: Side, look: Rounding) -> str:
    if side.mean is None:
        text = f"{side.label}: no finite value"
    else:
        text = f"{side.label}, n = {len(side.values)}: {look.spread(side.mean, side.sd)}"
    extra = [f"{side.not_finite} not finite"] if side.not_finite else []
    return ", ".join([text, *extra, *([f"{count(side.failed, 'run')} failed"] if side.failed else [])])


def _apart(values: Sequence[float], limits: tuple[float, float]) -> list[float]:
    """Vertical offsets that keep dots of neighbouring values from covering each other."""
    near = (limits[1] - limits[0]) * 0.022
    levels = (0.0, 0.075, -0.075, 0.15, -0.15)
    placed: list[tuple[float, float]] = []
    offsets = dict.fromkeys(range(len(values)), 0.0)
    for i in sorted(range(len(values)), key=lambda j: values[j]):
        taken = {level for value, level in placed if abs(value - values[i]) < near}
        free = [level for level in levels if level not in taken]
        offsets[i] = free[0] if free else levels[i % len(levels)]
        placed.append((values[i], offsets[i]))
    return list(offsets.values())


def _spread(axes: "Axes", ends: Sequence[float]) -> list[float]:
    """Heights of the labels at the lines' ends as fractions of the axes, at least one line of text apart."""
    from matplotlib.font_manager import FontProperties

    to_axes = axes.transData + axes.transAxes.inverted()
    places = [min(max(float(to_axes.transform((axes.get_xlim()[1], end))[1]), 0.0), 1.0) for end in ends]
    box = axes.get_window_extent()
    apart = 1.2 * FontProperties().get_size_in_points() * axes.figure.dpi / 72 / box.height
    if len(places) == 2 and abs(places[0] - places[1]) < apart:
        middle, sign = sum(places) / 2, 1 if places[0] >= places[1] else -1
        return [middle + sign * apart / 2, middle - sign * apart / 2]
    return places
