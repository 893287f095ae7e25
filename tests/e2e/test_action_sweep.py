"""A sweep as a step of a workflow: dispatched by a person, its best parameters an output, its report the summary."""

import json
from pathlib import Path

import pytest
from actions import Setting
from forge.server import Forge
from occasions import a_repository
from repositories import Repository

SWEEP = """\
sweep:
  trials: 9
  objective: {accuracy: maximize}
  space: {lr: {float: [0.1, 1.0]}}
"""


@pytest.fixture
def setting(repository: Repository, forge: Forge, tmp_path: Path) -> Setting:
    repository.write("ml-experiment.yaml", (repository.folder / "ml-experiment.yaml").read_text() + SWEEP)
    repository.change("ml-experiment.yaml", "seeds: [0, 1, 2, 3, 4]", "seeds: [0]")
    repository.commit()
    made = Setting(repository, forge, tmp_path)
    forge.state.token()
    made.git("branch", "-M", "main")
    made.push("main")
    return made


def dispatched() -> dict[str, object]:
    return {"repository": a_repository(), "ref": "refs/heads/main", "inputs": {}}


def test_a_dispatched_sweep_tells_its_best_parameters(setting: Setting) -> None:
    done = setting.hurried_step("workflow_dispatch", dispatched(), mode="sweep", trials="3")
    assert (done.code, done.outputs["passed"]) == (0, "true"), done.log
    assert 0.1 <= json.loads(done.outputs["best-params"])["lr"] <= 1.0
    assert done.summary.startswith("### tiny: **sweep of 3 trials** — `accuracy` ")
    assert "3 trials: 3 complete" in done.summary
    assert (setting.repository.folder / done.outputs["report"]).read_text().strip() == done.summary.strip()


def test_a_cluster_that_is_not_there_is_refused_rather_than_ignored(setting: Setting) -> None:
    done = setting.hurried_step("workflow_dispatch", dispatched(), mode="sweep", ray_address="ray://127.0.0.1:9")
    assert done.code == 3
    assert "ray-address: ray://127.0.0.1:9: nothing answers there" in done.summary
