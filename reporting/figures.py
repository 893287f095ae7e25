"""Draws charts as PNG for comments and SVG for the page. One look, light and dark; equal charts give equal bytes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

from reporting import (
    front_figure,
    gap_figure,
    history_figure,
    importance_figure,
    parallel_figure,
    slices_figure,
    value_figure,
)
from reporting.document import AnyChart, Chart, GapChart
from reporting.sweep_document import FrontChart, HistoryChart, ImportanceChart, ParallelChart, SlicesChart
from reporting.theme import COMMENT_WIDTH, DARK, LIGHT, PAGE, PAGE_WIDTH, SETTINGS, VARIABLES, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 200  # twice the CSS pixels
_TYPE = {PAGE_WIDTH: 9.0, COMMENT_WIDTH: 10.0}  # points


def png(chart: AnyChart, theme: Theme) -> bytes:
    """The figure for a comment: 1,120 pixels wide, to be shown at half that, or less on a phone."""
    return _save(chart, theme, "png", COMMENT_WIDTH, metadata={"Software": None}, pil_kwargs={"compress_level": 4})


def svg(chart: AnyChart, number: int) -> str:
    """The figure for a page that defines --paper, --ink, --faint, --grid, --band, --side-0 and --side-1.

    An `<svg>` element without prolog, scripts, comments or outside references; `number` keeps the ids of several apart.
    """
    text = _save(chart, PAGE, "svg", PAGE_WIDTH, metadata=dict.fromkeys(("Date", "Creator", "Type", "Format"))).decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>f{number}-", text)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r'\1 aria-hidden="true" focusable="false"', text, count=1)
    for stand_in, variable in VARIABLES.items():
        text = text.replace(stand_in, variable)
    return re.sub(r"\n\s*\n*", "\n", text).strip()


def _save(chart: AnyChart, theme: Theme, kind: str, width: float, **options: Any) -> bytes:
    with drawn(chart, theme, width) as figure:
        buffer = BytesIO()
        figure.savefig(buffer, format=kind, dpi=_DPI, **options)
    return buffer.getvalue()


@contextmanager
def drawn(chart: AnyChart, theme: Theme, width: float) -> "Iterator[Figure]":
    """The figure as matplotlib has it, PAGE_WIDTH or COMMENT_WIDTH inches wide."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**SETTINGS, "font.size": _TYPE[width]}):
        figure = Figure(figsize=(width, 1.0), facecolor=theme.paper, dpi=_DPI)
        _draw(figure, chart, theme)
        yield figure


def _draw(figure: "Figure", chart: AnyChart, theme: Theme) -> None:
    """Each kind of chart sets the height it needs."""
    match chart:
        case Chart():
            value_figure.draw(figure, chart, theme)
        case GapChart():
            gap_figure.draw(figure, chart, theme)
        case HistoryChart():
            history_figure.draw(figure, chart, theme)
        case ParallelChart():
            parallel_figure.draw(figure, chart, theme)
        case ImportanceChart():
            importance_figure.draw(figure, chart, theme)
        case SlicesChart():
            slices_figure.draw(figure, chart, theme)
        case FrontChart():
            front_figure.draw(figure, chart, theme)


__all__ = ["DARK", "LIGHT", "png", "svg"]
