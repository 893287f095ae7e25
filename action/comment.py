"""The one comment of an experiment on a pull request: found by mark and author, never older than what it replaces.

Several jobs may report at once, and the forge has no way to write only if nothing changed. Each poster therefore
leaves its text in a place of its own first (its check run, see `action.check`), and goes on until the comment holds
the newest of all texts: whoever writes an older one over a newer finds the newer there and puts it back.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from action.forge.checks import SETTLE_S
from action.forge.forge import Forge
from action.forge.refusals import ForgeFailed, NotThere, UnknownOutcome
from action.forge.values import Comment

_MARK = re.compile(
    r"<!-- ml-experiment: experiment=(?P<experiment>[A-Za-z0-9][A-Za-z0-9_.-]{0,63}) "
    r"run=(?P<run>[1-9][0-9]{0,18})\.(?P<attempt>[1-9][0-9]{0,8})(?P<quiet> quiet)? -->\n"
)
_MOST_ROUNDS = 30


class Age(NamedTuple):
    """Which run a text is from; the larger is the newer."""

    run: int
    attempt: int


@dataclass(frozen=True)
class Text:
    """What one run has to say of one experiment. A quiet text says that nothing moved."""

    experiment: str
    age: Age
    body: str
    quiet: bool = False

    def marked(self) -> str:
        """The text with its mark at byte 0."""
        quiet = " quiet" if self.quiet else ""
        mark = f"<!-- ml-experiment: experiment={self.experiment} run={self.age.run}.{self.age.attempt}{quiet} -->"
        return f"{mark}\n{self.body}"


def read(marked: str) -> Text | None:
    """The text that `marked` holds; None where there is no mark of ours at its first byte."""
    found = _MARK.match(marked.replace("\r\n", "\n"))
    if found is None:
        return None
    age = Age(int(found["run"]), int(found["attempt"]))
    return Text(found["experiment"], age, marked.replace("\r\n", "\n")[found.end() :], found["quiet"] is not None)


@dataclass(frozen=True)
class Write:
    """A comment is to hold `text`; None for `comment`: a new one."""

    text: Text
    comment: int | None


@dataclass(frozen=True)
class Remove:
    """A comment of ours that there is one too many of."""

    comment: int


@dataclass(frozen=True)
class Rest:
    """Nothing is left to do; `url` is the comment's, "" where there is none to be."""

    url: str
    age: Age | None


Step = Write | Remove | Rest


def next_step(comments: Iterable[Comment], texts: Sequence[Text], author: str, experiment: str, *, aloud: bool) -> Step:
    """What to do so that one comment, the first of ours, holds the newest of `texts` and of what is there.

    `aloud`: a quiet text makes a comment too. A comment that is there is always brought up to date, and one that says
    the same already is left alone.
    """
    ours = [(one, text) for one in comments if (text := _ours(one, author, experiment)) is not None]
    ours.sort(key=lambda pair: pair[0].id)
    newest = max([*texts, *(text for _, text in ours)], key=lambda text: text.age, default=None)
    if newest is None or (not ours and newest.quiet and not aloud):
        return Rest("", newest.age if newest else None)
    if not ours:
        return Write(newest, None)
    first, text = ours[0]
    if text.age < newest.age and text.body.strip() != newest.body.strip():
        return Write(newest, first.id)
    if len(ours) > 1:
        return Remove(ours[-1][0].id)
    return Rest(first.html_url, newest.age)


def _ours(comment: Comment, author: str, experiment: str) -> Text | None:
    if comment.user is None or comment.user.login != author:
        return None
    text = read(comment.body)
    return text if text is not None and text.experiment == experiment else None


@dataclass(frozen=True)
class Said:
    """The comment stands at `url`, or nothing was to be said (""). `newer`: another run had more recent news."""

    url: str
    newer: bool


class Unsettled(ForgeFailed):
    """Others kept changing the comment for as long as we tried."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"comment on pull request {number}",
            f"it did not come to rest in {_MOST_ROUNDS} rounds",
            "something else edits or deletes it; the report is in the step's summary",
        )


def say(
    forge: Forge, number: int, mine: Text, author: str, texts: Callable[[], tuple[Text, ...]], *, aloud: bool
) -> Said:
    """Bring the comment on pull request `number` to the newest text. Raises ForgeFailed.

    `texts` looks up what every job has to say about the pull request's present head, ours among it if it is of that
    head. It is asked anew before every step: that is what makes the newest win however jobs interleave.
    """
    for _ in range(_MOST_ROUNDS):
        found = texts()
        step = next_step(forge.pulls.comments(number), found, author, mine.experiment, aloud=aloud)
        if isinstance(step, Rest):
            return Said(step.url, newer=step.age is not None and step.age > mine.age)
        try:
            _take(forge, number, step)
        except UnknownOutcome:
            forge.clock.sleep(SETTLE_S)  # it may show a moment later; the next round looks
        except NotThere:
            continue  # deleted meanwhile
    raise Unsettled(number)


def _take(forge: Forge, number: int, step: Write | Remove) -> None:
    if isinstance(step, Remove):
        forge.pulls.delete_comment(step.comment)
    elif step.comment is None:
        forge.pulls.comment(number, step.text.marked())
    else:
        forge.pulls.change_comment(step.comment, step.text.marked())
