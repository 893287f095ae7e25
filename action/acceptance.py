"""Whether a maintainer lets the level of this very commit through: who set the label and when, asked of the forge."""

from datetime import UTC, datetime

from action.event import Event
from action.forge.forge import Forge
from action.forge.refusals import ForgeFailed, MayNot
from action.trust import ACCEPT_LABEL, Acceptance, LabelSet, NotAccepted, accepted

_EVER = datetime.min.replace(tzinfo=UTC)


def acceptance(forge: Forge, number: int, sha: str, event: Event) -> Acceptance | NotAccepted:
    """What the label `accept-baseline` on a pull request says of commit `sha`; fails closed."""
    try:
        pull = forge.pulls.pull(number)
        if pull.head.sha != sha or ACCEPT_LABEL not in {label.name for label in pull.labels}:
            return NotAccepted("")
        sets = [
            LabelSet(one.label.name, one.actor.login, one.created_at)
            for one in forge.pulls.events(number)
            if one.event == "labeled" and one.label is not None and one.actor is not None
        ]
        ours = [one for one in sets if one.label == ACCEPT_LABEL]
        permission = {one.by: forge.pulls.permission(one.by) for one in ours[-1:]}
        return accepted(ours[-1:], True, permission, _seen(forge, sha, event))
    except ForgeFailed as error:
        return NotAccepted(f"label {ACCEPT_LABEL} could not be checked: {error.reason}")


def _seen(forge: Forge, sha: str, event: Event) -> datetime | None:
    """When the forge first ran anything for the commit. If this run was started by the label, the label is later."""
    set_now = event.action == "labeled" and event.label is not None and event.label.name == ACCEPT_LABEL
    if set_now and event.pull_request is not None and event.pull_request.head.sha == sha:
        return _EVER
    try:
        return forge.runs.first_at(sha)
    except MayNot:
        return None
