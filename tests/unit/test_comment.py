"""What is done about the comment: one per experiment, the newest text, and never somebody else's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from action.comment import Age, Remove, Rest, Text, Write, next_step, read
from action.forge.values import Comment, User

ME = "github-actions[bot]"


def a_text(run: int, body: str = "", experiment: str = "digits", **more: bool) -> Text:
    return Text(experiment, Age(run, 1), body or f"### of run {run}", **more)


def a_comment(number: int, text: Text | str, by: str = ME) -> Comment:
    body = text if isinstance(text, str) else text.marked()
    return Comment(id=number, body=body, user=User(login=by), html_url=f"https://example.org/{number}")


@given(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", fullmatch=True),
    st.integers(1, 10**18), st.integers(1, 10**8), st.text(), st.booleans(),
)  # fmt: skip
def test_a_text_reads_back_from_its_comment(name: str, run: int, attempt: int, body: str, quiet: bool) -> None:
    text = Text(name, Age(run, attempt), body.replace("\r\n", "\n"), quiet)
    assert read(text.marked()) == text
    assert read(text.marked().replace("\n", "\r\n")) is not None
    assert read(" " + text.marked()) is None
    assert "-->" in text.marked().split("\n")[0]


def test_the_first_time_it_is_written() -> None:
    assert next_step([], [a_text(5)], ME, "digits", aloud=True) == Write(a_text(5), None)


def test_a_newer_run_changes_it_in_place() -> None:
    assert next_step([a_comment(1, a_text(4))], [a_text(5)], ME, "digits", aloud=True) == Write(a_text(5), 1)


def test_an_older_run_never_overwrites_a_newer() -> None:
    rest = next_step([a_comment(1, a_text(9))], [a_text(5)], ME, "digits", aloud=True)
    assert rest == Rest("https://example.org/1", Age(9, 1))


def test_a_later_attempt_is_newer() -> None:
    again = Text("digits", Age(5, 2), "again")
    assert next_step([a_comment(1, a_text(5))], [again], ME, "digits", aloud=True) == Write(again, 1)


def test_what_says_the_same_is_not_written_again() -> None:
    before = a_comment(1, a_text(4, "same"))
    assert isinstance(next_step([before], [a_text(5, "same\n")], ME, "digits", aloud=True), Rest)


@pytest.mark.parametrize(
    "other",
    [
        a_comment(1, a_text(9), by="eve"),
        a_comment(1, a_text(9, experiment="other")),
        a_comment(1, "x" + a_text(9).marked()),
        a_comment(1, f"> {a_text(9).marked()}"),
        Comment(id=1, body=a_text(9).marked(), user=None),
    ],
)
def test_nobody_elses_comment_is_touched_or_believed(other: Comment) -> None:
    assert next_step([other], [a_text(5)], ME, "digits", aloud=True) == Write(a_text(5), None)


def test_of_two_of_ours_the_first_stays() -> None:
    both = [a_comment(2, a_text(5)), a_comment(1, a_text(4))]
    assert next_step(both, [], ME, "digits", aloud=True) == Write(a_text(5), 1)
    assert next_step([both[0], a_comment(1, a_text(5))], [], ME, "digits", aloud=True) == Remove(2)


def test_when_nothing_moved_a_quiet_one_says_nothing_but_corrects_what_it_said_before() -> None:
    quiet = a_text(5, quiet=True)
    assert next_step([], [quiet], ME, "digits", aloud=False) == Rest("", Age(5, 1))
    assert next_step([], [quiet], ME, "digits", aloud=True) == Write(quiet, None)
    assert next_step([a_comment(1, a_text(4))], [quiet], ME, "digits", aloud=False) == Write(quiet, 1)


def test_with_nothing_to_say_nothing_is_said() -> None:
    assert next_step([], [], ME, "digits", aloud=True) == Rest("", None)


@given(st.lists(st.integers(1, 6), max_size=5), st.lists(st.integers(1, 6), min_size=1, max_size=5), st.booleans())
def test_steps_end_in_one_comment_that_holds_the_newest(there: list[int], texts: list[int], aloud: bool) -> None:
    comments = [a_comment(i, a_text(run)) for i, run in enumerate(there, 1)]
    wanted = [a_text(run) for run in texts]
    for _ in range(20):
        step = next_step(comments, wanted, ME, "digits", aloud=aloud)
        if isinstance(step, Rest):
            break
        if isinstance(step, Remove):
            comments = [one for one in comments if one.id != step.comment]
        elif step.comment is None:
            comments.append(a_comment(100 + len(comments), step.text))
        else:
            comments = [a_comment(one.id, step.text) if one.id == step.comment else one for one in comments]
    assert len(comments) == 1
    assert read(comments[0].body) == a_text(max(there + texts))
