"""Draws charts: every run as a dot, the curves over seeds. One look, light and dark; equal charts give equal bytes."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from experiment.snapshot import CurveBand
from reporting.document import Chart, Side
from reporting.markdown import visible
from reporting.numbers import Rounding, count, rounding

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.typing import RcKeyType


@dataclass(frozen=True)
class Theme:
    """Colours as hexadecimal RGB. Sides are Okabe and Ito's blue and vermilion, set for 4.5:1 against the paper."""

    paper: str
    ink: str
    faint: str
    grid: str
    band: str
    sides: tuple[str, str]


LIGHT = Theme("#ffffff", "#1f2328", "#59636e", "#d1d9e0", "#e3eefc", ("#0969da", "#bc4c00"))
DARK = Theme("#0d1117", "#f0f6fc", "#9198a1", "#30363d", "#14283f", ("#58a6ff", "#f0883e"))
_PAGE = Theme("#fffffe", "#010101", "#020202", "#030303", "#040404", ("#050505", "#060606"))
"""Stand-ins: the page replaces each by a variable of its style sheet, so that one drawing serves light and dark."""

_VARIABLES = {
    "#fffffe": "var(--paper)",
    "#010101": "var(--ink)",
    "#020202": "var(--faint)",
    "#030303": "var(--grid)",
    "#040404": "var(--band)",
    "#050505": "var(--side-0)",
    "#060606": "var(--side-1)",
}
_INCHES, _HEIGHT, _DPI = 8.9, 3.1, 200  # 890 CSS pixels, as wide as a comment; PNG at twice that
_EARLY = 0.12  # the first part of a curve, which may run out of the picture so that the end can be seen
_ROUND = (1, 2, 5, 10)  # distances of ticks that read well
_MARKERS = ("o", "D")  # colour never carries the difference alone
_SETTINGS: "dict[RcKeyType, object]" = {
    "svg.hashsalt": "ml-experiment",
    "svg.fonttype": "path",  # looks the same without the font installed
    "font.family": "DejaVu Sans",  # ships with matplotlib
    "font.size": 9.0,
    "text.parse_math": False,  # a metric called $x$ is drawn as written
    "axes.unicode_minus": True,
    "path.simplify": True,
}


def png(chart: Chart, theme: Theme) -> bytes:
    """The figure for a comment: 1,780 pixels wide, to be shown at half that."""
    return _save(chart, theme, "png", metadata={"Software": None}, pil_kwargs={"compress_level": 4})


def svg(chart: Chart, number: int) -> str:
    """The figure for a page that defines --paper, --ink, --faint, --grid, --band, --side-0 and --side-1.

    An `<svg>` element without prolog, scripts, comments or outside references; `number` keeps the ids of several apart.
    """
    text = _save(chart, _PAGE, "svg", metadata=dict.fromkeys(("Date", "Creator", "Type", "Format"))).decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>f{number}-", text)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r'\1 aria-hidden="true" focusable="false"', text, count=1)
    for stand_in, variable in _VARIABLES.items():
        text = text.replace(stand_in, variable)
    return re.sub(r"\n\s*\n*", "\n", text).strip()


def _save(chart: Chart, theme: Theme, kind: str, **options: Any) -> bytes:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=(_INCHES, _HEIGHT), facecolor=theme.paper)
        _draw(figure, chart, theme)
        buffer = BytesIO()
        figure.savefig(buffer, format=kind, dpi=_DPI, **options)
    return buffer.getvalue()


def _draw(figure: "Figure", chart: Chart, theme: Theme) -> None:
    curves = [(side, side.curve) for side in chart.sides if side.curve and _points(side.curve.median) > 1]
    top, bottom = 0.91, 0.16
    if not curves:
        _dots(figure.add_axes((0.03, bottom, 0.94, top - bottom)), chart, theme)
        return
    _dots(figure.add_axes((0.03, bottom, 0.40, top - bottom)), chart, theme)
    _curves(figure.add_axes((0.51, bottom, 0.385, top - bottom)), chart, curves, theme)


def _dots(axes: "Axes", chart: Chart, theme: Theme) -> None:
    look = Rounding(chart.decimals, chart.exponent, chart.unit)
    every = [v for side in chart.sides for v in side.values]
    middle = chart.sides[0].mean
    edges = [middle - chart.margin, middle + chart.margin] if chart.margin and middle is not None else []
    _style(axes, theme)
    axes.set_yticks([])
    axes.set_ylim(-0.62 if edges else -0.45, len(chart.sides) - 0.28)
    if every:
        _limits(axes, [*every, *edges], look)
    else:
        axes.set_xticks([])
    if edges and middle is not None and chart.margin:
        axes.axvspan(edges[0], edges[1], color=theme.band, linewidth=0, zorder=0)
        low, high = axes.get_xlim()
        place = min(max((middle - low) / (high - low), 0.15), 0.85)
        axes.text(place, 0.03, _drawable(chart.margin_words), transform=axes.transAxes,
                  ha="center", color=theme.faint, fontsize=8)  # fmt: skip
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
    axes.set_xlabel(_axis(f"{_drawable(chart.metric)}, each run", chart.unit), color=theme.ink)


