"""What a node keeps of content: all that a worker uses now, and of the rest what was used last, up to a bound."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SHARE = 10
"""What is kept is at most one part in so many of the disk it lies on."""
_HALF_WRITTEN_S = 24 * 3600.0
_DIGEST = 64  # characters of a whole file's name


@dataclass(frozen=True)
class Lease:
    """Says that content is in use, until it is given back or its process ends, however that ends."""

    path: Path
    fd: int

    def end(self) -> None:
        """Give it back."""
        self.path.unlink(missing_ok=True)
        os.close(self.fd)


def most_bytes(folder: Path) -> int:
    """How much may be kept at `folder`, in bytes. OSError passes through."""
    folder.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(folder).total // SHARE


def lease(folder: Path, digests: Collection[str]) -> Lease:
    """Use these files of the content at `folder`, whether they are there already or not. OSError passes through."""
    with _alone(folder):
        leases = folder / "leases"
        leases.mkdir(exist_ok=True)
        fd, name = tempfile.mkstemp(dir=leases)
        fcntl.flock(fd, fcntl.LOCK_EX)
        with open(fd, "w", encoding="ascii", closefd=False) as file:
            file.writelines(f"{digest}\n" for digest in digests)
        for digest in digests:
            with suppress(FileNotFoundError):
                os.utime(folder / digest[:2] / digest)
    return Lease(Path(name), fd)


def tidy(folder: Path, most: int) -> None:
    """Remove what was not used for longest until at most `most` bytes are there; nothing that is in use.

    OSError passes through.
    """
    with _alone(folder):
        used = _in_use(folder / "leases")
        found = sorted(_files(folder))
        kept = sum(size for _, size, _ in found)
        for changed, size, path in found:
            if kept <= most:
                return
            half_written = len(path.name) != _DIGEST and time.time() - changed < _HALF_WRITTEN_S
            if path.name not in used and not half_written:
                path.unlink()
                kept -= size


def _files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    for path in folder.glob("??/*"):
        with suppress(FileNotFoundError):  # a half written one got its name meanwhile
            found = path.stat()
            yield found.st_mtime, found.st_size, path


def _in_use(leases: Path) -> set[str]:
    used: set[str] = set()
    for path in leases.glob("*"):
        with suppress(FileNotFoundError), path.open(encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                used |= set(file.read().split())
            else:
                path.unlink()  # whoever had it was killed
    return used


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time on this node: what is being leased is not removed at the same moment."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
