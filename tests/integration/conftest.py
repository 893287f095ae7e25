"""Where the recorder's tests run: a source tree of their own, Pythons with real frameworks."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import docker
import pytest
from recorded import Project, framework_venv

from runner.container.removal import remove_session


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "tree").mkdir()
    (tmp_path / "streams").mkdir()
    return Project(tmp_path / "tree", tmp_path / "streams")


@pytest.fixture(scope="session")
def light() -> Path:
    """Python with NumPy, scikit-learn and MLflow."""
    return framework_venv("light.lock")


@pytest.fixture(scope="session")
def keras_jax() -> Path:
    """Python with Keras 3 and JAX."""
    return framework_venv("keras-jax.lock")


@pytest.fixture(scope="session")
def tensorflow() -> Path:
    """Python with TensorFlow for processors."""
    return framework_venv("tensorflow.lock")


@pytest.fixture(scope="session")
def torch() -> Path:
    """Python with PyTorch."""
    return framework_venv("torch.lock")


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    """The engine of this machine, as docker-py gives it."""
    with closing(docker.from_env()) as client:
        yield client


@pytest.fixture(scope="module")
def labels(client: docker.DockerClient) -> Iterator[Mapping[str, str]]:
    """Of everything a module makes in the engine; it is gone after it."""
    session = f"test-{os.getpid()}-{time.time_ns()}"
    yield {"ml-experiment.session": session}
    remove_session(client, session, 60)
