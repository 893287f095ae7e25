"""T21: the baseline is the merge base's, and only the default branch's own run writes it; a change is said first."""

import json
from pathlib import Path

import pytest
from builders import a_baseline, a_snapshot
from forge.server import Forge
from occasions import a_merge_group, a_pull_request
from stranger import SPEC, Stranger

from action.event import parse
from action.inputs import Mode
from action.route import WrongMode, route
from experiment import baseline


def low(commit: str) -> bytes:
    """A baseline at the stranger's own level."""
    return baseline.dumps(a_baseline(a_snapshot(commit=commit))).encode()


def test_the_head_cannot_lower_what_it_is_held_against(forge: Forge, tmp_path: Path) -> None:
    stranger = Stranger.opens_a_pull_request(tmp_path, forge, {"baselines/digits.json": low("0" * 40)})
    stranger.leaves_bundle(stranger.bundle())
    done = stranger.is_reported()
    assert (done.outputs["verdict"], done.outputs["passed"]) == ("regressed", "false")
    (text,) = stranger.comments()
    assert text.body.split("\n")[2].startswith(
        "**Baseline:** `baselines/digits.json` is edited here; judged by the one of"
    )


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("margin: 0.005", "margin: 0.5", "metrics"),
        ("{goal: maximize, margin: 0.005}", "{goal: minimize, margin: 0.005}", "metrics"),
        ("metrics:", "gate: {baseline: report}\nmetrics:", "gate"),
        ("metrics:", "baseline: {file: other.json}\nmetrics:", "baseline"),
    ],
)
def test_the_head_cannot_change_what_it_is_judged_by(
    forge: Forge, tmp_path: Path, old: str, new: str, key: str
) -> None:
    changed = {"ml-experiment.yaml": SPEC.replace(old, new).encode(), "other.json": low("0" * 40)}
    stranger = Stranger.opens_a_pull_request(tmp_path, forge, changed)
    stranger.leaves_bundle(stranger.bundle())
    done = stranger.is_reported()
    assert (done.outputs["verdict"], done.outputs["passed"]) == ("regressed", "false")
    assert f"**Policy:** `{key}` edited here; judged by the policy of" in stranger.comments()[0].body.split("\n")[2]


def test_what_it_calls_later_runs_of_the_baseline_is_not_pooled_into_it(stranger: Stranger) -> None:
    forged = tuple(
        run.model_copy(update={"seed": 100 + i, "configuration": a_baseline().snapshot.runs[0].configuration})
        for i, run in enumerate(a_snapshot(commit=stranger.head).runs * 40)
    )
    stranger.leaves_bundle(stranger.bundle(later=forged))
    done = stranger.is_reported()
    assert (done.outputs["verdict"], done.outputs["passed"]) == ("regressed", "false")
    assert "over 10 baseline runs" in stranger.comments()[0].body.replace("\u00a0", " ")


def test_the_head_cannot_call_itself_another_experiment(forge: Forge, tmp_path: Path) -> None:
    changed = {"ml-experiment.yaml": SPEC.replace("experiment: digits", "experiment: other").encode()}
    stranger = Stranger.opens_a_pull_request(tmp_path, forge, changed)
    stranger.leaves_bundle(stranger.bundle())
    stranger.is_reported()
    assert stranger.check()["name"] == "ml-experiment / digits"
    assert stranger.check()["conclusion"] == "failure"


@pytest.mark.parametrize(
    ("name", "event", "ref"),
    [
        ("pull_request", a_pull_request(), "refs/pull/7/merge"),
        ("pull_request", a_pull_request(), "refs/heads/main"),
        ("merge_group", a_merge_group(), "refs/heads/main"),
        ("push", {"repository": a_pull_request()["repository"]}, "refs/heads/topic"),
        ("workflow_dispatch", {"repository": a_pull_request()["repository"]}, "refs/heads/topic"),
        ("workflow_dispatch", {"repository": a_pull_request()["repository"]}, "refs/tags/main"),
    ],
)
def test_no_baseline_is_written_from_anything_but_the_default_branch(name: str, event: object, ref: str) -> None:
    with pytest.raises(WrongMode, match="only ever written from the default branch"):
        route(parse(json.dumps(event).encode(), name), Mode.BASELINE, ref)


def test_a_baseline_that_the_base_itself_has_wrong_is_no_pass(forge: Forge, tmp_path: Path) -> None:
    stranger = Stranger.opens_a_pull_request(tmp_path, forge)
    broken = forge.git.commit_files({"baselines/digits.json": b"{}"}, stranger.base, branch="main")
    head = forge.git.commit_files({"train.py": b"z"}, broken)
    stranger.head = forge.state.pulls[7]["head"]["sha"] = forge.state.runs[500]["head_sha"] = head
    stranger.leaves_bundle(stranger.bundle())
    done = stranger.is_reported()
    assert (done.code, done.outputs["passed"]) == (4, "false")
    assert "not a baseline" in done.summary
