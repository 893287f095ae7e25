"""The report of a sweep: what is claimed, what fresh seeds made of it, what the page has, words that stay words."""

import html
import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from markdown_oracle import acts, rendered
from sweep_cases import CASES, SHARES, a_study, a_sweep, a_table

from action.mermaid import diagrams
from reporting.document import Paragraph, SweepReport, Table, text_of
from reporting.figures import DARK, LIGHT, png, svg
from reporting.numbers import NBSP
from reporting.render import Drawing, Link, to_html, to_markdown
from reporting.sweep_charts import charts, history, parallel, slices, visible_range
from reporting.sweep_report import build
from reporting.sweep_words import confirmed

GOLDEN = Path(__file__).parent.parent / "golden" / "sweeps"


def markdown_of(report: SweepReport) -> str:
    return to_markdown(report, [Link("0-light.png", "0-dark.png")][: report.shown])


@pytest.mark.parametrize("case", CASES)
def test_the_report_reads_as_kept(case: str) -> None:
    text = markdown_of(build(CASES[case]()))
    kept = GOLDEN / f"{case}.md"
    if os.environ.get("UPDATE_GOLDEN"):
        kept.write_text(text, encoding="utf-8")
    assert text == kept.read_text(encoding="utf-8")
    assert len(text) < 20_000


def test_no_kept_report_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.md")} == set(CASES)


@pytest.mark.parametrize(
    "case", ["winners-curse", "one-trial", "all-failed", "three-objectives", "hostile", "many-parameters"]
)
def test_every_figure_is_drawn_from_numbers_alone_and_named(case: str) -> None:
    report = build(CASES[case]())
    figures = [svg(chart, number) for number, chart in enumerate(report.charts)]
    page = html.unescape(to_html(report, figures))
    for chart, drawn in zip(report.charts, figures, strict=True):
        assert not re.search(r"#[0-9a-f]{6}\b", drawn)  # the page decides the colours
        allowed = {"svg", "g", "path", "use", "defs", "clipPath", "rect"}
        assert {element.tag.rpartition("}")[2] for element in ET.fromstring(drawn).iter()} <= allowed
        assert len(chart.alt) > 30
        assert f'aria-label="{chart.alt}"' in page


def test_equal_studies_give_equal_pictures_in_light_and_in_dark() -> None:
    chart = charts(a_study())[0]
    assert png(chart, LIGHT).startswith(b"\x89PNG")
    assert png(chart, LIGHT) == png(charts(a_study())[0], LIGHT) != png(chart, DARK)
    assert svg(chart, 0) == svg(charts(a_study())[0], 0)


def test_hostile_words_act_nowhere() -> None:
    report = build(CASES["hostile"]())
    seen = rendered(markdown_of(report))
    allowed = {"h3", "p", "strong", "code", "table", "thead", "tbody", "tr", "th", "td", "picture", "source", "img",
               "ul", "li", "details", "summary", "pre", "sub", "br"}  # fmt: skip
    assert set(seen.tags) <= allowed
    assert seen.tags.count("img") == 1
    assert acts(seen.text) == []
    page = to_html(report, [""] * len(report.charts))
    assert "<b>" not in page
    assert "<img" not in page
    assert page.count("<script>") == 1
    assert "alert(1)</script>" not in page


def test_the_heading_is_the_figure_of_fresh_seeds_and_the_sweeps_own_is_beside_it() -> None:
    report = build(a_study())
    assert text_of(report.heading) == (
        f"digits: sweep of 48 trials — test/accuracy 0.9404{NBSP}±{NBSP}0.0025 on 5 fresh seeds"
    )
    assert "Trial 45 had 0.9540 in the sweep" in text_of(report.lead[0])
    assert "winner's curse" in text_of(report.lead[0])
    assert "winner's curse" not in text_of(build(CASES["no-worse"]()).lead[0])
    own = a_study().ranked()[0].values or ()
    same = text_of(build(a_study(fresh=own * 5)).lead[0])
    assert "the same to the bit on 5 seeds that no trial used: seeds make no difference" in same
    assert "not tried on fresh seeds" in text_of(build(CASES["no-fresh-seeds"]()).heading)


def test_a_best_that_fresh_seeds_do_not_hold_is_called_the_winners_curse_on_the_terminal_too() -> None:
    said = confirmed(a_sweep(), a_table(), [0.93, 0.94])
    assert said.startswith("test/accuracy 0.9350 ± 0.0071 on 2 fresh seeds; the sweep's own 0.9540 was better because")
    assert "winner's curse" in said
    assert "winner's curse" not in confirmed(a_sweep(), a_table(), [0.96, 0.97])


