"""Reading Dockerfiles: instructions with their lines; whatever builders may read in two ways is refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.errors import Refused
from runner.environment import dockerfile
from runner.environment.dockerfile import Dockerfile
from runner.environment.dockerfile_features import Builder, features
from runner.environment.dockerfile_refusals import (
    DockerfileDoubtful,
    DockerfileUnreadable,
    StageMissing,
    UnknownInstruction,
)


def read(text: str) -> Dockerfile:
    return dockerfile.read(text, Path("Dockerfile"))


def names(text: str) -> list[tuple[int, str]]:
    return [(instruction.line, instruction.name) for instruction in read(text).instructions]


def refused(text: str) -> str:
    with pytest.raises(Refused) as caught:
        read(text)
    return str(caught.value)


def test_instructions_comments_and_continuations() -> None:
    file = read("# a comment\n\nfrom  a \n  # another\nRun x && \\\n  # in between\n\n   y \\ \n&& z\nCMD q\n")
    assert [(i.line, i.last, i.name, i.arguments) for i in file.instructions] == [
        (3, 3, "FROM", "a"),
        (5, 9, "RUN", "x &&    y && z"),
        (10, 10, "CMD", "q"),
    ]


def test_flags_come_apart_from_arguments() -> None:
    (_, run) = read("FROM a\nRUN --mount=type=cache,target=/c --network=none pip install --no-deps x").instructions
    assert run.flags == ("--mount=type=cache,target=/c", "--network=none")
    assert run.arguments == "pip install --no-deps x"


def test_the_end_of_a_line_may_be_that_of_windows() -> None:
    assert names("FROM a\r\nRUN x \\\r\n y\r\nUSER b\r\n") == [(1, "FROM"), (2, "RUN"), (4, "USER")]


def test_what_stands_behind_onbuild_is_read_as_if_it_stood_alone() -> None:
    (_, copy) = read("FROM a\nONBUILD COPY --from=b /x /y").instructions
    assert (copy.name, copy.flags) == ("COPY", ("--from=b",))


def test_stages_are_counted() -> None:
    text = "ARG A\nFROM a\nRUN b\nFROM c\nRUN d"
    assert [instruction.stage for instruction in read(text).instructions] == [-1, 0, 0, 1, 1]


def test_the_text_of_a_heredoc_is_data() -> None:
    text = "FROM a\nRUN <<EOF\nFROM evil\nFORM\n EOF\nEOF\nCOPY <<one <<-'two' /x/\nFROM x\none\n\ttwo\nUSER b\n"
    file = read(text)
    assert names(text) == [(1, "FROM"), (2, "RUN"), (7, "COPY"), (11, "USER")]
    assert [heredoc.name for instruction in file.instructions for heredoc in instruction.heredocs] == [
        "EOF",
        "one",
        "two",
    ]
    assert [feature.needs for feature in features(file)] == [Builder.HEREDOCS, Builder.HEREDOCS]


@pytest.mark.parametrize(
    "line",
    [
        "RUN cat<<EOF",
        "RUN echo $((1<<2))",
        "RUN cat <<< text",
        "RUN cat << EOF",
        "RUN echo '<<EOF'",
        'RUN echo "a <<EOF"',
        'RUN ["cat", "<<EOF"]',
        "CMD cat <<EOF",
        "ENTRYPOINT x <<EOF",
    ],
)
def test_not_everything_with_two_angles_is_a_heredoc(line: str) -> None:
    assert names(f"FROM a\n{line}\nUSER b") == [(1, "FROM"), (2, line.split(maxsplit=1)[0]), (3, "USER")]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("RUN echo it's <<EOF", "RUN: a quote that is not closed"),
        ("RUN cat <<$END", "RUN: <<$END: expected a plain name, such as <<EOF"),
        ("RUN x=$(cat <<EOF)", "RUN: <<EOF): expected a plain name, such as <<EOF"),
        ("RUN echo ${A##b} <<EOF", "RUN: << in one line with an expression in ${…}"),
        ('RUN ["cat"] <<EOF', "RUN: << behind a [ that is not a list of texts"),
        ("RUN --mount='type=bind' x", "RUN: quotes or backslashes in a flag"),
        ("RUN cat <<EOF", "<<EOF has no end"),
        ("RUN a \\\\", "\\\\ at the end of a line"),
        ("RUN a\u00a0b", "the character U+00A0"),
        ("RUN a\u202eb", "the character U+202E"),
        ("RUN a\rb", "the character U+000D"),
    ],
)
def test_what_is_not_certain_is_refused(line: str, why: str) -> None:
    with pytest.raises(DockerfileDoubtful) as caught:
        read(f"FROM a\n{line}\nFROM evil\n")
    assert str(caught.value).split("\n")[0] == f"Dockerfile:2: {why}"


def test_directives_stand_at_the_top_and_nowhere_else() -> None:
    assert [(d.key, d.value) for d in read("# Syntax = a/b:1 \n# check=skip=all\nFROM a").directives] == [
        ("syntax", "a/b:1"),
        ("check", "skip=all"),
    ]
    assert read("\n# syntax=a\nFROM a").directives == ()
    assert read("# hello\n# syntax=a\nFROM a").directives == ()


def test_another_character_can_continue_lines() -> None:
    assert names("# escape=`\nFROM a\nRUN dir C:\\\nUSER x `\n  y\n") == [(2, "FROM"), (3, "RUN"), (4, "USER")]


@pytest.mark.parametrize(
    "top",
    ["# syntax=a\n# escape=`", " # escape=`", "# escape=x", "# syntax=a\n# syntax=b", "#!/usr/bin/env x\n# syntax=a"],
)
def test_directives_that_builders_obey_differently_are_refused(top: str) -> None:
    with pytest.raises(DockerfileDoubtful):
        read(f"{top}\nFROM a")


def test_an_unknown_instruction_with_the_nearest_known_one() -> None:
    assert refused("FROM a\nCOPPY a b\n") == (
        "Dockerfile:2: unknown instruction 'COPPY'\n  2 │ COPPY a b\n  did you mean COPY?\nnothing was run"
    )
    for text in ("FROM a\nONBUILD ONBUILD RUN x", "FROM a\nONBUILD FROM b", "FROM a\nSOURCE x", "FROM a\nONBUILD"):
        with pytest.raises(UnknownInstruction):
            read(text)


@pytest.mark.parametrize("text", ["", "# nothing\n", "ARG A\n", "RUN x\nFROM a\n"])
def test_a_file_without_a_stage_is_refused(text: str) -> None:
    with pytest.raises(StageMissing):
        read(text)


def test_what_cannot_be_opened_has_its_reason(tmp_path: Path) -> None:
    def reason(path: Path) -> str:
        with pytest.raises(DockerfileUnreadable) as caught:
            dockerfile.load(path)
        return str(caught.value).split("\n")[0].removeprefix(f"{path}: ")

    (tmp_path / "binary").write_bytes(b"FROM \xff")
    assert reason(tmp_path / "absent") == "no such Dockerfile"
    assert reason(tmp_path / "binary") == "not UTF-8 text: invalid start byte"
    assert reason(tmp_path) == "cannot be read: Is a directory"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("RUN --mount=type=cache,target=/c x", "RUN --mount"),
        ("COPY --link a b", "COPY --link"),
        ("COPY --chmod=644 a b", "COPY --chmod"),
        ("ADD --checksum=sha256:0 a b", "ADD --checksum"),
    ],
)
def test_what_the_classic_builder_does_not_know(line: str, what: str) -> None:
    assert [feature.what for feature in features(read(f"FROM a\n{line}\n"))] == [what]


def test_an_old_dockerfile_needs_no_buildkit() -> None:
    text = "FROM --platform=linux/amd64 a AS b\nCOPY --from=b --chown=1 x y\nHEALTHCHECK --interval=1s CMD x\nRUN --x"
    assert [feature.what for feature in features(read(text))] == ["RUN --x"]


def test_a_frontend_of_its_own_needs_buildkit() -> None:
    assert [feature.what for feature in features(read("# syntax=a\nFROM b"))] == ["# syntax"]


@given(st.text(alphabet="FROMRUNaA \t\n\r\\#`'\"<>-=$[]{}:@/", max_size=60))
def test_any_text_is_read_or_refused(tail: str) -> None:
    try:
        file = read(f"FROM a\n{tail}")
    except Refused:
        return
    features(file)


INSTRUCTION = st.sampled_from(["RUN", "LABEL", "USER", "WORKDIR", "CMD", "COPY"])
WORDS = st.lists(st.text(alphabet="abc123./=-", min_size=1, max_size=8), min_size=2, max_size=5)


@given(st.data())
def test_instructions_survive_any_layout(data: st.DataObject) -> None:
    lines = ["FROM a"]
    expected = [(1, "FROM", "a")]
    for name, drawn in data.draw(st.lists(st.tuples(INSTRUCTION, WORDS), max_size=5)):
        lines += data.draw(st.lists(st.sampled_from(["", "# RUN a \\", "  ", "\t# b"]), max_size=2))
        words = [word.lstrip("-") or "x" for word in drawn]
        expected.append((len(lines) + 1, name, " ".join(words)))
        lines.append(data.draw(st.sampled_from(["", " ", "\t"])) + name + " " + words[0])
        for word in words[1:]:
            if data.draw(st.booleans()):
                lines[-1] += f" {word}"
            else:
                lines[-1] += " \\" + data.draw(st.sampled_from(["", " ", "\t", "\r"]))
                lines += data.draw(st.lists(st.sampled_from(["", "# FROM x", "   # y \\"]), max_size=2))
                lines.append(word)
        if name in ("RUN", "COPY") and data.draw(st.booleans()):
            lines[-1] += " <<END"
            expected[-1] = (*expected[-1][:2], f"{expected[-1][2]} <<END")
            lines += data.draw(st.lists(st.sampled_from(["FROM evil", " END", "\\", "'", "END "]), max_size=4))
            lines.append("END")
    found = [(i.line, i.name, i.arguments) for i in read("\n".join(lines)).instructions]
    assert found == expected
