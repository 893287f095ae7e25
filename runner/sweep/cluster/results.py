"""A run's folder as content: packed on the node, unpacked into the store of who asked for it."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from experiment import record
from runner.execute import Finished
from runner.store import Store, read_run
from runner.sweep.cluster.refusals import NodeFailed

INLINE = 2**18  # bytes; larger files go through Ray's object store
PART = 64 * 2**20


@dataclass(frozen=True)
class File:
    """One file of the folder: its content, or references to it part by part."""

    name: str
    sha256: str
    content: bytes
    parts: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Packed:
    """A run's folder, by its content key."""

    key: str
    files: tuple[File, ...]


def pack(folder: Path, put: Callable[[bytes], Any]) -> Packed:
    """The folder of a run; `put` gives a reference to bytes. OSError passes through."""
    names = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    return Packed(record.read(folder).key, tuple(_packed(folder / name, name, put) for name in names))


def _packed(path: Path, name: str, put: Callable[[bytes], Any]) -> File:
    if path.stat().st_size <= INLINE:
        content = path.read_bytes()
        return File(name, hashlib.sha256(content).hexdigest(), content)
    found, refs = hashlib.sha256(), []
    with path.open("rb") as file:
        while part := file.read(PART):
            found.update(part)
            refs.append(put(part))
    return File(name, found.hexdigest(), b"", tuple(refs))


def unpack(packed: Packed, store: Store, get: Callable[[Any], bytes]) -> Finished:
    """Put the run into the store; `get` gives the bytes of a reference.

    Raises CannotStore; NodeFailed where what came is not the folder that was sent, or not one of a run.
    """

    def fill(folder: Path) -> None:
        for file in packed.files:
            name = PurePosixPath(file.name)
            if name.is_absolute() or ".." in name.parts:
                raise _damaged(file.name)
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            found = hashlib.sha256()
            with target.open("wb") as out:
                for block in _blocks(file, get):
                    found.update(block)
                    out.write(block)
            if found.hexdigest() != file.sha256:
                raise _damaged(file.name)

    folder = store.adopt(packed.key, fill)
    try:
        run = read_run(folder)
        if run.record.key != packed.key:
            raise ValueError("another key")
    except (OSError, ValidationError, ValueError):
        shutil.rmtree(folder, ignore_errors=True)
        raise _damaged("run.json") from None
    return Finished(run.record, list(run.curves), folder, run.log_tail)


def _blocks(file: File, get: Callable[[Any], bytes]) -> Iterator[bytes]:
    if not file.parts:
        yield file.content
    for part in file.parts:
        yield get(part)


def _damaged(name: str) -> NodeFailed:
    return NodeFailed(
        f"a run came back from the cluster damaged: {name[:200]}\n"
        "  all before is kept; look at the network and disks of the nodes, then run the same command again"
    )
