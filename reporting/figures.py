"""Draws charts as PNG for comments and SVG for the page. One look, light and dark; equal charts give equal bytes."""

import re
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
from reporting.theme import DARK, LIGHT, PAGE, SETTINGS, VARIABLES, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INCHES, _DPI = 8.9, 200  # 890 CSS pixels, as wide as a comment; PNG at twice that


def png(chart: AnyChart, theme: Theme) -> bytes:
    """The figure for a comment: 1,780 pixels wide, to be shown at half that."""
    return _save(chart, theme, "png", metadata={"Software": None}, pil_kwargs={"compress_level": 4})


def svg(chart: AnyChart, number: int) -> str:
    """The figure for a page that defines --paper, --ink, --faint, --grid, --band, --side-0 and --side-1.

    An `<svg>` element without prolog, scripts, comments or outside references; `number` keeps the ids of several apart.
    """
    text = _save(chart, PAGE, "svg", metadata=dict.fromkeys(("Date", "Creator", "Type", "Format"))).decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>f{number}-", text)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r'\1 aria-hidden="true" focusable="false"', text, count=1)
    for stand_in, variable in VARIABLES.items():
        text = text.replace(stand_in, variable)
    return re.sub(r"\n\s*\n*", "\n", text).strip()


def _save(chart: AnyChart, theme: Theme, kind: str, **options: Any) -> bytes:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(_INCHES, 1.0), facecolor=theme.paper)
        _draw(figure, chart, theme)
        buffer = BytesIO()
        figure.savefig(buffer, format=kind, dpi=_DPI, **options)
    return buffer.getvalue()


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