def _curves(axes: "Axes", chart: Chart, curves: Sequence[tuple[Side, CurveBand]], theme: Theme) -> None:
    from matplotlib.ticker import MaxNLocator

    _style(axes, theme)
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
    _limits(axes, shown, None, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=_ROUND, integer=True))
    axes.xaxis.set_major_formatter(_ticks())
    axes.set_xlim(min(0, *(band.step[0] for _, band in curves)), max(last, 1))
    for place, (_, label, colour) in zip(_spread(axes, [end for end, _, _ in ends]), ends, strict=True):
        axes.text(1.02, place, label, transform=axes.transAxes, va="center", color=colour)
    axes.set_xlabel("step", color=theme.ink)
    counts = " and ".join(dict.fromkeys(str(band.n) for _, band in curves))
    what = "median and range" if any(band.n > 1 for _, band in curves) else "one run"
    axes.set_title(_axis(f"{_drawable(chart.metric)}: {what}, n = {counts}", chart.unit), loc="left", color=theme.ink,
                   fontsize=9)  # fmt: skip


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
    to_axes = axes.transData + axes.transAxes.inverted()
    places = [min(max(float(to_axes.transform((axes.get_xlim()[1], end))[1]), 0.0), 1.0) for end in ends]
    if len(places) == 2 and abs(places[0] - places[1]) < 0.08:
        middle, sign = sum(places) / 2, 1 if places[0] >= places[1] else -1
        return [middle + sign * 0.04, middle - sign * 0.04]
    return places


def _limits(axes: "Axes", values: Iterable[float], look: Rounding | None, axis: str = "x") -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator

    low, high = min(values := list(values)), max(values)
    least = 10.0 ** (look.exponent - look.decimals) * 5 if look else abs(high) * 1e-3 or 1.0
    target = axes.xaxis if axis == "x" else axes.yaxis
    if low > 0 and high / low > 100:
        (axes.set_xscale if axis == "x" else axes.set_yscale)("log")
        edges = (low / (high / low) ** 0.06, high * (high / low) ** 0.06)
        target.set_major_locator(LogLocator(numticks=5))
        target.set_minor_locator(MaxNLocator(1))
        target.set_minor_formatter(lambda _value, _position: "")
    else:
        pad = max((high - low) * 0.08, least, abs(high) * 1e-12)
        edges = (low - pad, high + pad)
        target.set_major_locator(MaxNLocator(6, steps=_ROUND))
    (axes.set_xlim if axis == "x" else axes.set_ylim)(*edges)
    target.set_major_formatter(_ticks())


def _ticks() -> Any:
    """A formatter whose labels have the digits that tell neighbouring ticks apart, in plain characters."""
    from matplotlib.ticker import Formatter

    class Ticks(Formatter):
        def format_ticks(self, values: Sequence[float]) -> list[str]:
            places = [float(v) for v in values]
            steps = [abs(b - a) for a, b in pairwise(places)]
            if not steps or max(steps) > 1.5 * min(steps):  # one tick, or a logarithmic axis
                return [rounding([x], noise=[abs(x) * 10]).number(x) for x in places]
            look = rounding(places, noise=[min(steps) * 10.001])
            return [look.number(x) if abs(x) > min(steps) / 1e6 else "0" for x in places]

        def __call__(self, x: float, pos: int | None = None) -> str:  # noqa: ARG002 a single value is never asked for
            return self.format_ticks([x])[0]

    return Ticks()


def _style(axes: "Axes", theme: Theme) -> None:
    axes.set_facecolor("none")
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(theme.grid)
    axes.tick_params(which="both", length=0, colors=theme.ink, pad=4)
    axes.set_axisbelow(True)
    axes.xaxis.grid(visible=True, color=theme.grid, linewidth=0.7)


def _axis(text: str, unit: str) -> str:
    return f"{text} ({unit})" if unit else text


def _drawable(text: str) -> str:
    """What the font can draw, short enough for the axis; every other character as a box."""
    shown = "".join(c if ord(c) < 0x530 or c in "−…" else "□" for c in visible(text))
    return shown if len(shown) <= 26 else f"{shown[:12]}…{shown[-13:]}"
