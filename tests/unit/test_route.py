"""Which activity an event asks for: the whole truth table, and what is refused whatever the inputs say."""

import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from occasions import a_merge_group, a_pull_request, a_push, a_workflow_run

from action.event import Event, EventName, parse
from action.inputs import Mode
from action.route import Activity, RefusedEvent, WrongMode, route

EVENTS: dict[str, dict[str, Any]] = {
    "pull_request": a_pull_request(),
    "merge_group": a_merge_group(),
    "workflow_run": a_workflow_run(),
}
MAIN, TOPIC = "refs/heads/main", "refs/heads/topic"
R, B, S, P = Activity.REPRODUCE, Activity.BASELINE, Activity.SWEEP, Activity.REPORT
NO, WRONG = RefusedEvent, WrongMode

TABLE: dict[tuple[str, str], tuple[Any, ...]] = {
    #                                auto   reproduce report sweep  baseline
    ("pull_request", "merge"):      (R,     R,        WRONG, WRONG, WRONG),
    ("merge_group", "queue"):       (R,     R,        WRONG, WRONG, WRONG),
    ("push", MAIN):                 (B,     R,        WRONG, S,     B),
    ("push", TOPIC):                (R,     R,        WRONG, S,     WRONG),
    ("workflow_dispatch", MAIN):    (R,     R,        WRONG, S,     B),
    ("workflow_dispatch", TOPIC):   (R,     R,        WRONG, S,     WRONG),
    ("schedule", MAIN):             (R,     R,        WRONG, S,     B),
    ("workflow_run", MAIN):         (P,     NO,       P,     NO,    NO),
    ("pull_request_target", MAIN):  (NO,    NO,       NO,    NO,    NO),
    ("issue_comment", MAIN):        (NO,    NO,       NO,    NO,    NO),
    ("release", MAIN):              (NO,    NO,       NO,    NO,    NO),
    ("", MAIN):                     (NO,    NO,       NO,    NO,    NO),
}  # fmt: skip


def an_event(name: str) -> Event:
    return parse(json.dumps(EVENTS.get(name, a_push())).encode(), name)


@pytest.mark.parametrize(
    ("name", "ref", "mode", "expected"),
    [(name, ref, mode, row[i]) for (name, ref), row in TABLE.items() for i, mode in enumerate(Mode)],
)
def test_the_truth_table(name: str, ref: str, mode: Mode, expected: Any) -> None:
    if isinstance(expected, Activity):
        assert route(an_event(name), mode, ref) is expected
    else:
        with pytest.raises(expected) as error:
            route(an_event(name), mode, ref)
        assert error.value.exit_code == 2
        assert str(error.value).endswith("nothing was run")


def test_every_known_event_stands_in_the_table() -> None:
    assert {name for name, _ in TABLE} >= set(EventName)


def test_a_dispatch_with_an_input_of_a_sweep_is_a_sweep() -> None:
    assert route(an_event("workflow_dispatch"), Mode.AUTO, MAIN, sweep_asked=True) is S
    assert route(an_event("pull_request"), Mode.AUTO, MAIN, sweep_asked=True) is R


def test_without_knowing_the_default_branch_no_baseline_is_written() -> None:
    event = an_event("push").model_copy(
        update={"repository": an_event("push").repository.model_copy(update={"default_branch": ""})}
    )
    assert route(event, Mode.AUTO, "refs/heads/") is R


@given(st.text(max_size=70), st.sampled_from(Mode), st.text(max_size=40), st.booleans())
def test_an_event_nobody_knows_is_always_refused(name: str, mode: Mode, ref: str, sweep: bool) -> None:
    event = an_event("push").model_copy(update={"name": name})
    if name not in {known for known, _ in TABLE}:
        with pytest.raises(RefusedEvent):
            route(event, mode, ref, sweep_asked=sweep)


@pytest.mark.parametrize(("mode", "sweep"), list(product(Mode, (False, True))))
def test_no_input_lets_a_strangers_code_meet_the_repositorys_rights(mode: Mode, sweep: bool) -> None:
    for name in ("pull_request_target", "issue_comment"):
        with pytest.raises(RefusedEvent, match=f"event {name}: refused: "):
            route(an_event(name), mode, MAIN, sweep_asked=sweep)
