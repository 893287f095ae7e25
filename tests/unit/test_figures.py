"""Figures: drawn from numbers only, the same bytes for the same chart, legible in light, dark and without colour."""

import math
import re
import struct
import xml.etree.ElementTree as ET
from collections import Counter

import pytest
from chart_cases import CHARTS, a_chart, a_side

from reporting.figures import DARK, LIGHT, png, svg
from reporting.theme import Theme

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("case", CHARTS)
def test_every_chart_can_be_drawn(case: str) -> None:
    image = png(CHARTS[case], LIGHT)
    assert image.startswith(b"\x89PNG")
    assert struct.unpack(">II", image[16:24]) == (1780, 620)
    assert ET.fromstring(svg(CHARTS[case], 0)).tag == f"{SVG}svg"


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
