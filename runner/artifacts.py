"""Kept artifacts of two runs, byte by byte: where files that should be equal first differ."""

from collections.abc import Mapping
from itertools import count
from pathlib import Path

from experiment.bundle import FileGap

_BLOCK = 1 << 20


def file_gaps(
    before: Mapping[str, str | None], folder_before: Path, after: Mapping[str, str | None], folder_after: Path
) -> tuple[FileGap, ...]:
    """The first differing byte of each artifact whose digests differ; left out where a folder did not keep the file.

    `before` and `after` hold path -> SHA-256, the folders are those of the two runs.
    """
    found = []
    for path in {**before, **after}:
        if before.get(path) != after.get(path):
            gap = first_difference(path, folder_before / "artifacts" / path, folder_after / "artifacts" / path)
            found += [gap] if gap is not None else []
    return tuple(found)


def first_difference(name: str, a: Path, b: Path) -> FileGap | None:
    """Where two files first differ, a file that ends earlier differing at its end; None: equal, or not readable."""
    try:
        with a.open("rb") as one, b.open("rb") as other:
            sizes = (a.stat().st_size, b.stat().st_size)
            for block in count():
                here, there = one.read(_BLOCK), other.read(_BLOCK)
                if here != there:
                    shorter = min(len(here), len(there))
                    at = next((i for i in range(shorter) if here[i] != there[i]), shorter)
                    return FileGap(path=name, first=block * _BLOCK + at, sizes=sizes)
                if not here:
                    return None
    except OSError:
        pass
    return None
