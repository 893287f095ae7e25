"""A forge for a test: with GitHub's description where the test asks for it, and no mismatch when it ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from action.forge.forge import Forge as Client
from action.forge.forge import connect
from action.inputs import Token
from forge.clocks import TestClock
from forge.description import ENTERPRISE, GITHUB, load
from forge.server import Forge, serving


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    """A forge that answers what we look at and nothing else."""
    with serving(tmp_path / "forge.git") as found:
        yield found
        assert found.state.problems == []


@pytest.fixture(params=[GITHUB, ENTERPRISE])
def described(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Forge]:
    """A forge whose every request and answer is held against what GitHub publishes."""
    with serving(tmp_path / "forge.git", load(request.param)) as found:
        yield found
        assert found.state.problems == []


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


def client(forge: Forge, token: str, clock: TestClock | None = None) -> Client:
    """Our side, with this token."""
    return connect(forge.url, forge.state.repository, Token(token), clock or TestClock())
