"""That an attack changed nothing: the experiment's folder, files beside it and of the host, the engine."""

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from container_place import Place

from experiment.spec import Resources
from runner.container.labels import SESSION
from runner.execute import Finished

_OF_THE_HOST = tuple(map(Path, ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/hosts", "/etc/resolv.conf")))
_KINDS = (("container", "ps", "--all"), ("volume", "volume", "ls"), ("network", "network", "ls"))


def attack(place: Place, script: str, **changes: Any) -> Finished:
    """A run of a hostile `script`, after which nothing is other than before."""
    place.write("train.py", script)
    with unharmed(place):
        return place.run(script, **{"resources": Resources(timeout=60.0), **changes})


@contextmanager
def unharmed(place: Place) -> Iterator[None]:
    """Nothing is other after the block than before: no file, and no object of these sessions in the engine."""
    before = digests(place)
    yield
    assert digests(place) == before
    assert left(place.root) == []
    state = place.root / ".ml-experiment"
    assert list((state / "work").iterdir()) == []
    assert [path for path in state.rglob("*") if not path.is_dir() and not _plain(path)] == []


def digests(place: Place) -> dict[str, str]:
    """Every file of the folder and beside it with kind, mode and content, and those of the host that thieves want."""
    beside = place.root.parent
    files = [path for path in sorted(beside.rglob("*")) if not _ours(path.relative_to(beside).parts)]
    return {str(path): _digest(path) for path in (*files, *_OF_THE_HOST)}


def left(root: Path) -> list[str]:
    """What the engine still has of sessions whose lease is below `root`."""
    found = []
    for kind, *command in _KINDS:
        listing = ["docker", *command, "--filter", f"label={SESSION}", "--format", '{{.Label "ml-experiment.lease"}}']
        done = subprocess.run(listing, capture_output=True, text=True, check=True)
        found += [f"{kind} of {lease}" for lease in done.stdout.split() if Path(lease).is_relative_to(root)]
    return found


def _ours(parts: tuple[str, ...]) -> bool:
    """What we write: the state folder; git refreshes its index when it is asked for the status."""
    return ".ml-experiment" in parts or parts[-2:] == (".git", "index")


def _digest(path: Path) -> str:
    found = path.lstat()
    plain = path.is_file() and not path.is_symlink()
    content = path.read_bytes() if plain else b""
    return f"{found.st_mode:o} {found.st_uid} {found.st_nlink if plain else 0} {hashlib.sha256(content).hexdigest()}"


def _plain(path: Path) -> bool:
    """A regular file that only we have, without any special right."""
    found = path.lstat()
    return path.is_file() and not path.is_symlink() and found.st_nlink == 1 and not found.st_mode & 0o7000
