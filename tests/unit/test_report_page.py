"""The HTML report: one file, nothing loaded, no script but ours, and a page that works without seeing it."""

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_cases import CASES, report_of

from reporting.figures import svg
from reporting.render import to_html

TEMPLATES = Path(__file__).parents[2] / "reporting" / "templates"
VOID = {"meta", "link", "br", "img", "source", "hr", "input"}


class Page(HTMLParser):
    """Elements with their attributes; complains where tags do not close in order."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page(case: str) -> tuple[str, Page]:
    report = report_of(CASES[case]())
    html = to_html(report, [svg(chart, i) for i, chart in enumerate(report.charts)])
    return html, Page(html)


@pytest.mark.parametrize("case", CASES)
def test_the_page_is_whole_loads_nothing_and_runs_no_script_but_ours(case: str) -> None:
    html, found = page(case)
    assert html.startswith("<!doctype html>")
    names = {name for name, _ in found.elements}
    assert found.named("script") == [{}]
    ours = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    assert f"<script>{ours}</script>" in html
    digest = base64.b64encode(hashlib.sha256(ours.encode()).digest()).decode()
    policy = next(a["content"] for a in found.named("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
    assert not names & {"iframe", "object", "embed", "img", "a", "form", "base"}
    for name, attributes in found.elements:
        assert not [key for key in attributes if key.startswith("on")]
        for key in ("src", "href", "xlink:href", "srcset", "action"):
            value = attributes.get(key)
            assert value is None or value.startswith("#") or (name == "link" and value == "data:,")
    assert not re.search(r"@import|url\((?!#)", html)


@pytest.mark.parametrize("case", ["regressed", "crashed", "identical", "no-baseline"])
def test_tables_have_captions_and_headers_with_scope(case: str) -> None:
    _, found = page(case)
    tables = len(found.named("table"))
    assert tables == len(found.named("caption"))
    assert tables > 0
    assert {attributes.get("scope") for attributes in found.named("th")} == {"col", "row"}


def test_the_heading_is_the_title_and_there_is_one() -> None:
    html, found = page("regressed")
    assert len(found.named("h1")) == 1
    assert "<title>digits: regressed — test/accuracy fell by 0.028</title>" in html


def test_a_figure_says_in_words_what_it_shows() -> None:
    _, found = page("regressed")
    drawings = [attributes for attributes in found.named("div") if attributes.get("class") == "drawing"]
    assert len(drawings) == len(found.named("figure")) == 3
    labels = [attributes["aria-label"] or "" for attributes in drawings]
    assert labels[0].startswith("test/accuracy of each run: baseline between")
    assert labels[2].startswith(
        "gap between two runs of test/accuracy, seed 0, baseline and this commit: 3 % at step 1"
    )
    assert all(attributes["role"] == "img" for attributes in drawings)


def test_ids_are_unique_with_several_figures() -> None:
    _, found = page("regressed")
    ids = Counter(attributes["id"] for _, attributes in found.elements if "id" in attributes)
    assert len(found.named("figure")) == 3
    assert set(ids.values()) == {1}


def test_colours_follow_the_reader_and_print_opens_what_is_folded() -> None:
    html, _ = page("regressed")
    assert "prefers-color-scheme: dark" in html
    assert "details::details-content { content-visibility: visible" in html


def test_text_from_data_is_text() -> None:
    html, found = page("hostile")
    assert "https://evil.example" in found.text  # shown, not obeyed
    assert not found.named("b") + found.named("i") + found.named("svg")[1:]
    assert "\u202e" not in html
    assert "\x1b" not in html
    assert "{{ 7*7 }}" in found.text


def test_the_verdict_colours_the_page_by_class() -> None:
    for case, expected in (("regressed", "failed"), ("identical", "passed"), ("no-baseline", "cannot-judge")):
        assert page(case)[1].named("main")[0]["class"] == expected
