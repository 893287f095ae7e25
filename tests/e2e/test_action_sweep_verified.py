"""A sweep's record on a pull request: held to its word where the base's policy asks; the worst verdict wins."""

import json
from pathlib import Path
from typing import Any

import pytest
from actions import Setting, artifact
from forge.server import Forge
from forge.state import FORK_TOKEN
from occasions import a_workflow_run
from repositories import Repository

TRAIN = """\
import json, os, random, sys
x = float(sys.argv[1])
noise = random.Random(int(os.environ["ML_EXPERIMENT_SEED"])).gauss(0, 0.01)
json.dump({"loss": (x - 2) ** 2 + noise}, open("metrics.json", "w"))
"""
WORSE_AT_THE_BEST = ("+ noise", "+ noise + (0.5 if x != 1.0 else 0)")
EXPERIMENT = """\
experiment: tiny
environment: {lock: requirements.lock}
command: python train.py {x}
params: {x: 1.0}
seeds: [0, 1, 2]
metric_files: [metrics.json]
metrics: {loss: {goal: minimize, margin: 0.1}}
resources: {cpus: 1, timeout: 60s}
sweep:
  trials: 3
  objective: {loss: minimize}
  space: {x: {float: [1.0, 2.5]}}
  on_pull_request: {first: 1}
"""
LOCK = "sweeps/tiny.lock.json"
WORKFLOW = ".github/workflows/reproduce.yml"
HERE = f"**Record of the sweep:** `{LOCK}` is"


@pytest.fixture(scope="module")
def swept_once(tmp_path_factory: pytest.TempPathFactory, environ: dict[str, str]) -> Repository:
    made = Repository.make(tmp_path_factory.mktemp("swept") / "repository", environ)
    made.write("train.py", TRAIN)
    made.write("ml-experiment.yaml", EXPERIMENT)
    (made.folder / WORKFLOW).parent.mkdir(parents=True)
    made.write(WORKFLOW, "name: ml-experiment\n")
    made.commit()
    for command in (("baseline", "accept"), ("sweep",)):
        assert made.run(*command).code == 0
    made.commit()
    return made


@pytest.fixture
def setting(swept_once: Repository, forge: Forge, tmp_path: Path) -> Setting:
    """A baseline and a record on main, and a branch that is no different yet."""
    made = Setting(swept_once.copy(tmp_path / "swept"), forge, tmp_path)
    forge.state.token()
    made.push("main")
    made.git("checkout", "-q", "-b", "topic")
    return made


def change(setting: Setting, old: str, new: str, name: str = "train.py") -> None:
    setting.repository.change(name, old, new)
    setting.repository.commit()


def record(setting: Setting) -> Any:
    return json.loads((setting.repository.folder / LOCK).read_text())


def first_lines(setting: Setting) -> list[str]:
    (text,) = setting.comments()
    return text.body.split("\n")[:8]


def test_a_change_that_costs_the_best_trial_fails_though_the_training_is_as_before(setting: Setting) -> None:
    change(setting, *WORSE_AT_THE_BEST)
    done = setting.hurried_step("pull_request", setting.pull_request())
    assert (done.code, done.outputs["verdict"], done.outputs["passed"]) == (1, "identical", "false"), done.log
    assert done.outputs["sweep-verdict"] == "regressed"
    assert first_lines(setting)[0].startswith("### tiny: **identical** — the same bits as the baseline, 1 run, ")
    assert "; sweep **regressed** — `loss` rose by 0.4" in first_lines(setting)[0]
    (text,) = setting.comments()
    assert "<summary>The sweep's claim: regressed</summary>" in text.body
    assert "Does the table come out again?** No: trial 0: value of objective 1: the record has" in text.body
    assert (setting.check()["conclusion"], setting.check()["status"]) == ("failure", "completed")
    (remark,) = setting.check()["annotations"]
    assert (remark["path"], remark["title"]) == ("ml-experiment.yaml", "loss: regressed")


def test_a_claim_that_holds_is_one_line_and_a_folded_part(setting: Setting) -> None:
    change(setting, "import json", "# a comment\nimport json")
    done = setting.hurried_step("pull_request", setting.pull_request(), comment="changes")
    assert (done.code, done.outputs["sweep-verdict"], done.outputs["passed"]) == (0, "identical", "true"), done.log
    assert setting.comments() == []  # nothing moved
    assert "**Does the sweep's claim hold?** Yes, identical — the same bits as claimed, 3 runs, " in done.summary
    assert "the first 1 of 3 trials came out the same, to the bit" in done.summary
    assert setting.check()["conclusion"] == "success"


