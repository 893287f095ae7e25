"""`reproduce` in a container: the same result as in the venv, and each report says where it was made."""

import shutil
from pathlib import Path

import pytest
from container_bed import Bed
from container_place import labelled
from repositories import ROOT, Done, Repository

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """examples/digits, for 20 epochs, alone in a repository."""
    folder = tmp_path_factory.mktemp("digits") / "digits"
    left_out = shutil.ignore_patterns(".ml-experiment", "__pycache__")
    shutil.copytree(ROOT / "examples" / "digits", folder, ignore=left_out)
    made = Repository(folder, {"XDG_CACHE_HOME": str(folder.parent / "cache")})
    made.change("ml-experiment.yaml", "prefer: lock ", "prefer: lock\n  build: {network: host} ")
    made.change("ml-experiment.yaml", "epochs: 200", "epochs: 20")
    made.git("init", "-q")
    made.commit()
    return made


def reproduce(digits: Repository, *args: str) -> Done:
    done = digits.run("reproduce", "--seeds", "0", "--json", *args)
    assert done.code in (0, 1), done.out + done.err
    return done


@pytest.mark.network
def test_digits_gives_the_same_bits_in_its_container_and_in_its_venv(digits: Repository, bed: Bed) -> None:
    base = ("--environment", "dockerfile", "--build-arg", f"BASE={bed.base}")
    outside = reproduce(digits, "--environment", "lock")
    report = Path(outside.json["report"]).read_text(encoding="utf-8")
    assert "Locked environment `requirements.lock`" in report
    inside = reproduce(digits, *base)
    report = Path(inside.json["report"]).read_text(encoding="utf-8")
    assert "Container built from `Dockerfile`" in report
    assert "the baseline was made in a locked virtual environment, these runs in a container" in report
    assert f"ml-experiment reproduce --no-cache --environment dockerfile --build-arg BASE={bed.base}" in report
    one, other = (
        {name: figures["mean"] for name, figures in done.json["metrics"].items() if name.startswith("test/")}
        for done in (outside, inside)
    )
    assert one == other
    # Whole curves, to the bit. The model's file is another: zip archives changed between patch releases of Python.
    curves = {record["metrics"]["test/loss"]["curve_sha256"] for record in digits.records()}
    assert len(curves) == 1
    again = reproduce(digits, *base)
    assert again.json["cached"] == 1
    assert labelled(digits.folder) == []


def test_an_environment_that_is_not_declared_is_refused(digits: Repository) -> None:
    done = digits.run("reproduce", "--environment", "image")
    assert done.code == 2
    assert "--environment image: ml-experiment.yaml has no environment.image (it has: dockerfile, lock)" in done.err


def test_a_build_argument_without_a_value_is_refused(digits: Repository) -> None:
    done = digits.run("reproduce", "--build-arg", "BASE")
    assert done.code == 2
    assert "'BASE' is not NAME=VALUE" in done.err


def test_uncommitted_changes_are_refused_in_ci(digits: Repository, bed: Bed, tmp_path: Path) -> None:
    changed = digits.copy(tmp_path / "digits")
    changed.write("new.py", "")
    asked = ("reproduce", "--environment", "dockerfile", "--build-arg", f"BASE={bed.base}")
    done = changed.run(*asked, environ={"CI": "true"})
    assert done.code == 2
    assert "there are uncommitted changes, and this is CI (CI=true)" in done.err
