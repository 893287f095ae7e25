"""T13, T14: JSON and numbers that are meant to break a reader are refused, and a gap in the numbers never passes."""

import json

import pytest
from builders import a_run, a_snapshot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stranger import Stranger, zipped

from experiment.bundle import UnreadableBundle, loads

TREES = st.recursive(st.none() | st.floats() | st.text(), st.lists)
DEEP = b"[" * 40 + b"]" * 40


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{" + b'"a": 1,' * 9 + b'"a": 2}', "appears twice"),
        (b'{"wall_s": NaN}', "number NaN is not finite"),
        (b'{"wall_s": 1e999}', "number 1e999 is not finite"),
        (b'{"wall_s": -Infinity}', "is not finite"),
        (b'{"a": ' + DEEP + b"}", "nested deeper than"),
        (b"[" * 100_000, "nested deeper than"),
        (json.dumps({f"{i}": 0 for i in range(6_000)}).encode(), "an object of 6000 keys"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "an integer of 5000 digits"),
        (b'{"a": "\\ud800"}', "is not Unicode"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b'{"schema_version": 2}', "written by a newer ml-experiment"),
        (b'{"schema_version": true}', "not a valid bundle"),
        (b"[]", "not a valid bundle"),
        (b"null", "not a valid bundle"),
        (b"", "not JSON"),
    ],
)
def test_T13_it_is_refused_with_the_rule_it_breaks(stranger: Stranger, content: bytes, why: str) -> None:
    stranger.leaves_json(content)
    done = stranger.is_reported()
    assert why in stranger.check()["output"]["title"]
    assert stranger.check()["conclusion"] == "failure"
    assert (done.outputs["verdict"], done.outputs["passed"], stranger.comments()) == ("", "false", [])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.binary(max_size=300) | TREES.map(lambda tree: json.dumps(tree).encode()))
def test_T13_whatever_the_bytes_it_is_one_named_refusal(data: bytes) -> None:
    with pytest.raises(UnreadableBundle):
        loads(zipped(("bundle.json", data)), name="b")


@pytest.mark.parametrize(
    "values",
    [
        {"test/accuracy": (float("nan"),) * 5, "test/loss": (0.2,) * 5},
        {"test/accuracy": (float("inf"),) * 5, "test/loss": (0.2,) * 5},
        {"test/loss": (0.2,) * 5},
        {"other": (0.2,) * 5},
    ],
)
def test_T14_a_metric_that_gates_and_is_not_a_number_or_not_there_does_not_pass(
    stranger: Stranger, values: dict[str, tuple[float, ...]]
) -> None:
    stranger.leaves_bundle(stranger.bundle(candidate=a_snapshot(values, commit=stranger.head)))
    done = stranger.is_reported()
    assert done.outputs["passed"] == "false"
    assert stranger.check()["conclusion"] in ("failure", "action_required")


def test_T14_no_runs_at_all_do_not_pass(stranger: Stranger) -> None:
    empty = a_snapshot(runs=(), commit=stranger.head)
    stranger.leaves_bundle(stranger.bundle(candidate=empty, replicate=None))
    assert stranger.is_reported().outputs["passed"] == "false"
    assert stranger.check()["conclusion"] in ("failure", "action_required")


def test_T14_numbers_at_the_edge_of_a_double_are_compared_and_drawn(stranger: Stranger) -> None:
    edges = enumerate((1.7e308, -1.7e308, 5e-324))
    runs = [a_run(i, {"test/accuracy": value, "test/loss": -value}) for i, value in edges]
    stranger.leaves_bundle(stranger.bundle(candidate=a_snapshot(runs=runs, commit=stranger.head)))
    done = stranger.is_reported()
    assert done.outputs["passed"] == "false"
    assert stranger.check()["status"] == "completed"
