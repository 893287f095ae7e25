"""Who may have what done: forks, commits that move, labels that accept."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from occasions import BASE, HEAD, MERGE, REPOSITORY, a_pull_request, a_push

from action.event import Event, parse
from action.trust import (
    ACCEPT_LABEL,
    Acceptance,
    LabelSet,
    NoSandbox,
    NotAccepted,
    OtherCommit,
    Standing,
    accepted,
    check_commit,
    check_sandbox,
    standing,
)

PUSHED = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER, EARLIER = PUSHED + timedelta(minutes=5), PUSHED - timedelta(minutes=5)


def a_request(**kwargs: Any) -> Event:
    return parse(json.dumps(a_pull_request(**kwargs)).encode(), "pull_request")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (REPOSITORY, Standing.OURS),
        (REPOSITORY.upper(), Standing.OURS),
        ("stranger/train", Standing.STRANGERS),
        ("acme/train-fork", Standing.STRANGERS),
        (None, Standing.STRANGERS),
    ],
)
def test_a_pull_request_is_ours_only_if_its_head_lies_here(source: str | None, expected: Standing) -> None:
    assert standing(a_request(source=source), REPOSITORY) is expected


def test_what_is_pushed_here_is_ours() -> None:
    assert standing(parse(json.dumps(a_push()).encode(), "push"), REPOSITORY) is Standing.OURS


@pytest.mark.parametrize(("found", "parents"), [(HEAD, [BASE]), (MERGE, [BASE, HEAD]), ("d" * 40, [BASE, HEAD])])
def test_the_head_and_its_merge_are_what_the_event_is_about(found: str, parents: list[str]) -> None:
    check_commit(found, parents, MERGE, a_request().pull_request)


@pytest.mark.parametrize(
    ("found", "parents"),
    [(None, []), ("d" * 40, [HEAD]), ("d" * 40, [HEAD, BASE]), ("d" * 40, [BASE, "e" * 40]), (BASE, [])],
)
def test_any_other_commit_is_refused_before_anything_runs(found: str | None, parents: list[str]) -> None:
    with pytest.raises(OtherCommit, match=f"expected: {HEAD}") as error:
        check_commit(found, parents, MERGE, a_request().pull_request)
    assert error.value.exit_code == 2


def test_a_push_is_about_one_commit() -> None:
    check_commit(HEAD, [], HEAD, None)
    with pytest.raises(OtherCommit):
        check_commit(BASE, [], HEAD, None)


def test_a_maintainers_label_on_this_commit_accepts_it() -> None:
    labels = [LabelSet("other", "eve", LATER), LabelSet(ACCEPT_LABEL, "ann", LATER)]
    assert accepted(labels, True, {"ann": "write", "eve": "read"}, PUSHED) == Acceptance("ann", LATER)


@pytest.mark.parametrize("permission", ["read", "triage", "none", ""])
def test_without_the_right_to_write_a_label_accepts_nothing(permission: str) -> None:
    found = accepted([LabelSet(ACCEPT_LABEL, "eve", LATER)], True, {"eve": permission}, PUSHED)
    assert found == NotAccepted("label accept-baseline was set by eve, who may not write to this repository")


def test_who_set_it_last_counts() -> None:
    labels = [LabelSet(ACCEPT_LABEL, "ann", PUSHED), LabelSet(ACCEPT_LABEL, "eve", LATER)]
    assert isinstance(accepted(labels, True, {"ann": "admin", "eve": "read"}, PUSHED), NotAccepted)


@pytest.mark.parametrize("seen", [LATER, None])
def test_a_label_set_before_the_push_was_for_another_commit(seen: datetime | None) -> None:
    found = accepted([LabelSet(ACCEPT_LABEL, "ann", PUSHED)], True, {"ann": "admin"}, seen)
    assert isinstance(found, NotAccepted)
    assert "take it off and set it" in found.reason


def test_a_label_taken_off_is_none() -> None:
    assert accepted([LabelSet(ACCEPT_LABEL, "ann", LATER)], False, {"ann": "admin"}, PUSHED) == NotAccepted("")
    assert accepted([], True, {}, PUSHED) == NotAccepted("")


@pytest.mark.parametrize("hosted", [True, False])
@pytest.mark.parametrize("kind", ["lock", "image", "dockerfile"])
@pytest.mark.parametrize("whose", list(Standing))
def test_a_strangers_code_runs_unconfined_only_where_the_machine_is_thrown_away(
    whose: Standing, kind: str, hosted: bool
) -> None:
    if whose is Standing.STRANGERS and kind == "lock" and not hosted:
        with pytest.raises(NoSandbox, match="declare environment") as error:
            check_sandbox(whose, kind, hosted=hosted)
        assert error.value.exit_code == 2
    else:
        check_sandbox(whose, kind, hosted=hosted)
