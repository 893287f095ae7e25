"""Setting up: from the locks alone, once, and with a reason when it cannot."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ("experiment", "runner", "reporting", "action", "workflows")
PARTS = ("bootstrap", "pyproject.toml", "README.md", "LICENSE", "locks", *CODE)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What setting up needs of a clone, at a path with a space in it."""
    folder = tmp_path / "a clone"
    folder.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, folder / part)
    return folder


def bootstrap(checkout: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHON")}
    return subprocess.run(
        [checkout / "bootstrap", *arguments],
        cwd="/", env=environment | variables, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.network
def test_it_sets_up_the_command_from_any_folder_and_then_has_nothing_to_do(checkout: Path) -> None:
    first = bootstrap(checkout, PYTHONDONTWRITEBYTECODE="1")
    assert first.returncode == 0, first.stderr
    assert [line.removeprefix("bootstrap: ")[:3] for line in first.stdout.splitlines()] == ["1/3", "2/3", "3/3", "rea"]
    imported = subprocess.run(
        [checkout / ".venv/bin/python", "-c", "import experiment; print(experiment.__file__)"],
        cwd="/", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(imported.stdout.strip()) == checkout / "experiment/__init__.py"
    places = [checkout / "experiment", *(checkout / ".venv").glob("lib/python3*/site-packages/mlflow")]
    assert [any(place.rglob("*.pyc")) for place in places] == [True] * 2

    again = bootstrap(checkout, UV_OFFLINE="1", PIP_NO_INDEX="1")
    assert (again.returncode, again.stdout) == (0, "bootstrap: ready (nothing changed)\n")

    with (checkout / "pyproject.toml").open("a") as file:
        file.write("\n")
    changed = bootstrap(checkout, UV_COMPILE_BYTECODE="0")
    assert changed.returncode == 0, changed.stderr
    assert "1/3" in changed.stdout


@pytest.mark.network
def test_a_package_whose_bytes_are_not_the_locked_ones_is_not_installed(checkout: Path) -> None:
    lock = checkout / "locks/bootstrap.txt"
    version = lock.read_text().split(" ")[0]
    lock.write_text(f"{version} --hash=sha256:{'0' * 64}\n")
    done = bootstrap(checkout)
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not (checkout / ".venv/bootstrap-stamp").exists()


def test_an_unknown_argument_is_refused_with_the_usage(checkout: Path) -> None:
    done = bootstrap(checkout, "devel")
    assert (done.returncode, done.stderr) == (
        1,
        "bootstrap: unknown argument 'devel'\nbootstrap: usage: ./bootstrap [dev]\n",
    )


def test_a_machine_without_a_python_that_is_new_enough_is_told_what_to_do(checkout: Path) -> None:
    done = bootstrap(checkout, PYTHON="python2.6")
    assert (done.returncode, done.stderr) == (
        1,
        "bootstrap: Python 3.11 or newer is needed; found: no python2.6\n"
        "bootstrap: install one (Debian: apt-get install python3 python3-venv), or name one:"
        " PYTHON=/path/to/python3.12 ./bootstrap\n",
    )
    assert not (checkout / ".venv").exists()
