"""Whose the files are that a step leaves: the runner's user's, not the root's that GitHub runs containers as."""

import contextlib
import os
from pathlib import Path


def give_back(folder: Path, workspace: Path) -> None:
    """Hand `folder` and all in it to the workspace's owner, who could not clean it up otherwise. Best effort."""
    if os.geteuid() != 0 or not folder.is_dir():
        return
    with contextlib.suppress(OSError):  # the next checkout says so, and better
        owner = workspace.stat()
        for parent, _, names in os.walk(folder):
            for name in [".", *names]:
                os.chown(Path(parent) / name, owner.st_uid, owner.st_gid, follow_symlinks=False)