def test_where_nothing_that_is_read_has_changed_the_sweep_is_not_made_again(setting: Setting) -> None:
    setting.repository.write("README.md", "# words\n")
    setting.repository.commit()
    done = setting.hurried_step("pull_request", setting.pull_request())
    assert (done.code, done.outputs["verdict"]) == (0, "unchanged")


def test_a_record_that_the_change_lowers_is_held_to_the_bases_too_and_it_is_said_first(setting: Setting) -> None:
    made = record(setting)
    made["claim"]["values"] = [value + 0.5 for value in made["claim"]["values"]]
    setting.repository.write(LOCK, json.dumps(made))
    change(setting, *WORSE_AT_THE_BEST)
    done = setting.hurried_step("pull_request", setting.pull_request())
    assert (done.code, done.outputs["sweep-verdict"]) == (1, "regressed")
    assert first_lines(setting)[2].startswith(f"{HERE} edited here; it is held to its own")
    (text,) = setting.comments()
    assert "The base commit's record claims" in text.body


def test_a_record_that_is_deleted_is_judged_all_the_same(setting: Setting) -> None:
    (setting.repository.folder / LOCK).unlink()
    change(setting, *WORSE_AT_THE_BEST)
    done = setting.hurried_step("pull_request", setting.pull_request())
    assert (done.code, done.outputs["sweep-verdict"]) == (1, "regressed")
    assert first_lines(setting)[2].startswith(f"{HERE} deleted here; judged by the one of")


def test_a_record_that_cannot_be_read_is_no_pass(setting: Setting) -> None:
    setting.repository.write(LOCK, '{"version": 1}')
    setting.repository.commit()
    done = setting.hurried_step("pull_request", setting.pull_request())
    assert (done.code, done.outputs["passed"], done.outputs["sweep-verdict"]) == (4, "false", "unverifiable")
    assert setting.check()["conclusion"] == "action_required"


def test_whether_it_is_made_again_is_the_bases_to_say(setting: Setting) -> None:
    change(setting, "on_pull_request: {first: 1}", "on_pull_request: none", "ml-experiment.yaml")
    change(setting, *WORSE_AT_THE_BEST)
    done = setting.hurried_step("pull_request", setting.pull_request())
    assert (done.code, done.outputs["sweep-verdict"]) == (1, "regressed")
    assert first_lines(setting)[2].startswith("**Policy:** `sweep.on_pull_request` edited here; judged by")


def test_a_maintainer_accepts_a_lower_level_of_the_sweep_as_of_the_training(setting: Setting) -> None:
    change(setting, "on_pull_request: {first: 1}", "on_pull_request: best", "ml-experiment.yaml")
    setting.push("main")
    change(setting, *WORSE_AT_THE_BEST)
    event = setting.pull_request(action="labeled", label={"name": "accept-baseline"})
    setting.forge.state.permissions["ada"] = "write"
    setting.forge.state.labelled(7, "accept-baseline", "ada", "2026-11-24T12:00:00Z")
    done = setting.hurried_step("pull_request", event)
    assert (done.code, done.outputs["passed"], done.outputs["sweep-verdict"]) == (0, "true", "regressed"), done.log
    assert first_lines(setting)[2].startswith("**Accepted as the new level** by `ada`")


def test_a_forks_sweep_is_posted_by_the_second_job_and_only_its_runs_are_believed(setting: Setting) -> None:
    change(setting, *WORSE_AT_THE_BEST)
    token = setting.forge.state.token("ghs_fork", FORK_TOKEN)
    event = setting.pull_request(source="stranger/train")
    done = setting.hurried_step("pull_request", event, token=token, run=500)
    assert done.code == 1
    run = {"id": 500, "event": "pull_request", "path": WORKFLOW, "head_sha": setting.head, "head_branch": "topic"}
    source = {"head_repository": {"full_name": "stranger/train"}, "run_attempt": 1}
    setting.forge.state.runs[500] = {**run, **source, "created_at": "2026-11-24T12:00:00Z", "status": "completed"}
    content = artifact((setting.repository.folder / done.outputs["bundle"]).read_bytes())
    setting.forge.state.an_artifact(500, "ml-experiment-tiny", content)
    told = setting.hurried_step("workflow_run", a_workflow_run(head=setting.head), run=501)
    assert (told.code, told.outputs["sweep-verdict"], told.outputs["passed"]) == (0, "regressed", "false"), told.log
    assert "; sweep **regressed** — `loss` rose by 0.4" in first_lines(setting)[0]
