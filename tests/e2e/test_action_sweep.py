"""A sweep as a step of a workflow: dispatched by a person, its best parameters an output, its report the summary."""

import json
from pathlib import Path
from typing import Any

import pytest
from actions import Setting
from forge.server import Forge
from forge.state import FORK_TOKEN
from occasions import a_repository
from repositories import Repository

SWEEP = """\
sweep:
  trials: 9
  objective: {accuracy: maximize}
  space: {lr: {float: [0.1, 1.0]}}
"""

TRAIN = """\
import json, os, random, sys
noise = random.Random(int(os.environ["ML_EXPERIMENT_SEED"])).gauss(0, 0.01)
json.dump({"loss": (float(sys.argv[1]) - 2) ** 2 + noise}, open("metrics.json", "w"))
"""
EXPERIMENT = """\
experiment: tiny  # mine
environment: {lock: requirements.lock}
command: python train.py {x}
params: {x: 1.0}  # where it starts
seeds: [0, 1]
metric_files: [metrics.json]
metrics: {loss: {goal: minimize, margin: 0.1}}
resources: {cpus: 1, timeout: 60s}
sweep:
  trials: 3
  objective: {loss: minimize}
  space: {x: {float: [1.0, 2.5]}}
"""


@pytest.fixture
def setting(repository: Repository, forge: Forge, tmp_path: Path) -> Setting:
    repository.write("ml-experiment.yaml", (repository.folder / "ml-experiment.yaml").read_text() + SWEEP)
    repository.change("ml-experiment.yaml", "seeds: [0, 1, 2, 3, 4]", "seeds: [0]")
    return Setting.on_main(repository, forge, tmp_path)


def dispatched() -> dict[str, object]:
    return {"repository": a_repository(), "ref": "refs/heads/main", "inputs": {}}


def test_a_dispatched_sweep_tells_its_best_parameters(setting: Setting) -> None:
    done = setting.hurried_step("workflow_dispatch", dispatched(), mode="sweep", trials="3")
    assert (done.code, done.outputs["passed"]) == (0, "true"), done.log
    assert 0.1 <= json.loads(done.outputs["best-params"])["lr"] <= 1.0
    assert done.summary.startswith("### tiny: **sweep of 3 trials** — `accuracy` ")
    assert "3 trials: 3 complete" in done.summary
    assert "blob/ml-experiment-data-1/tiny/" in done.summary  # the figure as a file, since the token may write
    report = (setting.repository.folder / done.outputs["report"]).read_text()
    assert report.split("\n")[0] == done.summary.split("\n")[0]


@pytest.fixture
def searched(repository: Repository, forge: Forge, tmp_path: Path) -> Setting:
    """A space that the fixed parameters lie in, as a repository has it that takes over what a sweep finds."""
    repository.write("train.py", TRAIN)
    repository.write("ml-experiment.yaml", EXPERIMENT)
    return Setting.on_main(repository, forge, tmp_path)


def proposals(setting: Setting) -> list[dict[str, Any]]:
    return list(setting.forge.state.pulls.values())


def test_it_proposes_the_best_parameters_and_the_record_once(searched: Setting) -> None:
    done = searched.hurried_step("workflow_dispatch", dispatched(), mode="sweep", propose="true")
    (pull,) = proposals(searched)
    assert (done.code, done.outputs["proposal-url"]) == (0, pull["html_url"]), done.log
    assert (pull["title"], pull["base"]["ref"]) == ("Best parameters of the sweep of tiny", "main")
    assert "loss" in pull["body"]
    git, branch = searched.forge.git, "ml-experiment/sweep-tiny"
    best = json.loads(done.outputs["best-params"])["x"]
    written = git.file("ml-experiment.yaml", branch)[1].decode()
    assert written == EXPERIMENT.replace("{x: 1.0}", f"{{x: {best}}}")
    assert json.loads(git.file("sweeps/tiny.lock.json", branch)[1])["claim"]["metric"] == "loss"
    assert git.line("rev-parse", f"{branch}^") == searched.head
    assert "proposes `x = " in done.summary

    tip = git.branch(branch)
    again = searched.hurried_step("workflow_dispatch", dispatched(), mode="sweep", propose="true", run=1001)
    assert (again.code, git.branch(branch), len(proposals(searched))) == (0, tip, 1)
    assert "proposes this already" in again.log

    searched.repository.change("ml-experiment.yaml", "trials: 3", "trials: 4")
    searched.repository.commit()
    searched.push("main")
    more = searched.hurried_step("workflow_dispatch", dispatched(), mode="sweep", propose="true", run=1002)
    assert (more.code, len(proposals(searched)), more.outputs["proposal-url"]) == (0, 1, pull["html_url"])
    assert git.line("rev-parse", f"{branch}^") == searched.head
    assert len(json.loads(git.file("sweeps/tiny.lock.json", branch)[1])["table"]) == 4


