"""`init --workflow`: starter workflows where GitHub looks for them, for this experiment, never over another file."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from action.activities.init import AlreadyThere
from action.activities.init_workflows import check_free, write
from action.cli import app
from action.options import Starter

ROOT = Path(__file__).parents[2]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    return tmp_path


def given(path: Path) -> dict[str, Any]:
    """What the workflow's step of ours is given."""
    (job,) = YAML(typ="safe").load(path.read_text())["jobs"].values()
    (step,) = [step for step in job["steps"] if step["uses"].startswith("ml-experiment/")]
    return dict(step["with"])


def test_every_starter_can_be_written(repository: Path) -> None:
    assert sorted(path.stem for path in (ROOT / "workflows").glob("*.yml")) == sorted(Starter)
    said = "\n".join(write(repository, [*Starter]))
    for starter in Starter:
        path = repository / ".github/workflows" / f"{starter}.yml"
        assert f".github/workflows/{starter}.yml" in said
        assert "experiment" not in given(path)
        shipped = (ROOT / "workflows" / path.name).read_text()
        assert path.read_text() == shipped.replace(f"Copy this to .github/workflows/{starter}.yml. ", "")


@pytest.mark.parametrize("folder", ["models/primaries", "with space #1", "'\"{}", "-x"])
def test_an_experiment_below_the_root_is_named_in_it(repository: Path, folder: str) -> None:
    (repository / folder).mkdir(parents=True)
    list(write(repository / folder, [*Starter]))
    for starter in Starter:
        assert given(repository / ".github/workflows" / f"{starter}.yml")["experiment"] == folder


def test_what_is_there_is_not_overwritten_and_nothing_else_is_written(repository: Path) -> None:
    folder = repository / ".github/workflows"
    folder.mkdir(parents=True)
    (folder / "report.yml").write_text("mine\n")
    with pytest.raises(AlreadyThere, match=r"report.yml: there is such a workflow already"):
        list(write(repository, [Starter.REPRODUCE, Starter.REPORT]))
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("report.yml", "mine\n")]
    check_free(repository, [Starter.REPRODUCE])


def test_beside_an_experiment_file_only_the_workflow_is_written(repository: Path) -> None:
    (repository / "ml-experiment.yaml").write_text("command: python train.py\n")
    before = {path.name for path in repository.iterdir()}
    done = CliRunner().invoke(app, ["init", str(repository), "--workflow", "reproduce", "--workflow", "report"])
    assert done.exit_code == 0, done.output
    assert {path.name for path in repository.iterdir()} == before | {".github"}
    assert "wrote .github/workflows/reproduce.yml, .github/workflows/report.yml" in done.output
    assert "from forks" not in done.output
    assert CliRunner().invoke(app, ["init", str(repository), "--workflow", "gitlab"]).exit_code == 2
