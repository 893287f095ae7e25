"""T29: whoever may dispatch a sweep chooses code and inputs, and neither gets more than the default branch allows."""

from pathlib import Path
from typing import Any

import pytest
from actions import Setting
from forge.server import Forge
from occasions import a_pull_request, a_repository
from repositories import Repository

SWEEP = """\
sweep:
  trials: 2
  parallelism: 1
  time: 1h
  objective: {accuracy: maximize}
  space: {lr: {float: [0.1, 1.0]}}
"""


@pytest.fixture
def setting(repository: Repository, forge: Forge, tmp_path: Path) -> Setting:
    repository.write("ml-experiment.yaml", (repository.folder / "ml-experiment.yaml").read_text() + SWEEP)
    repository.change("ml-experiment.yaml", "seeds: [0, 1, 2, 3, 4]", "seeds: [0]")
    made = Setting.on_main(repository, forge, tmp_path)
    made.git("checkout", "-q", "-b", "topic")
    return made


def dispatched() -> dict[str, Any]:
    return {"repository": a_repository(), "ref": "refs/heads/topic", "inputs": {}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trials", "1e9"), ("trials", "-1"), ("trials", "9" * 30), ("trials", "3; rm -rf /"), ("parallelism", "0x10"),
        ("sampler", "$(id)"), ("order", "::set-output name=x::y"), ("executor", "ray"), ("resume", "../../etc/passwd"),
        ("resume", "/etc/passwd"), ("new", "True"), ("propose", "yes\nx"),
    ],
)  # fmt: skip
def test_an_input_has_its_type_and_bounds(setting: Setting, name: str, value: str) -> None:
    given: dict[str, Any] = {name: value}
    done = setting.hurried_step("workflow_dispatch", dispatched(), mode="sweep", **given)
    assert (done.code, done.outputs["passed"]) == (2, "false")
    assert "nothing was run" in done.summary
    assert setting.repository.records() == []
    assert setting.forge.state.written() == []


def test_neither_inputs_nor_another_branchs_file_take_more_than_the_default_branch_allows(setting: Setting) -> None:
    setting.repository.change(
        "ml-experiment.yaml",
        "  trials: 2\n  parallelism: 1\n  time: 1h\n",
        "  trials: 5\n  parallelism: 4\n  limits: {trials: 90000, parallelism: 900, time: 900h}\n",
    )
    setting.repository.commit()
    done = setting.hurried_step(
        "workflow_dispatch", dispatched(), mode="sweep", trials="99999", parallelism="999", propose="false"
    )
    assert done.code == 0, done.log
    for said in (
        "trials: 99999 asked, 2 is the most",
        "parallelism: 999 asked, 1 is",
        "time: no limit asked, 1 h 0 min is",
    ):
        assert said in done.log
    assert len(setting.repository.records()) == 3  # two trials, and the best one on a fresh seed


def test_a_file_of_another_run_is_no_study(setting: Setting) -> None:
    folder = setting.repository.state / "earlier"
    folder.mkdir(parents=True)
    (folder / "tiny.jsonl").symlink_to("/etc/passwd")
    given: dict[str, Any] = {"mode": "sweep", "resume": ".ml-experiment/earlier"}
    done = setting.hurried_step("workflow_dispatch", dispatched(), **given)
    assert done.code == 2
    assert "expected one unfinished study, tiny.jsonl, found 0" in done.summary
    (folder / "tiny.jsonl").unlink()
    (folder / "tiny.jsonl").write_text('{"event": "tell", "trial": 0, "state": "complete"}\n' * 3)
    poisoned = setting.hurried_step("workflow_dispatch", dispatched(), run=1001, **given)
    assert poisoned.code == 2
    assert setting.repository.records() == []


def test_a_pull_request_starts_no_study(setting: Setting) -> None:
    done = setting.hurried_step("pull_request", a_pull_request(head=setting.push("topic")), mode="sweep")
    assert (done.code, setting.repository.records()) == (2, [])
    assert "a study costs what the change says it costs" in done.summary
