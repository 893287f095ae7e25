"""A sweep by the whole Action, for real: dispatched in act, proposed, and held to its word on a pull request."""

import json
from pathlib import Path

import pytest
from act_runs import Copy, dispatched
from container_bed import Bed
from container_place import labelled_at
from forge.server import Forge

from action.comment import read
from runner.sweep import lockfile

pytestmark = [pytest.mark.docker, pytest.mark.go, pytest.mark.network]
SPEC, RECORD = "examples/digits/ml-experiment.yaml", "examples/digits/sweeps/digits.lock.json"
BRANCH = "ml-experiment/sweep-digits"


def test_thirty_trials_are_dispatched_proposed_and_verified_on_a_pull_request(
    tmp_path: Path, forge: Forge, bed: Bed
) -> None:
    copy = Copy.make(tmp_path / "repository", forge, bed, "sweep.yml", "reproduce.yml")
    copy.git("checkout", "-q", "-B", "main")
    copy.push("main")
    done = copy.run("workflow_dispatch", dispatched(trials="30", propose="true"), "sweep.yml")
    assert (done.code, done.outputs["passed"]) == (0, "true"), done.log[-3000:]
    best = json.loads(done.outputs["best-params"])
    assert set(best) == {"epochs", "lr"}
    assert done.outputs["report"] == "examples/digits/.ml-experiment/sweep.md"
    (pull,) = forge.state.pulls.values()
    assert done.outputs["proposal-url"] == pull["html_url"]
    assert f"params: {{epochs: {best['epochs']}, lr: {best['lr']}}}" in forge.git.file(SPEC, BRANCH)[1].decode()
    record = forge.git.file(RECORD, BRANCH)[1]
    lock = lockfile.loads(record, RECORD)
    assert (len(lock.table), lock.claim is not None) == (30, True)

    (copy.folder / RECORD).parent.mkdir()
    (copy.folder / RECORD).write_bytes(record)
    copy.rewrite(
        SPEC, lambda text: text.replace("  parallelism: 2\n", "  parallelism: 2\n  on_pull_request: {first: 3}\n")
    )
    copy.commit("Keep the sweep's record, and have pull requests held to it")
    copy.push("main")
    copy.git("checkout", "-q", "-b", "topic")
    copy.rewrite("examples/digits/train.py", lambda text: f"{text}# nothing that matters\n")
    copy.commit("Say nothing that matters")
    forge.state.pulls.clear()
    held = copy.run("pull_request", copy.pull_request("acme/train"), "reproduce.yml")
    assert held.outputs["sweep-verdict"] == "identical", held.log[-3000:]
    (comment,) = forge.state.comments.values()
    text = read(comment["body"])
    assert text is not None
    assert "**Does the sweep's claim hold?** Yes, " in text.body
    assert "the first 3 of 30 trials came out the same, to the bit" in text.body
    assert (held.code == 0) == (held.outputs["passed"] == "true")
    assert labelled_at("/examples/digits/.ml-experiment/leases/") == []


def test_the_keras_example_is_swept_in_its_own_environment(tmp_path: Path, forge: Forge, bed: Bed) -> None:
    """Four trials of its thirty: each takes as long as a minute of a busy machine."""
    name = "examples/keras-mnist-like"
    copy = Copy.make(tmp_path / "repository", forge, bed, "sweep.yml", experiment=name)
    copy.git("checkout", "-q", "-B", "main")
    copy.push("main")
    done = copy.run("workflow_dispatch", dispatched(trials="4"), "sweep.yml")
    assert (done.code, done.outputs["passed"]) == (0, "true"), done.log[-3000:]
    assert set(json.loads(done.outputs["best-params"])) == {"epochs", "lr", "dropout"}
    assert "4 trials: 4 complete" in done.log
