"""A source tree and its data as content: which files there are by digest, and the parcels they travel in."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from runner import source
from runner.source import SourceTree
from runner.sweep.cluster.refusals import FileChanged

PARCEL = 16 * 2**20  # bytes of small files that travel together
PART = 64 * 2**20  # a larger file travels in parts of so many bytes


@dataclass(frozen=True)
class Entry:
    """A file of the tree, or a link. `path` is relative to the root of the tree; `link` is where a link leads."""

    path: str
    size: int = 0
    sha256: str = ""
    executable: bool = False
    link: str | None = None


@dataclass(frozen=True)
class Manifest:
    """All files a run may read. `linked`: those of them that are declared data, which runs get as links."""

    entries: tuple[Entry, ...]
    linked: tuple[str, ...]

    @cached_property
    def parcels(self) -> tuple[tuple[Entry, ...], ...]:
        """The files by digest, each once, small ones together; the same on both sides."""
        made: list[tuple[Entry, ...]] = []
        together: list[Entry] = []
        by_digest = {entry.sha256: entry for entry in reversed(self.entries) if entry.link is None}
        for entry in sorted(by_digest.values(), key=lambda entry: entry.path):
            if together and sum(one.size for one in together) + entry.size > PARCEL:
                made.append(tuple(together))
                together = []
            together.append(entry)
        return (*made, tuple(together)) if together else tuple(made)


def manifest(tree: SourceTree, data: Mapping[str, str], besides: Sequence[str] = ()) -> Manifest:
    """The tree by content; `data`: declared path (relative to the experiment's folder) -> SHA-256.

    `besides`: further files of the experiment's folder, which git may ignore (the lock). A link that leads to a file
    outside of the tree travels as that file. Raises FileChanged where a file cannot be read any more.
    """
    linked = {tree.inside(path): sha256 for path, sha256 in data.items()}
    names = dict.fromkeys([*tree.files, *map(tree.inside, besides)])
    entries = [_entry(tree, name) for name in names if name not in linked]
    entries += [_entry(tree, name, sha256) for name, sha256 in linked.items()]
    inside = [entry for entry in entries if not entry.path.startswith("../")]  # outside of the tree no run sees it
    return Manifest(tuple(inside), tuple(linked))


def _entry(tree: SourceTree, name: str, sha256: str | None = None) -> Entry:
    path = tree.root / name
    if path.is_symlink() and sha256 is None and not _is_file_outside(tree.root, path):
        return Entry(name, link=os.fspath(path.readlink()))
    digest = sha256 or source.sha256(path)
    if digest is None:
        raise _changed(path)
    found = path.stat()
    return Entry(name, found.st_size, digest, bool(found.st_mode & 0o100))


def _is_file_outside(root: Path, path: Path) -> bool:
    real = path.resolve()
    return real.is_file() and not real.is_relative_to(root.resolve())


def parts(parcel: Sequence[Entry], root: Path) -> Iterator[tuple[bytes, bool]]:
    """The content of a parcel, file after file, in parts; each with whether it is the last."""
    held, left = bytearray(), sum(entry.size for entry in parcel)
    for entry in parcel:
        try:
            with (root / entry.path).open("rb") as file:
                while block := file.read(min(PART - len(held), 2**24)):
                    held += block
                    left -= len(block)
                    if len(held) == PART and left > 0:
                        yield bytes(held), False
                        held.clear()
        except OSError:
            raise _changed(root / entry.path) from None
    yield bytes(held), True


def _changed(path: Path) -> FileChanged:
    return FileChanged(
        f"{path}: changed, or cannot be read, while the tree was sent to the cluster\n"
        "  let nothing write to the tree, and run the same command again\nnothing was run"
    )
