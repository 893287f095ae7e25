"""Shares of a node's processors: each worker holds its own, by file locks that end with it."""

import contextlib
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path


def hold(folder: Path, wanted: int, processors: Sequence[int]) -> tuple[int, ...] | None:
    """Numbers of `wanted` processors nobody else holds, held until this process ends.

    None where there are not so many: a cluster may be told of more processors than there are, and then nobody is bound.
    OSError passes through.
    """
    folder.mkdir(parents=True, exist_ok=True)
    held: dict[int, int] = {}
    for processor in processors:
        fd = os.open(folder / str(processor), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            continue
        held[processor] = fd
        if len(held) == wanted:
            return tuple(held)
    for fd in held.values():
        with contextlib.suppress(OSError):
            os.close(fd)
    return None
