"""Attacks start from a stranger's pull request, or from a checkout with a stranger's code in it."""

from pathlib import Path

import pytest
from forge.server import Forge
from stranger import Stranger


@pytest.fixture
def stranger(forge: Forge, tmp_path: Path) -> Stranger:
    return Stranger.opens_a_pull_request(tmp_path, forge)
