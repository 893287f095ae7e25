"""Where the recorder's tests run: a source tree of their own, Pythons with real frameworks."""

from pathlib import Path

import pytest
from recorded import Project, framework_venv


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
