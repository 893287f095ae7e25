"""Mermaid's grammar of a chart with bars and lines: axes, numbers it can read, colours."""

from collections.abc import Sequence

_SIZE = "{'width': 860, 'height': 300, 'titleFontSize': 15}"
BLUE, ORANGE, FAINT = "#0969da", "#bc4c00", "#8c959f"  # as `reporting.figures` has them; seen on both papers


def bar_floor(values: Sequence[float]) -> float:
    """Where bars begin: a little below the lowest value, and at 0 where that is near."""
    low, high = min(values), max(values)
    below = low - 0.1 * ((high - low) or abs(high) or 1.0)
    return 0.0 if low >= 0 >= below else below


def value_axis(label: str, values: Sequence[float]) -> str:
    """From the lowest to the highest value; "" where Mermaid cannot tell them apart."""
    low, high = min(values), max(values)
    if low == high:
        low, high = low - (abs(low) or 1.0) * 0.1, high + (abs(high) or 1.0) * 0.1
    if number(low) == number(high):
        return ""  # too small for Mermaid's numbers
    return f'"{label}" {number(low)} --> {number(high)}'


def number(value: float) -> str:
    """Mermaid's grammar knows no exponents."""
    text = f"{value:.12f}" if abs(value) < 1 else f"{value:.6f}"
    return text.rstrip("0").rstrip(".") or "0"


def xychart(title: str, x_axis: str, y_axis: str, series: Sequence[tuple[str, str, Sequence[float]]]) -> str:
    """The whole text; "" without a y axis. `series`: "line" or "bar", colour, values."""
    if not y_axis:
        return ""
    colours = ",".join(colour for _, colour, _ in series)
    return "\n".join(
        [
            f"%%{{init: {{'xyChart': {_SIZE}, 'themeVariables': {_theme(colours)}}}}}%%",
            "xychart-beta",
            f'  title "{title}"',
            f"  x-axis {x_axis}",
            f"  y-axis {y_axis}",
            *(f"  {kind} [{', '.join(map(number, values))}]" for kind, _, values in series),
        ]
    )


def _theme(colours: str) -> str:
    return f"{{'xyChart': {{'plotColorPalette': '{colours}'}}}}"
