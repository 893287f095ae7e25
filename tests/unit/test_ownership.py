"""Files a step leaves as root are handed to the runner's user, who has to be able to clean them up."""

import os
from pathlib import Path

import pytest

from action.ownership import give_back


@pytest.mark.root
def test_everything_below_is_the_workspaces_owners(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 1234)
    state = tmp_path / ".ml-experiment" / "runs"
    state.mkdir(parents=True)
    (state / "run.json").touch()
    (state / "link").symlink_to("/etc/hostname")
    before = Path("/etc/hostname").stat().st_uid
    give_back(tmp_path / ".ml-experiment", tmp_path)
    owners = {path.lstat().st_uid for path in [state.parent, *state.parent.rglob("*")]}
    assert owners == {1234}
    assert Path("/etc/hostname").stat().st_uid == before  # the link, not what it leads to


def test_what_is_not_there_is_left_alone(tmp_path: Path) -> None:
    give_back(tmp_path / "nothing", tmp_path)
    assert list(tmp_path.iterdir()) == []
