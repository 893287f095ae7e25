"""Which activity an event asks for, or why it asks for none: one pure function with a truth table in its tests."""

from enum import StrEnum

from action.event import Event, EventName
from action.inputs import Mode
from experiment.errors import Refused


class Activity(StrEnum):
    """What a step does."""

    REPRODUCE = "reproduce"
    REPORT = "report"
    SWEEP = "sweep"
    BASELINE = "baseline"


class RefusedEvent(Refused):
    """The event would let a stranger's code meet the repository's rights, or is not known. No input overrides it."""


class WrongMode(Refused):
    """The mode asks for something the event cannot give."""


_NEVER = {
    EventName.PULL_REQUEST_TARGET: "it runs with the repository's token and secrets, and would run a stranger's code",
    EventName.ISSUE_COMMENT: "anybody may comment, and the code could be another by the time it runs",
}
_RUNS_CODE = (
    EventName.PULL_REQUEST,
    EventName.MERGE_GROUP,
    EventName.PUSH,
    EventName.WORKFLOW_DISPATCH,
    EventName.SCHEDULE,
)


def route(event: Event, mode: Mode, ref: str, *, sweep_asked: bool = False) -> Activity:
    """The activity of `event`; `ref` is the one that was pushed or dispatched, `refs/heads/main`.

    `sweep_asked`: an input that only a sweep has is given. Raises RefusedEvent, WrongMode.
    """
    name = event.name
    if name in _NEVER:
        raise RefusedEvent(_refused(name, _NEVER[EventName(name)]))
    if name == EventName.WORKFLOW_RUN:
        if mode not in (Mode.AUTO, Mode.REPORT):
            why = f"mode {mode} runs code, and this event has the repository's rights over a stranger's run"
            raise RefusedEvent(_refused(name, why))
        return Activity.REPORT
    if name not in _RUNS_CODE:
        raise RefusedEvent(_refused(name, "nothing is known to be right for it"))
    if mode is Mode.REPORT:
        raise WrongMode(_wrong(mode, name, "mode report reads what another workflow left: start it on workflow_run"))
    default = on_default_branch(event, ref)
    if mode is Mode.SWEEP and name in (EventName.PULL_REQUEST, EventName.MERGE_GROUP):
        why = "a study costs what the change says it costs: start it by hand, on a schedule or on a push"
        raise WrongMode(_wrong(mode, name, why))
    if mode is Mode.BASELINE and (name in (EventName.PULL_REQUEST, EventName.MERGE_GROUP) or not default):
        raise WrongMode(_wrong(mode, name, "a baseline is only ever written from the default branch"))
    if mode is not Mode.AUTO:
        return Activity(mode.value)
    if name == EventName.PUSH and default:
        return Activity.BASELINE
    if name == EventName.WORKFLOW_DISPATCH and sweep_asked:
        return Activity.SWEEP
    return Activity.REPRODUCE


def on_default_branch(event: Event, ref: str) -> bool:
    """Whether `ref` is the repository's default branch."""
    return bool(event.repository.default_branch) and ref == f"refs/heads/{event.repository.default_branch}"


def _refused(name: str, why: str) -> str:
    shown = name if name.isprintable() else repr(name)
    return (
        f"event {shown[:64]}: refused: {why}\n"
        "  expected: pull_request, merge_group, push, workflow_dispatch, schedule; workflow_run to report\n"
        "  start the workflow on pull_request, and report for forks from a second one on workflow_run:\n"
        "  workflows/reproduce.yml and workflows/report.yml are ready to copy\nnothing was run"
    )


def _wrong(mode: Mode, name: str, why: str) -> str:
    return (
        f"mode {mode} on event {name}: {why}\n  leave 'mode' out: what fits the event is chosen then\nnothing was run"
    )