def test_a_proposal_that_was_merged_leaves_nothing_to_propose(searched: Setting) -> None:
    searched.repository.change("ml-experiment.yaml", "trials: 3", "trials: 3\n  start: params")
    searched.repository.commit()
    searched.push("main")
    searched.hurried_step("workflow_dispatch", dispatched(), mode="sweep", propose="true")
    searched.git("fetch", "-q", str(searched.forge.git.folder), "ml-experiment/sweep-tiny")
    searched.git("clean", "-qfd")
    searched.git("merge", "-q", "--ff-only", "FETCH_HEAD")
    searched.push("main")
    searched.forge.state.pulls.clear()
    done = searched.hurried_step("workflow_dispatch", dispatched(), mode="sweep", propose="true", run=1001)
    assert (done.code, proposals(searched)) == (0, [])
    assert "nothing to propose: the experiment file has these parameters and this record already" in done.log
    assert "the record was followed to the same table" in done.summary
    assert "from where it started (x = 1.0; params has x = " in done.log


def test_a_token_that_may_not_write_loses_the_proposal_and_nothing_else(searched: Setting) -> None:
    token = searched.forge.state.token("ghs_reads", FORK_TOKEN)
    done = searched.hurried_step("workflow_dispatch", dispatched(), mode="sweep", propose="true", token=token)
    assert (done.code, done.outputs["passed"], done.outputs["proposal-url"]) == (0, "true", "")
    assert "No pull request: " in done.summary
    assert "the token may not" in done.summary
    assert (searched.repository.folder / "sweeps" / "tiny.lock.json").exists()
    none = searched.hurried_step("workflow_dispatch", dispatched(), mode="sweep", propose="true", token="", run=1001)
    assert "the step has no token" in none.summary


def test_the_default_branch_says_how_far_a_sweep_of_another_may_go(searched: Setting) -> None:
    searched.git("checkout", "-q", "-b", "topic")
    searched.repository.change("ml-experiment.yaml", "trials: 3", "trials: 5\n  limits: {trials: 100}")
    searched.repository.commit()
    event = {**dispatched(), "ref": "refs/heads/topic"}
    done = searched.hurried_step("workflow_dispatch", event, mode="sweep")
    assert done.code == 0, done.log
    assert "trials: 5 asked, 3 is the most that main allows (sweep.limits.trials there)" in done.log
    assert "3 is the most that main allows" in done.summary
    assert "3 trials" in done.summary
    blind = searched.hurried_step("workflow_dispatch", event, mode="sweep", token="", run=1001)
    assert blind.code == 2
    assert "nothing says how far a sweep of another branch may go" in blind.summary


def test_an_unfinished_study_among_the_files_of_an_earlier_run_is_gone_on_with(searched: Setting) -> None:
    whole = searched.repository.copy(searched.folder / "whole")
    assert whole.run("sweep", "--order", "window").code == 0
    (log,) = (whole.state / "sweeps").glob("tiny-*.jsonl")
    lines = log.read_text().splitlines(keepends=True)
    earlier = searched.repository.state / "earlier" / "sweeps"
    earlier.mkdir(parents=True)
    (earlier / "tiny.jsonl").write_text("".join(lines[: len(lines) // 2]))
    resume = ".ml-experiment/earlier"
    done = searched.hurried_step("workflow_dispatch", dispatched(), mode="sweep", order="window", resume=resume)
    assert done.code == 0, done.log
    assert "goes on: " in done.log
    digest = json.loads((searched.repository.folder / "sweeps/tiny.lock.json").read_text())["table_digest"]
    assert digest == json.loads((whole.folder / "sweeps/tiny.lock.json").read_text())["table_digest"]
    (earlier / "tiny.jsonl").rename(earlier / "tiny-0123456789ab.jsonl")
    none = searched.hurried_step("workflow_dispatch", dispatched(), mode="sweep", resume=resume, run=1001)
    assert none.code == 2
    assert "expected one unfinished study, tiny.jsonl, found 0; a finished one is: tiny-0123456789ab.jsonl" in none.log


def test_a_sampler_that_does_not_go_with_the_space_is_refused(searched: Setting) -> None:
    done = searched.hurried_step("workflow_dispatch", dispatched(), mode="sweep", sampler="grid")
    assert done.code == 2
    assert "sampler grid: not possible with this sweep: grid needs a countable range" in done.summary


def test_a_cluster_that_is_not_there_is_refused_rather_than_ignored(setting: Setting) -> None:
    done = setting.hurried_step("workflow_dispatch", dispatched(), mode="sweep", ray_address="ray://127.0.0.1:9")
    assert done.code == 3
    assert "ray-address: ray://127.0.0.1:9: nothing answers there" in done.summary
