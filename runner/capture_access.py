"""Which files of the run's own copy of the source tree were read by anyone: native code, other languages, shells.

Python's audit events do not see HDF5, Arrow or a C++ data loader open a file; the file system does. Before the run
every file's access time is set long before its modification time, and a file system that keeps access times (`relatime`
is enough) moves it at the first read.
"""

import os
import tempfile
from pathlib import Path

_NEVER = 1_000_000_000  # nanoseconds: one second after 1970


def mark(root: Path) -> frozenset[str] | None:
    """Set the access time of every file below `root` back; the files, relative to it.

    None where the file system keeps no access times. Links are not followed. OSError passes through.
    """
    if not _keeps_access_times(root):
        return None
    marked = set()
    for file in _files(root):
        os.utime(file.path, ns=(_NEVER, file.stat(follow_symlinks=False).st_mtime_ns), follow_symlinks=False)
        marked.add(str(Path(file.path).relative_to(root)))
    return frozenset(marked)


def touched(root: Path, marked: frozenset[str]) -> frozenset[str]:
    """Those of the `marked` files that were read, or replaced, since. To be asked before anyone hashes them."""
    found = set()
    for name in marked:
        try:
            accessed = (root / name).lstat().st_atime_ns
        except OSError:
            continue  # removed by the run
        if accessed != _NEVER:
            found.add(name)
    return frozenset(found)


def _files(root: Path) -> list[os.DirEntry[str]]:
    found: list[os.DirEntry[str]] = []
    folders = [str(root)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    found.append(entry)
    return found


def _keeps_access_times(root: Path) -> bool:
    with tempfile.NamedTemporaryFile(dir=root) as probe:
        probe.write(b"1")
        probe.flush()
        os.utime(probe.name, ns=(_NEVER, 2 * _NEVER))
        Path(probe.name).read_bytes()
        return Path(probe.name).stat().st_atime_ns != _NEVER
