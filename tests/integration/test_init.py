"""`init` in real repositories: real git, a real environment, real trial runs."""

import os
import subprocess
from pathlib import Path

import pytest

from action.activities.init import AlreadyThere, Guessed, NothingToRun, TrialFailed, init
from experiment.file import load
from experiment.spec import Goal

NO_PACKAGES = "# no packages\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", folder], check=True)
    return folder


def guess(folder: Path, command: str | None = None, lock: str | None = None) -> Guessed:
    return init(folder, command, lock, ask=None, say=lambda _line: None, inherited=os.environ)


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".git", ".ml-experiment"}


def test_a_script_that_only_prints(repository: Path) -> None:
    (repository / "go.py").write_text('print("loss = 0.3")\n')
    said: list[str] = []
    init(repository, None, None, ask=None, say=said.append, inherited=os.environ)
    spec = load(repository)
    assert (spec.command, spec.environment.lock) == ("python go.py", "requirements.lock")
    assert spec.metrics["loss"].goal is Goal.MINIMIZE
    assert spec.metrics["loss"].pattern is not None
    assert spec.gate.reproduce == "required"
    assert (repository / "requirements.lock").read_text() == NO_PACKAGES
    assert (repository / ".gitignore").read_text() == ".ml-experiment/\n"
    assert any("loss: minimize, 0.3, from output" in line for line in said)
    assert any("ml-experiment reproduce" in line for line in said)


def test_metric_file_ignored_data_and_model_are_found(repository: Path) -> None:
    (repository / ".gitignore").write_text("data/\n*.pt\nmetrics.json")
    (repository / "data").mkdir()
    (repository / "data/points.csv").write_text("1\n2\n")
    (repository / "train.py").write_text(
        "import argparse, json\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--seed', type=int)\nseed = parser.parse_args().seed\n"
        "total = sum(map(int, open('data/points.csv')))\n"
        "json.dump({'test': {'accuracy': 0.75 + seed}}, open('metrics.json', 'w'))\n"
        "open('model.pt', 'w').write(str(total))\n"
    )
    guess(repository)
    spec = load(repository)
    assert spec.command == "python train.py --seed {seed}"
    assert spec.metric_files == ("metrics.json",)
    assert spec.metrics["test/accuracy"].goal is Goal.MAXIMIZE
    assert [file.path for file in spec.data] == ["data/points.csv"]
    assert spec.artifacts == ("model.pt",)
    assert (repository / ".gitignore").read_text() == "data/\n*.pt\nmetrics.json\n.ml-experiment/\n"


def test_two_unequal_runs_are_seen(repository: Path) -> None:
    (repository / "train.py").write_text("import time\nprint('loss:', time.time_ns() % 1000003 / 7)\n")
    assert guess(repository).draft.unequal == ("loss",)
    assert load(repository).gate.reproduce == "report"


def test_an_experiment_in_a_folder_of_the_repository(repository: Path) -> None:
    folder = repository / "sub"
    folder.mkdir()
    (folder / "points.csv").write_text("1\n")
    (folder / "train.py").write_text("print('loss:', float(open('points.csv').read()))\n")
    guess(folder)
    assert [file.path for file in load(folder).data] == ["points.csv"]


def test_a_trial_that_fails_shows_the_end_of_its_output_and_writes_nothing(repository: Path) -> None:
    (repository / "train.py").write_text("import sys\nprint('no such model: huge')\nsys.exit(3)\n")
    with pytest.raises(TrialFailed) as refused:
        guess(repository)
    assert "no such model: huge" in str(refused.value)
    assert "nothing was written" in str(refused.value)
    assert left(repository) == {"train.py"}


def test_a_package_the_lock_lacks_is_named(repository: Path) -> None:
    (repository / "train.py").write_text("import surely_not_there\nprint(1)\n")
    (repository / "requirements.lock").write_text(NO_PACKAGES)
    with pytest.raises(TrialFailed, match="the lock lacks surely_not_there"):
        guess(repository)


def test_an_experiment_file_is_never_overwritten(repository: Path) -> None:
    (repository / "ml-experiment.yaml").write_text("mine")
    with pytest.raises(AlreadyThere, match="there is an experiment file already"):
        guess(repository)
    assert (repository / "ml-experiment.yaml").read_text() == "mine"


def test_a_lock_that_cannot_be_used_is_not_overwritten(repository: Path) -> None:
    (repository / "train.py").write_text("print('loss: 1')\n")
    (repository / "requirements.lock").write_text("numpy==2.0.0\n")
    with pytest.raises(AlreadyThere, match="does not overwrite"):
        guess(repository)
    assert (repository / "requirements.lock").read_text() == "numpy==2.0.0\n"


def test_where_nothing_can_be_guessed_the_option_to_pass_is_named(repository: Path) -> None:
    with pytest.raises(NothingToRun, match="--command") as refused:
        guess(repository)
    assert refused.value.exit_code == 2


def test_what_is_passed_is_taken_as_it_is(repository: Path) -> None:
    (repository / "train.py").write_text("print('loss: 1')\n")
    (repository / "other.txt").write_text(NO_PACKAGES)
    guess(repository, "python train.py again", "other.txt")
    spec = load(repository)
    assert (spec.command, spec.environment.lock) == ("python train.py again", "other.txt")


def test_answers_on_a_terminal_decide(repository: Path) -> None:
    (repository / "train.py").write_text("print('loss: 1.5')\nprint('accuracy: 0.25')\n")
    asked: list[str] = []

    def ask(question: str, proposed: str) -> str:
        asked.append(question.split(maxsplit=1)[0])
        return "loss" if question.startswith("Metrics") else proposed

    init(repository, None, None, ask=ask, say=lambda _line: None, inherited=os.environ)
    assert asked == ["Command", "Use", "Metrics"]
    assert {name: metric.gate for name, metric in load(repository).metrics.items()} == {
        "loss": True,
        "accuracy": False,
        "runtime_s": False,
    }


def test_ctrl_c_while_asking_leaves_nothing(repository: Path) -> None:
    (repository / "train.py").write_text("print('loss: 1.5')\n")

    def ask(question: str, proposed: str) -> str:
        if question.startswith("Metrics"):
            raise KeyboardInterrupt
        return proposed

    with pytest.raises(KeyboardInterrupt):
        init(repository, None, None, ask=ask, say=lambda _line: None, inherited=os.environ)
    assert left(repository) == {"train.py"}
    assert list((repository / ".ml-experiment/work").iterdir()) == []
