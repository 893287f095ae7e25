"""The whole Action, for real: act builds our image from our action.yml and runs our starter workflows on digits."""

from collections.abc import Callable
from pathlib import Path

import pytest
from act_runs import FORK_TOKEN, Copy, a_push, dispatched
from container_bed import Bed
from container_place import labelled_at
from forge.server import Forge

from action.comment import read
from experiment import baseline

pytestmark = [pytest.mark.docker, pytest.mark.go, pytest.mark.network]


def test_a_pull_request_gets_comment_check_figures_and_outputs(tmp_path: Path, forge: Forge, bed: Bed) -> None:
    copy = Copy.make(tmp_path / "repository", forge, bed, "reproduce.yml")
    copy.train_less("topic")
    done = copy.run("pull_request", copy.pull_request("acme/train"), "reproduce.yml")
    assert done.code == 1, done.log[-3000:]
    (check,) = forge.state.checks.values()
    assert (check["name"], check["status"], check["conclusion"]) == ("ml-experiment / digits", "completed", "failure")
    (comment,) = forge.state.comments.values()
    text = read(comment["body"])
    assert text is not None
    assert text.body.startswith("### digits: **regressed**")
    assert any(entry["path"].endswith("-light.png") for entry in forge.git.tree("ml-experiment-data-1"))
    assert (done.outputs["verdict"], done.outputs["passed"]) == ("regressed", "false")
    assert done.outputs["bundle"] == "examples/digits/.ml-experiment/bundle.zip"
    assert done.outputs["comment-url"] == comment["html_url"]
    assert "Success - Post ./" in done.log


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (Copy.in_a_container, ["Container of the image `127.0.0.1:", "these runs in a container"]),
        (Copy.in_what_its_dockerfile_makes, ["Container built from `Dockerfile`"]),
    ],
    ids=["image", "dockerfile"],
)
def test_training_happens_in_a_sibling_container_of_which_nothing_is_left(
    tmp_path: Path, forge: Forge, bed: Bed, made: Callable[[Copy], None], said: list[str]
) -> None:
    copy = Copy.make(tmp_path / "repository", forge, bed, "reproduce.yml")
    made(copy)
    copy.train_less("topic")
    done = copy.run("pull_request", copy.pull_request("acme/train"), "reproduce.yml")
    assert (done.outputs["verdict"], done.outputs["passed"]) == ("regressed", "false"), done.log[-3000:]
    (comment,) = forge.state.comments.values()
    text = read(comment["body"])
    assert text is not None
    assert [words for words in said if words not in text.body] == []
    assert labelled_at("/examples/digits/.ml-experiment/leases/") == []


def test_a_forks_pull_request_is_judged_and_nothing_is_written(tmp_path: Path, forge: Forge, bed: Bed) -> None:
    copy = Copy.make(tmp_path / "repository", forge, bed, "reproduce.yml")
    copy.train_less("topic")
    done = copy.run("pull_request", copy.pull_request("stranger/train"), "reproduce.yml", FORK_TOKEN)
    assert done.code == 1
    assert forge.state.written() == []
    assert (done.outputs["verdict"], done.outputs["bundle"]) == (
        "regressed",
        "examples/digits/.ml-experiment/bundle.zip",
    )
    assert "workflows/report.yml posts the report once this job ends" in done.log


def test_a_push_to_the_default_branch_stores_its_level(tmp_path: Path, forge: Forge, bed: Bed) -> None:
    copy = Copy.make(tmp_path / "repository", forge, bed, "baseline.yml")
    copy.train_less("main")
    before = copy.push("main")
    done = copy.run("push", a_push() | {"after": before}, "baseline.yml")
    assert done.code == 0, done.log[-3000:]
    assert forge.git.line("rev-parse", "main^") == before
    path = "examples/digits/baselines/digits.json"
    stored = baseline.loads(forge.git.file(path, "main")[1], name=path, experiment="digits")
    assert stored.snapshot.configuration.params["epochs"] == 40
    assert stored.snapshot.commit == before


def test_a_dispatch_runs_what_is_there(tmp_path: Path, forge: Forge, bed: Bed) -> None:
    copy = Copy.make(tmp_path / "repository", forge, bed, "reproduce.yml")
    done = copy.run("workflow_dispatch", dispatched(), "reproduce.yml")
    (check,) = forge.state.checks.values()
    assert check["status"] == "completed"
    assert done.outputs["passed"] == ("true" if done.code == 0 else "false")
    assert forge.state.comments == {}
