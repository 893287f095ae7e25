"""A report where people meet it on GitHub: check run and comment. Best effort: nothing here changes a verdict."""

from dataclasses import dataclass

from action import check
from action.check import Finding
from action.comment import Age, Text, say
from action.forge.forge import Forge
from action.forge.refusals import ForgeFailed, MayNot
from action.forge.values import CheckRun
from action.inputs import Comment


@dataclass(frozen=True)
class Place:
    """What a report is about: a commit, perhaps the head of a pull request, and the run that made it."""

    experiment: str
    sha: str
    pull: int | None
    age: Age
    url: str  # page of the run


@dataclass(frozen=True)
class Begun:
    """A check run in progress; None where there is none, and `notes` say why."""

    check: CheckRun | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Posted:
    """Where the report stands now, and what could not be done. An address is "" where there is none."""

    comment_url: str = ""
    check_url: str = ""
    notes: tuple[str, ...] = ()


NOWHERE = Begun(None)
"""Without a token nothing is posted."""


def begin(forge: Forge, place: Place) -> Begun:
    """The check run, in progress: from here on an earlier result of this commit no longer counts."""
    try:
        return Begun(check.begin(forge, place.sha, place.experiment, place.age, place.url))
    except ForgeFailed as error:
        return Begun(None, (f"no check run: {error.reason}",))


def complete(forge: Forge, begun: Begun, finding: Finding) -> Posted:
    """The check run, completed; how it ended where it cannot be said is in the step's own result."""
    if begun.check is None:
        return Posted(notes=begun.notes)
    try:
        done = check.complete(forge, begun.check, finding)
    except ForgeFailed as error:
        return Posted(notes=(*begun.notes, f"the check run could not be completed: {error.reason}"))
    return Posted(check_url=done.html_url or "", notes=begun.notes)


def comment(forge: Forge, place: Place, begun: Begun, text: Text, policy: Comment) -> Posted:
    """The comment on the pull request, holding the newest of all reports on its present head."""
    if place.pull is None or policy is Comment.NEVER:
        return Posted()
    try:
        author = _author(forge, begun)
        said = say(forge, place.pull, text, author, lambda: _texts(forge, place, text), aloud=policy is Comment.ALWAYS)
    except ForgeFailed as error:
        return Posted(notes=(f"no comment: {error.reason}",))
    notes = ("a newer run of this pull request has reported already",) if said.newer else ()
    return Posted(comment_url=said.url, notes=notes)


def _texts(forge: Forge, place: Place, mine: Text) -> tuple[Text, ...]:
    """What every job has to say of the present head of the pull request; ours only if it is of that head."""
    assert place.pull is not None
    head = forge.pulls.pull(place.pull).head.sha
    try:
        others = check.texts_at(forge, head, place.experiment)
    except MayNot:
        others = ()  # without the right to read checks; jobs that report at the same moment may then cross
    return (*others, mine) if head == place.sha else others


def _author(forge: Forge, begun: Begun) -> str:
    """The login our comments have: the token's user, or the bot of the application it belongs to."""
    slug = begun.check.app.slug if begun.check is not None and begun.check.app is not None else ""
    return forge.pulls.me() or f"{slug or 'github-actions'}[bot]"
