"""Who may have what done where: pure rules about forks, commits that move, and labels that accept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from action.event import Event, PullRequest
from experiment.errors import Refused

ACCEPT_LABEL = "accept-baseline"
_MAY_WRITE = ("admin", "maintain", "write")


class Standing(StrEnum):
    """Whose code it is."""

    OURS = "ours"
    STRANGERS = "a stranger's"


class OtherCommit(Refused):
    """What was checked out is not what the event is about."""


class NoSandbox(Refused):
    """A stranger's code would run beside an engine's socket on a machine that others use."""


@dataclass(frozen=True)
class LabelSet:
    """Somebody set a label. `by` is a login, `at` what GitHub's clock said."""

    label: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Acceptance:
    """A maintainer lets this commit's level through."""

    by: str
    at: datetime


@dataclass(frozen=True)
class NotAccepted:
    """Why the label does not count; "" where there is none."""

    reason: str


def standing(event: Event, repository: str) -> Standing:
    """Whose code an event brings: a pull request's is ours only if its head lies in this very repository.

    A head repository that is missing is a stranger's. Case counts for nothing in GitHub's names.
    """
    request = event.pull_request
    if request is None:
        return Standing.OURS
    head = request.head.repo.full_name if request.head.repo is not None else None
    return Standing.OURS if head is not None and head.lower() == repository.lower() else Standing.STRANGERS


def check_commit(found: str | None, parents: Sequence[str], wanted: str, request: PullRequest | None) -> None:
    """The checkout must be the commit the event is about: the pull request's head, or GitHub's merge of it.

    `found` is the commit checked out, `parents` those it has, `wanted` GITHUB_SHA. Raises OtherCommit.
    """
    heads = {wanted} if request is None else {wanted, request.head.sha}
    is_merge = request is not None and len(parents) == 2 and parents[1] == request.head.sha
    if found in heads or is_merge:
        return
    expected = request.head.sha if request is not None else wanted
    what = f"commit {found[:12]} is checked out" if found is not None else "no git commit is checked out"
    raise OtherCommit(
        f"{what}: the event is about another\n  expected: {expected}\n"
        "  check out that very commit in an earlier step, as workflows/reproduce.yml does with actions/checkout\n"
        "nothing was run"
    )


def check_sandbox(whose: Standing, kind: str, *, hosted: bool) -> None:
    """A stranger's training is a process of this very container unless it has an image of its own.

    That is borne only by a machine of GitHub's that is thrown away after the job. Raises NoSandbox.
    """
    if whose is Standing.STRANGERS and kind == "lock" and not hosted:
        raise NoSandbox(
            "environment.lock: a stranger's code would run unconfined on a self-hosted runner\n"
            "  expected: a container of its own\n"
            "  declare environment.image or environment.dockerfile in ml-experiment.yaml, or run pull requests from "
            "forks on a GitHub-hosted runner\nnothing was run"
        )


def accepted(
    labels: Sequence[LabelSet], still_set: bool, permission: dict[str, str], seen: datetime | None
) -> Acceptance | NotAccepted:
    """Whether `accept-baseline` lets this commit through.

    `labels`: every time it was set; `still_set`: whether the pull request has it now; `permission`: what the forge
    says of each who set it; `seen`: when GitHub first ran anything for this commit (None: not known). Set before the
    commit was pushed, it was meant for another.
    """
    ours = [found for found in labels if found.label == ACCEPT_LABEL]
    if not still_set or not ours:
        return NotAccepted("")
    last = max(ours, key=lambda found: found.at)
    if permission.get(last.by, "none") not in _MAY_WRITE:
        return NotAccepted(f"label {ACCEPT_LABEL} was set by {last.by}, who may not write to this repository")
    if seen is None or last.at < seen:
        return NotAccepted(
            f"label {ACCEPT_LABEL} was set before this commit was pushed: to accept this one, take it off and set it"
        )
    return Acceptance(last.by, last.at)
