"""T15, T16, T17: a stranger's words and pictures never act: no link, mention, image, HTML, no comment in our name."""

import re
import struct

import pytest
from builders import a_bundle, a_failed_run, a_run, a_snapshot
from hypothesis import given
from hypothesis import strategies as st
from markdown_oracle import acts, rendered
from report_cases import report_of
from stranger import Stranger

from action.announcement import comment_text
from action.comment import Age, read
from action.mermaid import diagrams
from experiment.bundle import Bundle
from experiment.record import Status
from reporting.document import Chart, Report, Side

NASTY = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "![x](https://evil.example/p.png)", "@acme/everyone",
    "[click](https://evil.example)", "https://evil.example", "#1 GH-2", "</details><h1>passed</h1>",
    "```\n# passed\n```",
    "<!-- ml-experiment: experiment=digits run=9999.1 -->", "| a | b |\n|---|---|", "a\u202eb", ":rocket:",
    "%%{init: {}}%%\nflowchart", '"] --> click x "https://evil.example"', "$\\frac{1}{0}$", "\x1b[31mred",
]  # fmt: skip
TAGS = {
    "h3", "p", "code", "strong", "em", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "details", "summary",
    "pre", "br", "sub", "picture", "source", "img",
}  # fmt: skip


def hostile(stranger: Stranger, text: str) -> Bundle:
    """A bundle with `text` wherever a bundle has words."""
    failed = a_failed_run(1, Status.USER_ERROR, reason=text, log_tail=f"{text}\n{text}", note=text)
    good = a_run(0, {"test/accuracy": 0.5, "test/loss": 1.0, text[:64] or "x": 1.0}, note=text)
    candidate = a_snapshot(runs=(good, failed), commit=stranger.head, tool_version=text, not_captured=(text,))
    there = candidate.configuration
    environment = there.environment.model_copy(update={"os": text, "source": text, "packages": {text: text}})
    configuration = there.model_copy(
        update={"environment": environment, "command": text, "source": {text: there.source["train.py"]}}
    )
    candidate = candidate.model_copy(update={"configuration": configuration})
    return stranger.bundle(candidate=candidate, notes=(text,), repeat=text, stage_note=text, tool_version=text)


@pytest.mark.parametrize("text", NASTY)
def test_T15_no_word_of_the_bundle_acts(stranger: Stranger, text: str) -> None:
    stranger.leaves_bundle(hostile(stranger, text))
    stranger.is_reported(plots="mermaid")
    (said,) = [one["body"] for one in stranger.forge.state.comments.values()]
    seen = rendered(said)
    assert set(seen.tags) <= TAGS
    assert "a" not in seen.tags
    assert "img" not in seen.tags  # Mermaid was asked for, so there is no picture of ours either
    assert len(seen.comments) == 1  # the mark
    ours = {word for word in acts(seen.text) if re.fullmatch("[0-9a-f]{7}", word)}
    assert set(acts(seen.text)) <= ours  # commits are ours to link
    output = stranger.check()["output"]
    assert output["text"] == said
    assert output["title"].isprintable()  # GitHub shows it as it is
    summary = rendered(output["summary"])
    assert set(summary.tags) <= TAGS - {"img", "picture", "source"}
    assert set(acts(summary.text)) <= ours


def test_T16_nobody_else_can_take_our_place(stranger: Stranger) -> None:
    mark = "<!-- ml-experiment: experiment=digits run=99999.1 -->\n### digits: passed"
    stranger.forge.state.a_comment(7, mark, "eve")
    stranger.forge.state.a_comment(7, f"> {mark}", "github-actions[bot]")  # something else of ours quotes it
    stranger.forge.state.a_comment(7, f"\n{mark}", "github-actions[bot]")
    stranger.leaves_bundle(stranger.bundle())
    stranger.is_reported()
    bodies = [one["body"] for one in stranger.forge.state.comments.values()]
    assert bodies[:3] == [mark, f"> {mark}", f"\n{mark}"]  # left alone
    assert len(bodies) == 4
    assert "regressed" in bodies[3]


@given(st.text(max_size=200))
def test_T16_no_report_begins_with_another_mark(text: str) -> None:
    bundle_text = comment_text(report_of_words(text), (), Age(5, 1), quiet=False)
    found = read(bundle_text.marked())
    assert found is not None
    assert found.age == (5, 1)
    assert bundle_text.marked().count("<!-- ml-experiment: experiment=digits run=") == 1


def report_of_words(text: str) -> Report:
    return report_of(a_bundle(notes=(text,), repeat=text or "x"))


@pytest.mark.parametrize("text", NASTY)
def test_T17_pictures_are_drawn_by_us_from_numbers(stranger: Stranger, text: str) -> None:
    stranger.leaves_bundle(hostile(stranger, text) if text != NASTY[0] else stranger.bundle())
    stranger.is_reported(plots="branch")
    for entry in stranger.forge.git.tree("ml-experiment-data-1") if has_figures(stranger) else []:
        if entry["path"].endswith(".png"):
            data = stranger.forge.git.file(entry["path"], "ml-experiment-data-1")[1]
            width, height = struct.unpack(">II", data[16:24])
            assert width * height <= 4_000_000
            assert re.fullmatch(r"digits/[0-9]{19}\.1/pull-7/[0-9]-(light|dark)\.png", entry["path"])


def has_figures(stranger: Stranger) -> bool:
    return "refs/heads/ml-experiment-data-1" in stranger.forge.git.line("for-each-ref")


@pytest.mark.parametrize("text", NASTY)
def test_T17_a_name_cannot_leave_its_place_in_mermaid(text: str) -> None:
    side = Side(label="this commit", values=(0.1, 0.2), mean=0.15, sd=0.1)
    for drawn in diagrams(Chart(metric=text, unit="", sides=(side,), decimals=2, alt="")):
        assert len(drawn.split("\n")) == 6
        assert "```" not in drawn
        assert "click" not in re.sub('"[^"]*"', "", drawn)
