"""Nothing that comes from data becomes a link, a mention, an image or HTML; cmark-gfm is the judge."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_oracle import acts, rendered
from report_cases import HOSTILE

from reporting.markdown import code, fence, is_commit, name, prose, visible

NASTY = st.text(
    st.one_of(
        st.sampled_from(list("`~|\\<>[]()!*_#@&:;-+=.\"'{}$^ \t\n\r\u00a0\u202e\u2028\x00\x1b:/wht0123abf")),
        st.characters(),
    ),
    max_size=60,
)
PIECES = st.lists(
    st.sampled_from(
        [
            "www.a.b",
            "https://a.b",
            "mailto:a@b.c",
            "a@b.c",
            "@everyone",
            "<b>",
            "</td>",
            "[x](y)",
            "![x](y)",
            "`",
            "``",
            "|",
            "\\",
            "\\|",
            "&amp;",
            "<!--",
            "-->",
            "#1",
            "GH-1",
            "1.",
            "-",
            "***",
            "\n",
            " ",
            "x",
            "[^1]",
            "[ ]",
            ":+1:",
            "ftp://x",
            "0123456789abcdef0123456789abcdef01234567",
        ]
    ),
    max_size=12,
).map("".join)
UNTRUSTED = st.one_of(NASTY, PIECES)


@given(UNTRUSTED)
@example(HOSTILE)
@example("a` <b>")
@example("\\")
def test_a_code_span_in_a_sentence_cannot_be_left(text: str) -> None:
    page = rendered(f"Before {code(text)} after")
    assert page.tags == ["p", "code"]
    assert page.text.split() == ["Before", "after"]
    assert not page.comments


@given(UNTRUSTED)
@example(HOSTILE)
@example("a|b")
@example("\\|")
@example("\\")
def test_a_code_span_in_a_table_stays_in_its_cell(text: str) -> None:
    page = rendered(f"| a | b |\n|:--|:--|\n| {code(text)} | x |")
    assert page.tags == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "code", "td"]
    assert page.text.split() == ["a", "b", "x"]


@given(UNTRUSTED)
@example(HOSTILE)
@example("a](b)")
@example("=====")
@example("x www.a.b")
@example("[a b](c)")
@example("\r0.")
@example(" 0. a")
@example("    a")
def test_prose_with_words_from_data_is_only_words_and_code(text: str) -> None:
    for page in (rendered(prose(text)), rendered(f"- **Why?** {prose(text)}"), rendered(f"Gate: {prose(text)}.")):
        assert set(page.tags) <= {"p", "code", "ul", "li", "strong"}
        assert not acts(page.text)
        assert not page.comments


@given(UNTRUSTED)
@example(HOSTILE)
@example("```\n# out")
@example("~~~\n</details>")
def test_a_fence_cannot_be_closed_from_inside(text: str) -> None:
    page = rendered(f"{fence(text)}\n\nafter")
    assert page.tags == ["pre", "code", "p"]
    assert page.text.split() == ["after"]


@given(UNTRUSTED)
@example(HOSTILE)
def test_names_keep_to_their_alphabet_and_are_told_apart(text: str) -> None:
    shown = name(text)
    assert re.fullmatch(r"[A-Za-z0-9_./:@%+=\-]{1,64}", shown)
    assert name(shown) == shown
    if shown != text:
        assert name(text + "x") != shown


@given(st.text(max_size=40))
def test_no_control_bidirectional_or_invisible_character_is_shown(text: str) -> None:
    assert visible("a\u202eb\u200bc\x1b[31md\ufeff") == "abc[31md"
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in visible(text))


def test_our_own_sentences_pass_unchanged() -> None:
    for sentence in (
        "seed 0 run twice on this machine, equal to the bit",
        "0.941 ± 0.006 over 10 baseline runs (95 % interval −0.036 … −0.020); n = 5",
        "not worse than −0.005",
        "test/loss parts at step 1, for good at step 1,416: numerics (BLAS kernel, library, thread count)",
        "moved by 3.0×10⁻⁹, within [−0.1, +0.2]",
    ):
        assert prose(sentence) == sentence


def test_a_word_that_could_act_is_set_as_code_and_the_others_are_not() -> None:
    assert prose("see https://evil.example now") == "see `https://evil.example` now"
    assert prose("test_acc of @you") == "`test_acc` of `@you`"
    assert prose("1. first") == "`1.` first"
    assert prose("") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train.py", "`train.py`"),
        ("a`b", "``a`b``"),
        ("`a`", "`` `a` ``"),
        ("", "` `"),
        ("a|b", "`a¦b`"),
        ("a\nb", "`a b`"),
    ],
)
def test_code_spans(text: str, expected: str) -> None:
    assert code(text) == expected


def test_long_text_in_a_code_span_is_cut() -> None:
    assert code("x" * 400, limit=10) == f"`{'x' * 9}…`"


def test_a_fence_keeps_lines_and_indentation() -> None:
    assert fence("if x:\n\tgo()\r\nend") == "```text\nif x:\n    go()\nend\n```"


def test_only_hexadecimal_is_a_commit() -> None:
    assert is_commit("3f9a2c1")
    assert not is_commit("3f9a2c1 @all")
    assert not is_commit("HEAD")
