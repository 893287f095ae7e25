"""What GitHub says happened: the event's JSON as one frozen value, with only what is decided by."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from experiment.errors import Refused
from experiment.untrusted import Untrusted, parse_json

SHA = r"^[0-9a-f]{40}$"
REPOSITORY = r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$"
MAX_EVENT_BYTES = 32 * 1024 * 1024

Sha = Annotated[str, StringConstraints(pattern=SHA)]
Number = Annotated[int, Field(gt=0)]


class EventName(StrEnum):
    """The events a workflow can start on that are known here; any other is refused by name."""

    PULL_REQUEST = "pull_request"
    PULL_REQUEST_TARGET = "pull_request_target"
    MERGE_GROUP = "merge_group"
    WORKFLOW_RUN = "workflow_run"
    PUSH = "push"
    WORKFLOW_DISPATCH = "workflow_dispatch"
    SCHEDULE = "schedule"
    ISSUE_COMMENT = "issue_comment"


class _Part(BaseModel):
    """A part of GitHub's JSON: keys that are not named here are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Repository(_Part):
    """A repository, `owner/name`."""

    full_name: str
    default_branch: str = ""
    private: bool = False


class Side(_Part):
    """One side of a pull request. A missing repository (deleted, or hidden from us) is a stranger's."""

    sha: Sha
    ref: str
    repo: Repository | None = None


class Label(_Part):
    """A label of a pull request."""

    name: str


class PullRequest(_Part):
    """A pull request as the event describes it. `base.sha` may be stale: see `action.base`."""

    number: Number
    head: Side
    base: Side
    labels: tuple[Label, ...] = ()


class MergeGroup(_Part):
    """Pull requests that wait together in a merge queue."""

    head_sha: Sha
    base_sha: Sha
    base_ref: str


class HeadRepository(_Part):
    """Where the commit of another run came from."""

    full_name: str


class WorkflowRun(_Part):
    """The run of another workflow that ended. Everything but its number is checked again by API."""

    id: Number
    run_attempt: Number = 1
    event: str
    path: str
    head_sha: Sha
    head_branch: str | None = None
    head_repository: HeadRepository | None = None


class Event(_Part):
    """One event. What an event has not is None."""

    name: str
    repository: Repository
    pull_request: PullRequest | None = None
    merge_group: MergeGroup | None = None
    workflow_run: WorkflowRun | None = None
    action: str | None = None
    label: Label | None = None
    """The label that was set, when that is what happened."""


_OF_THEIR_OWN = (EventName.PULL_REQUEST, EventName.MERGE_GROUP, EventName.WORKFLOW_RUN)
"""Events whose JSON describes what they are about under their own name."""


class UnreadableEvent(Refused):
    """The event's file is missing or does not hold what GitHub documents for the event."""


def read(path: Path, name: str) -> Event:
    """The event in GITHUB_EVENT_PATH. Raises UnreadableEvent."""
    try:
        return parse(path.read_bytes(), name)
    except OSError as error:
        raise UnreadableEvent(_text(name, f"{path}: {error.strerror}")) from None


def parse(data: bytes, name: str) -> Event:
    """The event `name` from its JSON. Raises UnreadableEvent."""
    try:
        tree: Any = parse_json(data, max_bytes=MAX_EVENT_BYTES)
    except Untrusted as error:
        raise UnreadableEvent(_text(name, str(error))) from None
    wanted = name if name in _OF_THEIR_OWN else None
    if not isinstance(tree, dict) or (wanted is not None and not tree.get(wanted)):
        raise UnreadableEvent(_text(name, f"it has no {wanted!r}" if wanted else "it is not an object"))
    known = {key: tree[key] for key in Event.model_fields if key in tree and key != "name"}
    try:
        return Event.model_validate_json(json.dumps({**known, "name": name}))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UnreadableEvent(_text(name, f"{where}: {first['msg'][:200]}")) from None


def _text(name: str, what: str) -> str:
    return (
        f"event {name}: cannot be read: {what}\n"
        "  expected: the JSON that GitHub writes to GITHUB_EVENT_PATH\n"
        "  run this as a step of a workflow; elsewhere use the command ml-experiment\nnothing was run"
    )
