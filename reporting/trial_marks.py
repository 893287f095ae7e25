"""How trials look in every figure of a sweep: shapes that carry the meaning without colour, their key, the best one."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from reporting.numbers import Rounding
from reporting.sweep_document import Axis, Ended, Metric
from reporting.theme import Theme, drawable, limits, ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WORDS: dict[Ended, str] = {
    "complete": "complete",
    "impossible": "outside a constraint",
    "pruned": "pruned, last value",
}
_SHAPES: dict[Ended, str] = {"complete": "o", "impossible": "^", "pruned": "D"}


def rounding_of(metric: Metric) -> Rounding:
    """How values of the objective are written."""
    return Rounding(metric.decimals, metric.exponent, metric.unit)


def value_axis(axes: "Axes", metric: Metric, axis: str = "y") -> None:
    """The objective's range with its ticks; logarithmic where it spans more than two powers of ten."""
    limits(axes, [metric.low, metric.high], None, axis=axis)


def room_for_a_label(axes: "Axes", metric: Metric) -> None:
    """The y axis a little longer on the good side, where the best trial gets its name."""
    low, high = axes.get_ylim()
    scale = axes.get_yaxis().get_transform()
    ends = [float(scale.transform(edge)) for edge in (low, high)]
    more = 0.12 * (ends[1] - ends[0])
    back = scale.inverted()
    if metric.maximize:
        axes.set_ylim(low, float(back.transform(ends[1] + more)))
    else:
        axes.set_ylim(float(back.transform(ends[0] - more)), high)


def space_axis(axes: "Axes", dimension: Axis) -> None:
    """A parameter's range on the x axis: linear, logarithmic, or its choices by name."""
    from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, NullLocator

    if dimension.choices:
        places = list(range(len(dimension.choices)))
        shown = places if len(places) <= 5 else places[:: math.ceil(len(places) / 5)]
        axes.set_xlim(-0.6, len(places) - 0.4)
        axes.set_xticks(shown, [short(dimension.choices[i], max(4, 24 // len(shown))) for i in shown])
        return
    pad = 0.05
    if dimension.log:
        axes.set_xscale("log")
        factor = (dimension.high / dimension.low) ** pad if dimension.high > dimension.low else 1.1
        axes.set_xlim(dimension.low / factor, dimension.high * factor)
        axes.xaxis.set_major_locator(FixedLocator(log_ticks(dimension.low, dimension.high)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        by = (dimension.high - dimension.low) * pad or max(abs(dimension.low) * 0.1, 0.5)
        axes.set_xlim(dimension.low - by, dimension.high + by)
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=(1, 2, 5, 10)))
    axes.xaxis.set_major_formatter(ticks())


def log_ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Powers of ten inside the range, at most about `most`; 1, 2 and 5 times one where it holds fewer than two."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    powers = list(range(first, last + 1))
    if len(powers) >= 2:
        return [10.0**power for power in powers[:: math.ceil(len(powers) / most)]]
    found = [m * 10.0**p for p in range(first - 1, last + 1) for m in (1, 2, 5) if low <= m * 10.0**p <= high]
    return found or [low, high]


def short(text: str, most: int) -> str:
    """What fits at a tick."""
    shown = drawable(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def dot_size(n: int) -> float:
    """Area of a dot in square points: small where there are many."""
    return 22.0 if n <= 60 else 13.0 if n <= 250 else 6.0


def dots(
    axes: "Axes",
    xs: Sequence[float],
    ys: Sequence[float],
    ended: Sequence[Ended],
    theme: Theme,
    *,
    size: float | None = None,
) -> None:
    """Every trial; those whose value is beyond the picture are a triangle at its edge."""
    area = size if size is not None else dot_size(len(xs))
    low, high = sorted(axes.get_ylim())
    for how, shape in _SHAPES.items():
        at = [i for i, one in enumerate(ended) if one == how and low <= ys[i] <= high]
        filled = how == "complete"
        axes.scatter(
            [xs[i] for i in at], [ys[i] for i in at], s=area if filled else area * 0.9, marker=shape,
            facecolors=theme.sides[0] if filled else "none", edgecolors="none" if filled else theme.faint,
            linewidths=0 if filled else 1.0, alpha=0.75 if filled else 1.0, zorder=3, clip_on=False,
        )  # fmt: skip
    for edge, shape, out in ((low, "v", [y < low for y in ys]), (high, "^", [y > high for y in ys])):
        outside = [x for x, is_out in zip(xs, out, strict=True) if is_out]
        axes.scatter(outside, [edge] * len(outside), s=area * 1.3, marker=shape, color=theme.sides[0], linewidths=0,
                     zorder=4, clip_on=False)  # fmt: skip


def ring(axes: "Axes", x: float, y: float, theme: Theme, size: float) -> None:
    """The best trial: filled in the other colour, with a ring around it."""
    axes.scatter([x], [y], s=size, color=theme.sides[1], linewidths=0, zorder=5, clip_on=False)
    axes.scatter([x], [y], s=size * 4, facecolors="none", edgecolors=theme.sides[1], linewidths=1.2, zorder=5,
                 clip_on=False)  # fmt: skip


def key(
    figure: "Figure",
    place: tuple[float, float],
    theme: Theme,
    ended: Iterable[Ended],
    *,
    failed: bool = False,
    outside: Metric | None = None,
) -> None:
    """What the shapes mean, in a row that ends at `place`; nothing where every trial is a dot. `outside`: the
    objective of which some values lie beyond the edge."""
    from matplotlib.lines import Line2D

    present = set(ended)
    entries: list[tuple[str, str, bool]] = [
        (_WORDS[how], shape, how == "complete") for how, shape in _SHAPES.items() if how in present
    ]
    if failed:
        entries.append(("failed", "x", False))
    if outside is not None:
        entries.append(("beyond the edge", "v" if outside.maximize else "^", True))
    if len(entries) < 2:
        return
    handles = [
        Line2D([], [], linestyle="none", marker=shape, markersize=4.5, label=words,
               markerfacecolor=theme.sides[0] if filled else "none", markeredgewidth=0 if filled else 1.0,
               markeredgecolor=theme.faint)
        for words, shape, filled in entries
    ]  # fmt: skip
    figure.legend(
        handles=handles, loc="center right", bbox_to_anchor=place, ncols=len(handles), frameon=False, fontsize="small",
        labelcolor=theme.faint, handletextpad=0.1, columnspacing=1.1, borderpad=0.0, borderaxespad=0.0,
    )  # fmt: skip


def beyond(values: Iterable[float], metric: Metric) -> Metric | None:
    """The objective, where some of its values lie outside the picture."""
    return metric if any(not metric.low <= value <= metric.high for value in values) else None