def test_the_page_has_every_trial_and_markdown_the_first_ten() -> None:
    report = build(a_study())
    assert "Every trial: the numbers behind the figures" in to_html(report, [""] * len(report.charts))
    assert "All 48 trials" not in markdown_of(report)
    everything = next(s for s in report.sections if s.title == "All 48 trials").blocks[0]
    assert isinstance(everything, Table)
    assert [int(text_of(row.cells[0])) for row in everything.rows] == list(range(48))
    front = build(CASES["three-objectives"]())
    rows = markdown_of(front).partition("The trials that no other beats")[2].partition("</details>")[0]
    leading = front.sections[0].blocks[0]
    assert isinstance(leading, Table)
    assert rows.count("\n| ") - 1 == 10 < len(leading.rows)


def test_a_history_marks_pruned_failed_and_impossible_trials_and_leads_with_possible_ones() -> None:
    chart = history(a_study())
    assert chart is not None
    assert chart.failed == (7, 23)
    assert chart.ended.count("pruned") == 6
    values = [value for _, value in chart.leaders]
    assert values == sorted(values)
    rows = [row.model_copy(update={"constraints": {"x": 1.0 if row.trial == 45 else -1.0}}) for row in a_table()]
    bounded = history(a_study(table=rows))
    assert bounded is not None
    assert bounded.ended[bounded.trial.index(45)] == "impossible"
    assert bounded.leaders[-1][0] != 45
    assert "1 outside a constraint" in bounded.alt


def test_a_parameter_that_a_trial_did_not_have_is_a_gap_and_the_best_comes_last() -> None:
    study = a_study()
    chart = parallel(study)
    assert chart is not None
    momentum = [axis.name for axis in chart.axes].index("momentum")
    having = {row.trial for row in study.table if "momentum" in row.params and row.state == "complete"}
    assert sum(row[momentum] is not None for row in chart.rows) == len(having)
    assert chart.rows[-1][-1] == 1.0
    assert chart.best == 45
    lr = next(axis for axis in chart.axes if axis.name == "lr")
    assert (lr.place(1e-4), lr.place(1e-1)) == (0.0, 1.0)
    assert lr.place(10**-2.5) == pytest.approx(0.5)


def test_slices_leave_out_what_is_not_there() -> None:
    chart = slices(a_study())
    assert chart is not None
    assert [sum(at is not None for at in column) for column in chart.at] == [40, 40, 11, 40, 40]


def test_a_value_far_on_the_bad_side_does_not_press_the_others_into_a_line() -> None:
    good = [0.90 + i / 1000 for i in range(20)]
    assert visible_range([*good, 0.2], maximize=True) == (0.90, 0.919)
    assert visible_range([*good, 1.9], maximize=True) == (0.90, 1.9)  # the good side is always shown
    assert visible_range([*good, 1.9], maximize=False) == (0.90, 0.919)
    assert visible_range([1e-4, *good], maximize=True) == (1e-4, 0.919)  # logarithmic then
    assert visible_range([0.9, 0.2], maximize=True) == (0.2, 0.9)


def test_importances_are_told_with_their_interval() -> None:
    said = [text_of(block.words) for block in build(a_study()).blocks if isinstance(block, Paragraph)]
    (mattered,) = [words for words in said if words.startswith("What mattered?")]
    assert "lr 0.71 [0.52 … 0.84]" in mattered
    assert f"{SHARES.resamples} resamples" in mattered


def test_without_pictures_the_history_is_drawn_by_mermaid_and_a_front_put_in_words() -> None:
    (text,) = diagrams(charts(a_study())[0])
    bars, line = re.findall(r"^  (?:bar|line) \[(.*)\]$", text, re.MULTILINE)
    assert len(bars.split(", ")) == len(line.split(", ")) == 48
    many = charts(a_study(table=a_table(500)))[0]
    (text,) = diagrams(many)
    assert len(re.findall(r"line \[(.*)\]", text)[0].split(", ")) <= 60
    front = build(CASES["two-objectives"]())
    assert diagrams(front.charts[0]) == ()
    assert "Figure, in words: test/accuracy against `size_mb` of 40 complete trials" in to_markdown(front)
    report = build(a_study())
    assert "```mermaid" in to_markdown(report, [Drawing(diagrams(report.charts[0]), "Blue: each trial")])
