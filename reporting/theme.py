"""How every figure looks: colours for light and dark, axes, ticks, and which characters can be drawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from reporting.markdown import visible
from reporting.numbers import Rounding, rounding

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
PAGE = Theme("#fffffe", "#010101", "#020202", "#030303", "#040404", ("#050505", "#060606"))
"""Stand-ins: the page replaces each by a variable of its style sheet, so that one drawing serves light and dark."""


VARIABLES = {
    "#fffffe": "var(--paper)",
    "#010101": "var(--ink)",
    "#020202": "var(--faint)",
    "#030303": "var(--grid)",
    "#040404": "var(--band)",
    "#050505": "var(--side-0)",
    "#060606": "var(--side-1)",
}


PAGE_WIDTH, COMMENT_WIDTH = 8.9, 5.6
"""Inches, of 100 CSS pixels. A comment is shown 370 to 890 pixels wide: what is drawn for it is in one column, and its
type is that of the text around it at full size and 9 pixels on a phone."""


def in_one_column(figure: "Figure") -> bool:
    """Whether the figure is as narrow as a comment's, so that its parts are below each other."""
    return bool(figure.get_figwidth() < PAGE_WIDTH)


class Box(NamedTuple):
    """Where axes are in a figure: fractions of its width from the left and of its height from the top."""

    left: float
    top: float
    right: float
    bottom: float

    def for_axes(self) -> tuple[float, float, float, float]:
        """As matplotlib takes it: left, bottom from below, width, height."""
        return self.left, 1 - self.bottom, self.right - self.left, self.bottom - self.top


def value_box() -> Box:
    """The curves beside the dots."""
    return Box(0.51, 0.09, 0.895, 0.84)


def gap_box() -> Box:
    """The gap between two runs."""
    return Box(0.06, 0.13, 0.89, 0.78)


def step_range(steps: Sequence[int]) -> tuple[int, int]:
    """First and last step of an axis: from 0, so that the beginning can be seen."""
    return min(0, *steps), max(1, *steps)


ROUND = (1, 2, 5, 10)  # distances of ticks that read well
SETTINGS: "dict[RcKeyType, object]" = {
    "svg.hashsalt": "ml-experiment",
    "svg.fonttype": "path",  # looks the same without the font installed
    "font.family": "DejaVu Sans",  # ships with matplotlib
    "font.size": 9.0,
    "axes.titlesize": "medium",
    "text.parse_math": False,  # a metric called $x$ is drawn as written
    "axes.unicode_minus": True,
    "path.simplify": True,
}


def limits(axes: "Axes", values: Iterable[float], look: Rounding | None, axis: str = "x") -> None:
    """Where an axis begins and ends: a little more than the values; logarithmic where they span more than 100."""
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
        target.set_major_locator(MaxNLocator(6, steps=ROUND))
    (axes.set_xlim if axis == "x" else axes.set_ylim)(*edges)
    target.set_major_formatter(ticks())


def ticks() -> Any:
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


def style(axes: "Axes", theme: Theme) -> None:
    """No frame, faint vertical lines."""
    axes.set_facecolor("none")
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(theme.grid)
    axes.tick_params(which="both", length=0, colors=theme.ink, pad=4)
    axes.set_axisbelow(True)
    axes.xaxis.grid(visible=True, color=theme.grid, linewidth=0.7)


def axis_label(text: str, unit: str) -> str:
    """With the unit, where there is one."""
    return f"{text} ({unit})" if unit else text


def drawable(text: str) -> str:
    """What the font can draw, short enough for the axis; every other character as a box."""
    shown = "".join(c if ord(c) < 0x530 or c in "−…" else "□" for c in visible(text))
    return shown if len(shown) <= 26 else f"{shown[:12]}…{shown[-13:]}"
