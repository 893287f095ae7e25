"""The HTML report as people use it, in a real Chromium: by pointer, by keyboard, by screen reader, on paper."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from browser import Page, opened
from report_cases import CASES, report_of
from sweep_cases import CASES as SWEEPS

from reporting.figures import svg
from reporting.render import to_html
from reporting.sweep_report import build

pytestmark = pytest.mark.browser


@pytest.fixture
def show(tmp_path: Path) -> Iterator["Shown"]:
    found = Shown(tmp_path)
    yield found
    found.close()


class Shown:
    """Opens reports; one browser at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: AbstractContextManager[Page] | None = None

    def __call__(self, case: str) -> Page:
        report = build(SWEEPS[case]()) if case in SWEEPS else report_of(CASES[case]())
        file = self._folder / "report.html"
        file.write_text(to_html(report, [svg(chart, i) for i, chart in enumerate(report.charts)]), encoding="utf-8")
        self._open = opened(file, self._folder / "profile")
        page: Page = self._open.__enter__()
        return page

    def close(self) -> None:
        if self._open is not None:
            self._open.__exit__(None, None, None)


def step_output(page: Page) -> str:
    return page.texts("figure output")[0]


@pytest.mark.parametrize("case", ["regressed", "hostile", "two-hundred-metrics"])
def test_the_page_asks_the_network_for_nothing_and_complains_of_nothing(show: Shown, case: str) -> None:
    page = show(case)
    asked = [e["params"]["request"]["url"] for e in page.events if e["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert [e for e in page.events if e["method"] in ("Runtime.exceptionThrown", "Log.entryAdded")] == []
    assert page.value("document.title").startswith("digits: ")


def test_the_pointer_over_a_curve_shows_the_values_of_that_step(show: Shown) -> None:
    page = show("regressed")
    assert step_output(page).startswith("step 200: baseline 0.9383 (0.9289 … 0.9486); this commit 0.9101 (")
    page.point("figure .drawing", 0.51 + 0.385 / 2, 0.4)  # the middle of the axes
    assert step_output(page).startswith("step 100: ") or step_output(page).startswith("step 102: ")
    line = page.value(
        "(d => (d.querySelector('.cross').getBoundingClientRect().x - d.getBoundingClientRect().x) / d.offsetWidth)"
        "(document.querySelector('.drawing'))"
    )
    assert line == pytest.approx(0.51 + 0.385 / 2, abs=0.01)


def test_the_same_by_keyboard_and_said_aloud(show: Shown) -> None:
    page = show("regressed")
    page.value("document.querySelector('input[type=range]').focus()")
    page.press("Home")
    assert step_output(page).startswith("step 2: ")
    page.press("ArrowRight")
    assert step_output(page).startswith("step 4: ")
    slider = next(node for node in page.accessible() if node["role"] == "slider")
    assert slider["name"] == "Step by step"
    assert page.value("document.querySelector('input[type=range]').getAttribute('aria-valuetext')") == step_output(page)


def test_everything_that_can_be_done_is_reached_with_tab_in_the_order_of_the_page(show: Shown) -> None:
    page = show("regressed")
    reached: dict[str, None] = {}
    for _ in range(40):
        page.press("Tab")
        reached[page.value("document.activeElement.tagName + ' ' + document.activeElement.innerText")] = None
    assert list(reached)[1].startswith("BUTTON metric")  # after the table, which can be scrolled
    sections = [text.removeprefix("SUMMARY ").strip() for text in reached if text.startswith("SUMMARY")]
    assert sections == page.texts("summary")
    assert "BUTTON Open all sections" in reached


def test_a_screen_reader_meets_headings_tables_and_figures_with_names(show: Shown) -> None:
    nodes = show("regressed").accessible()
    headings = [node["name"] for node in nodes if node["role"] == "heading"]
    assert headings[0] == "digits: regressed — test/accuracy fell by 0.028"
    assert "How the five runs went" in headings
    assert "Every metric: verdict, change, baseline, this commit" in [
        node["name"] for node in nodes if node["role"] == "table"
    ]
    figure = next(node for node in nodes if node["role"] in ("image", "img"))
    assert figure["name"].startswith("test/accuracy of each run: baseline between 0.9322 and 0.9520 (10 runs)")
    assert {node["role"] for node in nodes} >= {"main", "columnheader", "rowheader", "button", "slider", "list"}


def test_a_table_is_sorted_by_numbers_as_numbers_and_says_so(show: Shown) -> None:
    page = show("two-hundred-metrics")
    page.value("document.querySelectorAll('details').forEach(d => d.open = true)")
    table = "details:nth-of-type(1) table"
    button = f"document.querySelector({table!r}).tHead.rows[0].cells[2].querySelector('button')"
    page.value(f"{button}.focus()")
    page.press("Enter")
    assert page.value(f"document.querySelector({table!r}).tHead.rows[0].cells[2].ariaSort") == "ascending"
    shown = page.texts(f"{table} tbody tr td:nth-child(3)")
    changes = [float(text.split(" [")[0].replace("−", "-")) for text in shown]
    assert len(changes) == 200
    assert changes == sorted(changes)
    assert changes[0] < -0.04
    page.press("Enter")
    again = page.texts(f"{table} tbody tr td:nth-child(3)")
    assert float(again[-1].split(" [")[0].replace("−", "-")) == changes[0]


def test_times_and_sizes_are_sorted_as_what_they_are(show: Shown) -> None:
    page = show("one-of-five-timed-out")
    page.value("document.querySelectorAll('details').forEach(d => d.open = true)")
    table = "[...document.querySelectorAll('table')].find(t => t.caption.innerText === 'Every run of this commit')"
    page.value(f"{table}.tHead.rows[0].cells[3].querySelector('button').click()")
    shown = page.value(f"[...{table}.tBodies[0].rows].map(row => row.cells[3].innerText.replace('\u00a0', ' '))")
    assert shown[-1] == "2 h 0 min"
    assert shown[0] == "12 s"


def test_a_table_is_filtered_by_words_and_says_how_many_are_left(show: Shown) -> None:
    page = show("two-hundred-metrics")
    page.value("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.value("document.querySelector('details input[type=search]').focus()")
    page.type("class_00 not")
    assert page.texts("details .tools output")[0] == "0 of 200 rows"
    page.value("document.activeElement.select()")
    page.type("class_19")
    assert page.texts("details .tools output")[0] == "10 of 200 rows"
    visible = page.texts("details:nth-of-type(1) table tbody tr:not([hidden])")
    assert len(visible) == sum("class_19" in row for row in visible) == 10


def test_it_prints_everything_that_is_folded_and_no_buttons(show: Shown) -> None:
    page = show("regressed")
    seen = "[...document.querySelectorAll({!r})].map(e => e.checkVisibility({{contentVisibilityAuto: true}}))"
    assert not any(page.value(seen.format("details td")))
    assert any(page.value(seen.format(".tools")))
    page.emulate("EmulatedMedia", media="print")
    assert all(page.value(seen.format("details td, details pre, details svg")))
    assert not any(page.value(seen.format(".tools")))
    assert page.pdf().startswith(b"%PDF")


def test_nothing_is_wider_than_a_phone_but_what_scrolls_by_itself(show: Shown) -> None:
    page = show("regressed")
    page.emulate("DeviceMetricsOverride", width=400, height=800, deviceScaleFactor=1, mobile=False)
    assert page.value("document.documentElement.scrollWidth") <= 400


@pytest.mark.parametrize("case", ["winners-curse", "three-objectives"])
def test_a_sweeps_figures_are_drawn_as_wide_as_the_page_and_named(show: Shown, case: str) -> None:
    page = show(case)
    page.value("document.querySelectorAll('details').forEach(d => d.open = true)")
    drawings = page.value("""[...document.querySelectorAll('.drawing')].map(drawing => {
      const all = drawing.querySelector('svg').getBoundingClientRect();
      const marks = [...drawing.querySelectorAll('path, use')].map(mark => mark.getBoundingClientRect())
        .filter(mark => mark.width + mark.height);
      const out = marks.filter(mark => mark.left < all.left - 1 || mark.right > all.right + 1
        || mark.top < all.top - 1 || mark.bottom > all.bottom + 1);
      return {width: all.width / drawing.clientWidth, height: all.height, marks: marks.length, out: out.length,
        name: drawing.ariaLabel};
    })""")
    assert len(drawings) == 4
    for drawing in drawings:
        assert drawing["width"] == pytest.approx(1, abs=0.01)
        assert drawing["height"] > 100
        assert drawing["marks"] > 20, drawing["name"]
        assert drawing["out"] == 0, drawing["name"]
    assert [event for event in page.events if event["method"] in ("Runtime.exceptionThrown", "Log.entryAdded")] == []
    images = [node["name"] for node in page.accessible() if node["role"] in ("image", "img")]
    assert images == [drawing["name"] for drawing in drawings]


def test_colours_follow_the_reader(show: Shown) -> None:
    page = show("regressed")
    light = page.value("getComputedStyle(document.body).backgroundColor")
    page.emulate("EmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert (light, page.value("getComputedStyle(document.body).backgroundColor")) == (
        "rgb(255, 255, 255)", "rgb(13, 17, 23)",
    )  # fmt: skip


def test_without_scripts_nothing_is_missing_that_is_said(show: Shown) -> None:
    page = show("regressed")
    page.ask("Emulation.setScriptExecutionDisabled", value=True)
    page.reload()
    names = [node["name"] for node in page.accessible()]
    assert "How the five runs went" in names
    assert "Open all sections" not in names
