"""What a step says to the runner: read by a model of the runner, so that nothing relayed is ever obeyed."""

import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runner_model import Runner

from action.commands import (
    MAX_SUMMARY,
    Annotation,
    Level,
    Log,
    OutputsLost,
    Relay,
    harmless,
    read_outputs,
    write_outputs,
    write_summary,
)

HOSTILE = st.text(
    alphabet=st.one_of(st.sampled_from("::[]#\r\n\t ;=,%setoupadvmkrgi-\x1b\u202e\u2028\x85"), st.characters())
) | st.lists(
    st.sampled_from(
        ["::set-output name=passed::true", "##[set-env]", "##[", "::add-mask::a", "::stop-commands::x", "::x::",
         "::endgroup::", "x ##[error]", "\r", "\n", "  ::error::no", "\u2028::warning::x", "#", "##", "["]
    ),
    max_size=8,
).map("".join)  # fmt: skip


@given(st.lists(HOSTILE, max_size=5))
def test_the_runner_obeys_nothing_that_is_relayed(texts: list[str]) -> None:
    out = io.StringIO()
    log = Log(out)
    for text in texts:
        log.relay(text)
    log.end()
    runner = Runner()
    runner.read(out.getvalue())
    assert runner.obeyed == []
    assert not runner.stopped


@given(HOSTILE)
def test_even_a_runner_that_never_stops_commands_obeys_no_relayed_line(text: str) -> None:
    runner = Runner()
    for line in harmless(text):
        runner.read(line + "\n")
    assert runner.obeyed == []
    assert not runner.stopped


@given(st.lists(HOSTILE, max_size=4), HOSTILE)
def test_groups_and_annotations_are_the_only_commands(texts: list[str], title: str) -> None:
    out = io.StringIO()
    log = Log(out)
    with log.group(title):
        for text in texts:
            log.relay(text)
    log.annotate(Annotation(Level.ERROR, title, title, path=title or "a", line=3))
    runner = Runner()
    runner.read(out.getvalue())
    assert [command for command, _ in runner.obeyed] == ["group", "endgroup", "error"]


def test_words_colours_and_signs_of_a_line_are_kept_where_they_are_harmless() -> None:
    assert harmless("\x1b[31mloss\x1b[0m\t0.25 → 0.2 ✓") == ["loss    0.25 → 0.2 ✓"]
    assert harmless("::error::x") == ["│ ::error::x"]
    assert harmless("a ##[error]x ####[b") == ["a ## [error]x #### [b"]
    assert harmless("a\u202eb\x00c") == ["abc"]
    assert harmless("a\rb\r\nc\u2028d") == ["a", "b", "c", "d"]


def test_a_mark_cannot_be_guessed() -> None:
    marks = set()
    for _ in range(20):
        out = io.StringIO()
        log = Log(out)
        log.relay("x")
        log.end()
        found = re.fullmatch(r"::stop-commands::([0-9a-f]{32})\nx\n::\1::\n", out.getvalue())
        assert found
        marks.add(found[1])
    assert len(marks) == 20


def test_commands_are_off_between_relayed_lines_and_on_only_for_ours() -> None:
    out = io.StringIO()
    log = Log(out)
    log.relay("a")
    log.relay("b")
    with log.group("run"):
        log.relay("c")
    log.end()
    kinds = ["mark" if re.search("[0-9a-f]{32}", line) else line for line in out.getvalue().splitlines()]
    assert kinds == ["mark", "a", "b", "mark", "::group::run", "mark", "c", "mark", "::endgroup::"]


def test_the_eleventh_annotation_is_a_line() -> None:
    out = io.StringIO()
    log = Log(out)
    for number in range(12):
        log.annotate(Annotation(Level.WARNING, f"n {number}", "a, b: 100 %", path="Dockerfile", line=2))
    runner = Runner()
    runner.read(out.getvalue())
    assert len(runner.obeyed) == 10
    assert runner.obeyed[0] == ("warning", "a, b: 100 %")
    assert "warning: n 11: a, b: 100 %" in runner.lines


def test_a_stream_relays_whole_lines() -> None:
    out = io.StringIO()
    stream = Relay(Log(out))
    stream.write("::err")
    stream.write("or::x\nb")
    runner = Runner()
    runner.read(out.getvalue())
    assert (runner.lines, runner.obeyed) == (["│ ::error::x"], [])


@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z-]{0,20}", fullmatch=True),
        st.text(alphabet=st.characters(categories=["L", "N", "P", "S"])), max_size=8,
    )
)  # fmt: skip
def test_outputs_read_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("o") / "output"
    path.write_text("before=1")
    write_outputs(path, values)
    assert read_outputs(path.read_text(encoding="utf-8")) == {"before": "1", **values}


def test_an_output_of_two_lines_is_never_written(tmp_path: Path) -> None:
    path = tmp_path / "output"
    with pytest.raises(OutputsLost, match="output passed: "):
        write_outputs(path, {"verdict": "regressed", "passed": "false\npassed=true"})
    assert not path.exists()


def test_outputs_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(OutputsLost, match="GITHUB_OUTPUT"):
        write_outputs(tmp_path, {"passed": "true"})


@pytest.mark.parametrize("size", [10, MAX_SUMMARY - 1, MAX_SUMMARY, 3 * MAX_SUMMARY])
def test_a_summary_never_grows_beyond_what_github_shows(tmp_path: Path, size: int) -> None:
    path = tmp_path / "summary"
    path.write_text("of another step\n")
    write_summary(path, ("é" * 99 + "\n") * (size // 199) + "x" * (size % 199))
    assert path.stat().st_size <= MAX_SUMMARY
    path.read_text(encoding="utf-8")
