"""Draws charts as PNG for comments and SVG for the page. One look, light and dark; equal charts give equal bytes."""

import re
from io import BytesIO
from typing import Any

from reporting import gap_figure, value_figure
from reporting.document import Chart, GapChart
from reporting.theme import DARK, LIGHT, PAGE, SETTINGS, VARIABLES, Theme

_INCHES, _DPI = 8.9, 200  # 890 CSS pixels, as wide as a comment; PNG at twice that
_HEIGHT = {"values": 3.1, "gap": 2.3}


def png(chart: Chart | GapChart, theme: Theme) -> bytes:
    """The figure for a comment: 1,780 pixels wide, to be shown at half that."""
    return _save(chart, theme, "png", metadata={"Software": None}, pil_kwargs={"compress_level": 4})


def svg(chart: Chart | GapChart, number: int) -> str:
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


def _save(chart: Chart | GapChart, theme: Theme, kind: str, **options: Any) -> bytes:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(_INCHES, _HEIGHT[chart.kind]), facecolor=theme.paper)
        if isinstance(chart, GapChart):
            gap_figure.draw(figure, chart, theme)
        else:
            value_figure.draw(figure, chart, theme)
        buffer = BytesIO()
        figure.savefig(buffer, format=kind, dpi=_DPI, **options)
    return buffer.getvalue()


__all__ = ["DARK", "LIGHT", "png", "svg"]
