"""What the forge holds, as far as we look at it: frozen, checked as it is read."""

from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from action.forge.refusals import NotUnderstood


class Held(BaseModel):
    """Base of what is read from the forge; keys we do not look at are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class User(Held):
    """Who wrote or did something."""

    login: str


class Comment(Held):
    """A comment of a pull request."""

    id: int
    body: str = ""
    user: User | None = None
    html_url: str = ""


class App(Held):
    """The application a token belongs to."""

    slug: str = ""


class CheckOutput(Held):
    """What a check run says."""

    title: str | None = None
    summary: str | None = None
    text: str | None = None


class CheckRun(Held):
    """A check run of a commit."""

    id: int
    name: str
    head_sha: str
    status: str
    conclusion: str | None = None
    external_id: str | None = None
    html_url: str | None = None
    output: CheckOutput = CheckOutput()
    app: App | None = None


class Repo(Held):
    """A repository."""

    full_name: str


class Side(Held):
    """One side of a pull request."""

    sha: str
    ref: str
    repo: Repo | None = None


class Label(Held):
    """A label."""

    name: str


class Pull(Held):
    """A pull request as it is now."""

    number: int
    state: str
    head: Side
    base: Side
    labels: tuple[Label, ...] = ()
    html_url: str = ""


class IssueEvent(Held):
    """Something that happened to a pull request."""

    event: str
    created_at: datetime
    actor: User | None = None
    label: Label | None = None


class Run(Held):
    """A run of a workflow."""

    id: int
    run_attempt: int = 1
    event: str
    path: str
    head_sha: str
    head_branch: str | None = None
    head_repository: Repo | None = None
    created_at: datetime
    status: str | None = None


class Artifact(Held):
    """A file a run left."""

    id: int
    name: str
    size_in_bytes: int
    expired: bool


class TreeEntry(Held):
    """A file of a tree."""

    path: str
    mode: str
    type: str
    sha: str
    size: int = 0


Kind = TypeVar("Kind", bound=Held)


def held(kind: type[Kind], tree: Any, asked: str) -> Kind:
    """The value in an answer. Raises NotUnderstood."""
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        raise NotUnderstood(asked, f"{'.'.join(map(str, first['loc']))}: {first['msg'][:120]}") from None
