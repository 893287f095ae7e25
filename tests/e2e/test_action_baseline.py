"""The baseline's life on the default branch: stored by a commit, or through a pull request where that is protected."""

from pathlib import Path

import pytest
from actions import Setting
from forge.server import Forge
from occasions import a_push
from repositories import Repository

from experiment import baseline


@pytest.fixture
def setting(accepted: Repository, forge: Forge, tmp_path: Path) -> Setting:
    made = Setting(accepted, forge, tmp_path)
    forge.state.token()
    made.git("branch", "-M", "main")
    return made


def stored(setting: Setting, branch: str) -> baseline.Baseline:
    return baseline.loads(setting.forge.git.file("baselines/tiny.json", branch)[1], name="b", experiment="tiny")


def test_a_level_that_moved_is_committed_to_the_default_branch(setting: Setting) -> None:
    setting.repository.change("train.py", "0.9 + random", "0.8 + random")
    setting.repository.commit()
    before = setting.push("main")
    done = setting.hurried_step("push", a_push())
    assert (done.code, done.outputs["verdict"], done.outputs["passed"]) == (0, "baseline", "true")
    new = stored(setting, "main")
    assert max(new.snapshot.values("accuracy").values()) < 0.85
    assert new.snapshot.commit == before
    assert new.accepted.note == "https://github.com/acme/train/actions/runs/1000"
    assert setting.forge.git.line("rev-parse", "main^") == before
    assert setting.forge.git.line("diff", "--name-only", before, "main") == "baselines/tiny.json"
    assert "Committed to `main`" in done.summary


def test_the_same_level_is_not_committed_again(setting: Setting) -> None:
    before = setting.push("main")
    done = setting.hurried_step("push", a_push())
    assert (done.code, setting.forge.git.branch("main")) == (0, before)
    assert setting.forge.state.written() == []
    assert "baseline unchanged" in done.summary


def test_where_the_branch_is_protected_a_pull_request_stores_it(setting: Setting) -> None:
    setting.repository.change("train.py", "0.9 + random", "0.8 + random")
    setting.repository.commit()
    before = setting.push("main")
    setting.forge.state.protected.add("main")
    done = setting.hurried_step("push", a_push())
    assert (done.code, setting.forge.git.branch("main")) == (0, before)
    assert max(stored(setting, "ml-experiment/baseline-tiny").snapshot.values("accuracy").values()) < 0.85
    assert [pull["head"]["ref"] for pull in setting.forge.state.pulls.values()] == ["ml-experiment/baseline-tiny"]
    again = setting.hurried_step("push", a_push(), run=1001)
    assert again.code == 0
    assert len(setting.forge.state.pulls) == 1


def test_when_the_branch_has_moved_on_its_own_run_stores_the_level(setting: Setting) -> None:
    setting.repository.change("train.py", "0.9 + random", "0.8 + random")
    setting.repository.commit()
    head = setting.push("main")
    newer = setting.forge.git.commit_files({"other.txt": b"x"}, head, branch="main")
    done = setting.hurried_step("push", a_push())
    assert (done.code, setting.forge.git.branch("main")) == (0, newer)
    assert "has moved on" in done.summary


def test_a_run_that_fails_is_no_level(setting: Setting) -> None:
    setting.repository.change("train.py", "import json", "raise SystemExit(3)\nimport json")
    setting.repository.commit()
    before = setting.push("main")
    done = setting.hurried_step("push", a_push())
    assert done.code == 4
    assert setting.forge.git.branch("main") == before
    assert setting.forge.state.written() == []
