"""Which script init takes for the training, and which command starts it."""

from pathlib import Path

import pytest

from runner.discovery import data, scripts
from runner.discovery.scripts import Script

FIT = "from sklearn.svm import SVC\nSVC().fit([[0], [1]], [0, 1])\n"


def repository(folder: Path, **files: str) -> Path:
    """Files by name; `__` stands for a slash, `_py` and the like for a dot."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_py", ".py").replace("_md", ".md").replace("_toml", ".toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def found(folder: Path) -> list[Script]:
    return scripts.find(folder, [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()])


def command(folder: Path) -> str:
    return found(folder)[0].command


def test_a_script_that_trains_comes_before_those_with_other_jobs(tmp_path: Path) -> None:
    repository(tmp_path, train_py=FIT, evaluate_py=FIT, plot_py="print(1)", setup_py="setup()")
    assert next(script.path for script in found(tmp_path)) == "train.py"


def test_the_reasons_are_said(tmp_path: Path) -> None:
    repository(tmp_path, train_py=FIT, README_md="    python train.py\n")
    assert found(tmp_path)[0].reasons == (
        "its name says training",
        "README.md runs it",
        "it calls fit()",
        "it uses sklearn",
    )


def test_the_only_script_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    repository(tmp_path, go_py="print('loss = 0.3')")
    assert command(tmp_path) == "python go.py"


def test_nothing_is_taken_where_nothing_points_to_a_training(tmp_path: Path) -> None:
    repository(tmp_path, one_py="print(1)", two_py="print(2)")
    assert found(tmp_path) == []


def test_a_file_that_only_defines_is_no_script(tmp_path: Path) -> None:
    repository(tmp_path, train_py="def train(model):\n    model.fit()\n", main_py="import train\ntrain.train(1)\n")
    assert [script.path for script in found(tmp_path)] == ["main.py"]


@pytest.mark.parametrize(
    ("readme", "expected"),
    [
        ("```\n$ python train.py --epochs 3\n```", "python train.py --epochs 3"),
        ("Run `python3 train.py --epochs 3` first.", "python train.py --epochs 3"),
        ("python train.py \\\n    --epochs 3 \\\n    --lr 0.1\n", "python train.py --epochs 3 --lr 0.1"),
        ("uv run train.py --epochs 3 > log.txt", "python train.py --epochs 3"),
        ("CUDA_VISIBLE_DEVICES=0 python train.py --fast", "python train.py --fast"),
        ("python train.py --data /path/to/data\npython train.py --epochs 3", "python train.py --epochs 3"),
        ("python train.py --data <folder>", "python train.py"),
        ("python train.py --layout {wide}", "python train.py --layout {{wide}}"),
    ],
)
def test_the_command_is_the_first_whole_one_the_readme_names(tmp_path: Path, readme: str, expected: str) -> None:
    repository(tmp_path, train_py=FIT, README_md=readme)
    assert command(tmp_path) == expected


@pytest.mark.parametrize(
    "option", ['add_argument("--seed", type=int)', 'add_argument("-s", "--seed")', 'add_option("--seed")']
)
def test_a_script_with_a_seed_option_gets_the_seed(tmp_path: Path, option: str) -> None:
    repository(tmp_path, train_py=f"import argparse\nparser.{option}\n{FIT}")
    assert command(tmp_path) == "python train.py --seed {seed}"


@pytest.mark.parametrize("name", ["--random-seed", "--random_state", "--manualSeed", "--rng-seed"])
def test_seed_options_have_many_names(tmp_path: Path, name: str) -> None:
    repository(tmp_path, train_py=f"parser.add_argument({name!r})\n{FIT}")
    assert command(tmp_path) == f"python train.py {name} {{seed}}"


def test_an_option_that_only_sounds_like_a_seed_is_none(tmp_path: Path) -> None:
    repository(tmp_path, train_py=f"parser.add_argument('--seed-file')\n{FIT}")
    assert command(tmp_path) == "python train.py"


def test_a_seed_option_in_a_module_the_script_imports_counts(tmp_path: Path) -> None:
    repository(tmp_path, train_py=f"import options\n{FIT}", options_py="parser.add_argument('--seed')\n")
    assert command(tmp_path) == "python train.py --seed {seed}"


def test_a_seed_written_in_the_readme_is_replaced(tmp_path: Path) -> None:
    text = f"parser.add_argument('--seed')\n{FIT}"
    repository(tmp_path, train_py=text, README_md="    python train.py --seed 42 --epochs 3\n")
    assert command(tmp_path) == "python train.py --seed {seed} --epochs 3"


def test_a_script_that_works_only_inside_its_package_is_started_as_a_module(tmp_path: Path) -> None:
    repository(tmp_path, src__pack__train_py=f"from . import model\n{FIT}", src__pack__model_py="x = 1\n")
    assert command(tmp_path) == "PYTHONPATH=src:$PYTHONPATH python -m pack.train"


def test_a_script_that_imports_from_the_top_is_started_as_a_module(tmp_path: Path) -> None:
    repository(tmp_path, jobs__train_py=f"from models import net\n{FIT}", models__net_py="x = 1\n")
    assert command(tmp_path) == "python -m jobs.train"


def test_a_script_of_pyproject_is_found(tmp_path: Path) -> None:
    project = '[project]\nname = "p"\nversion = "1"\nscripts = {train = "pack.cli:main"}\n'
    repository(tmp_path, pyproject_toml=project, pack__cli_py=f"def main():\n    {FIT.splitlines()[1]}\nmain()\n")
    assert found(tmp_path)[0].reasons[0] == "pyproject.toml (train) runs it"


def test_files_that_are_not_python_are_passed_over(tmp_path: Path) -> None:
    repository(tmp_path, broken_py="def (", old_py="print 1\n", train_py=FIT)
    assert [script.path for script in found(tmp_path)] == ["train.py"]


def test_ignored_files_are_data_by_their_folder_or_by_being_read(tmp_path: Path) -> None:
    repository(
        tmp_path, train_py="import numpy\nnumpy.load('events.npz')\nopen('model.bin', 'wb')\nopen('words.txt')\n"
    )
    code = scripts.started_by(tmp_path, ["train.py"], "python train.py")
    ignored = [
        "data/raw.csv",
        "events.npz",
        "words.txt",
        "model.bin",
        "outputs/data/x.csv",
        ".env",
        "data/.env",
        "a.log",
    ]
    assert data.of_interest(ignored, code) == ("data/raw.csv", "events.npz", "words.txt")
