"""Figures: drawn from numbers only, the same bytes for the same chart, legible in light, dark and without colour."""

import math
import re
import struct
import xml.etree.ElementTree as ET
from collections import Counter
from itertools import combinations

import pytest
import sweep_cases
from chart_cases import CHARTS, a_chart, a_side
from matplotlib.figure import Figure
from matplotlib.text import Text
from report_cases import CASES, report_of

from reporting.document import AnyChart, GapChart
from reporting.figures import DARK, LIGHT, drawn, png, svg
from reporting.sweep_report import build
from reporting.theme import COMMENT_WIDTH, Theme

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("case", CHARTS)
def test_every_chart_can_be_drawn(case: str) -> None:
    image = png(CHARTS[case], LIGHT)
    assert image.startswith(b"\x89PNG")
    assert struct.unpack(">II", image[16:24])[0] == 2 * 560
    assert ET.fromstring(svg(CHARTS[case], 0)).tag == f"{SVG}svg"


def a_gap() -> GapChart:
    report = report_of(CASES["not-reproduced"]())
    return next(chart for chart in report.charts if isinstance(chart, GapChart))


def sweeps() -> dict[str, AnyChart]:
    found = {name: build(study()).charts for name, study in sweep_cases.CASES.items()}
    return {f"{name} {chart.kind}": chart for name, charts in found.items() for chart in charts}


def a_long_name() -> AnyChart:
    sweep = sweep_cases.a_sweep(objective={"validation/mean_average_precision": "maximize"})
    return build(sweep_cases.a_study(sweep=sweep)).charts[0]


EVERY: dict[str, AnyChart] = {**CHARTS, "gap": a_gap(), **sweeps(), "long name": a_long_name()}
IN_COMMENTS = {name: chart for name, chart in EVERY.items() if chart.kind in ("values", "gap", "history", "front")}


def texts(figure: Figure) -> list[Text]:
    """All that is written; of ticks those that are drawn, since some are beyond the ends of their axis."""
    figure.draw_without_rendering()
    every, drawn_ = [], set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            every += [*axis.get_majorticklabels(), *axis.get_minorticklabels()]
            low, high = sorted(axis.get_view_interval())
            ticks = [tick for tick in (*axis.majorTicks, *axis.minorTicks) if low <= tick.get_loc() <= high]
            drawn_ |= {tick.label1 for tick in ticks}
    hidden = {*every} - drawn_
    found = [one for one in figure.findobj(Text) if isinstance(one, Text) and one not in hidden]
    return [one for one in found if one.get_visible() and one.get_text().strip() and one.get_window_extent().width]


@pytest.mark.parametrize("case", IN_COMMENTS)
def test_in_a_comment_no_text_is_cut_or_covers_another_and_a_phone_can_show_it(case: str) -> None:
    with drawn(IN_COMMENTS[case], LIGHT, COMMENT_WIDTH) as figure:
        found = [(one.get_text(), one.get_window_extent(), float(one.get_fontsize())) for one in texts(figure)]
        for name, box, _ in found:
            assert box.x0 >= 0, name
            assert box.y0 >= 0, name
            assert box.x1 <= figure.bbox.width, name
            assert box.y1 <= figure.bbox.height, name
        for (one, a, _), (other, b, _) in combinations(found, 2):
            across, down = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
            assert across <= 1 or down <= 3, f"{one!r} covers {other!r}"
        on_a_phone = 100 / 72 * 368 / (100 * COMMENT_WIDTH)  # CSS pixels a point, in a comment 400 pixels wide
        sizes = sorted(size * on_a_phone for _, _, size in found)
        assert sizes[0] > 7.5
        assert sizes[len(sizes) // 2] > 9


def test_equal_charts_give_equal_bytes() -> None:
    for kind in (lambda c: png(c, DARK), lambda c: svg(c, 3)):
        assert kind(CHARTS["usual"]) == kind(CHARTS["usual"])


def test_light_and_dark_are_different_pictures() -> None:
    assert png(CHARTS["usual"], LIGHT) != png(CHARTS["usual"], DARK)


def glyphs(metric: str) -> int:
    return svg(a_chart(a_side("this commit", (0.5, 0.6)), metric=metric, margin=None), 0).count("<use ")


def test_a_name_that_looks_like_a_formula_is_drawn_as_written() -> None:
    assert glyphs("$x$") == glyphs("aba")
    assert glyphs(r"$\frac{x}{y}$") == glyphs("abcdefghijkl_"[: len(r"$\frac{x}{y}$")])


def test_what_the_font_cannot_draw_is_a_box_and_the_hidden_is_gone() -> None:
    assert glyphs("精度") == glyphs("ab")
    assert glyphs("a\u202eb\x1b") == glyphs("ab")


def test_a_long_name_keeps_both_ends() -> None:
    assert glyphs("a" * 100) == glyphs("b" * 26)


def test_the_page_decides_the_colours() -> None:
    text = svg(CHARTS["usual"], 0)
    assert not re.search(r"#[0-9a-f]{6}\b", text)
    assert set(re.findall(r"var\((--[a-z0-9-]+)\)", text)) == {
        "--paper", "--ink", "--faint", "--grid", "--band", "--side-0", "--side-1",
    }  # fmt: skip


def test_nothing_but_drawing_is_in_the_svg() -> None:
    for chart in CHARTS.values():
        text = svg(chart, 0)
        assert {element.tag.removeprefix(SVG) for element in ET.fromstring(text).iter()} <= {
            "svg", "g", "path", "use", "defs", "clipPath", "rect",
        }  # fmt: skip
        assert "<!--" not in text
        assert all(found.startswith("#f0-") for found in re.findall(r'href="([^"]*)"', text))


def test_several_figures_share_a_page_without_sharing_ids() -> None:
    ids = Counter(re.findall(r'\bid="([^"]*)"', svg(CHARTS["usual"], 0) + svg(CHARTS["usual"], 1)))
    assert set(ids.values()) == {1}


def test_metric_names_do_not_reach_the_svg_as_text() -> None:
    text = svg(a_chart(metric="secret<script>name"), 0)
    assert "secret" not in text
    assert "script" not in text


def rgb(colour: str) -> tuple[float, float, float]:
    values = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return linear[0], linear[1], linear[2]


def luminance(colour: str) -> float:
    return sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), rgb(colour), strict=True))


def contrast(a: str, b: str) -> float:
    """WCAG 2.2, relative luminance."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_text_can_be_read_on_the_paper_and_on_the_band(theme: Theme) -> None:
    for colour in (theme.ink, theme.faint, *theme.sides):
        assert contrast(colour, theme.paper) >= 4.5
        assert contrast(colour, theme.band) >= 4.0


BLINDNESS = {  # Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("kind", BLINDNESS)
def test_the_sides_differ_for_colour_blind_eyes(theme: Theme, kind: str) -> None:
    def seen(colour: str) -> list[float]:
        return [sum(w * v for w, v in zip(row, rgb(colour), strict=True)) for row in BLINDNESS[kind]]

    assert math.dist(seen(theme.sides[0]), seen(theme.sides[1])) > 0.3
