"""What end-to-end tests and attacks start from: a fresh repository, and one with recorded runs and a baseline."""

from pathlib import Path

import pytest
from repositories import Repository


@pytest.fixture(scope="session")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One environment cache and one MLflow store for all of them: making each takes seconds."""
    shared = tmp_path_factory.mktemp("shared")
    return {
        "XDG_CACHE_HOME": str(shared / "cache"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{shared / 'mlflow.db'}",
    }


@pytest.fixture
def repository(tmp_path: Path, environ: dict[str, str]) -> Repository:
    """A commit, and nothing run yet."""
    return Repository.make(tmp_path / "fresh", environ)


@pytest.fixture(scope="session")
def accepted_once(tmp_path_factory: pytest.TempPathFactory, environ: dict[str, str]) -> Repository:
    made = Repository.make(tmp_path_factory.mktemp("accepted") / "repository", environ)
    done = made.run("baseline", "accept")
    assert done.code == 0, done.out + done.err
    made.commit()
    return made


@pytest.fixture
def accepted(accepted_once: Repository, tmp_path: Path) -> Repository:
    """Five recorded runs, accepted as the baseline and committed. A copy: tests may do with it what they like."""
    return accepted_once.copy(tmp_path / "accepted")
