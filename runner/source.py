"""The source tree an experiment lies in: which files belong to it, at which commit, and a private copy for each run."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from experiment.value import digest

STATE = ".ml-experiment"
_JUNK = {STATE, ".git", ".venv", "venv", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", "node_modules"}


@dataclass(frozen=True)
class SourceTree:
    """`files` are relative to `root`, sorted: all that git knows or would add; outside git, all but caches."""

    root: Path
    folder: str  # of the experiment below the root, "." for the root itself
    commit: str | None  # 40 hex digits; None outside git or before the first commit
    dirty: bool
    files: tuple[str, ...]

    def inside(self, path: str) -> str:
        """`path`, relative to the experiment's folder, as a path relative to the root (`..` resolved)."""
        return os.path.normpath(str(PurePosixPath(self.folder) / path))


def find(folder: Path) -> SourceTree:
    """The tree that `folder` belongs to: the git repository around it, else the folder itself."""
    folder = folder.resolve()
    top = _git(folder, "rev-parse", "--show-toplevel")
    if top is None:
        return SourceTree(folder, ".", None, False, tuple(sorted(_walk(folder))))
    root = Path(top.strip())
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard") or ""
    names = {name for name in listed.split("\0") if name and not _JUNK & set(PurePosixPath(name).parts)}
    head = _git(root, "rev-parse", "--verify", "-q", "HEAD")
    status = _git(root, "status", "--porcelain", "--untracked-files=normal", "--", ".", f":(exclude)**/{STATE}/**")
    return SourceTree(
        root=root,
        folder=str(folder.relative_to(root.resolve())),
        commit=head.strip() if head else None,
        dirty=bool(status and status.strip()),
        files=tuple(sorted(name for name in names if (root / name).is_file() or (root / name).is_symlink())),
    )


def ignored(tree: SourceTree) -> tuple[str, ...]:
    """Files git ignores, relative to the root, without caches and environments; none outside git."""
    listed = _git(tree.root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard") or ""
    names = [name for name in listed.split("\0") if name and not _JUNK & set(PurePosixPath(name).parts)]
    return tuple(sorted(names))


def copy(tree: SourceTree, to: Path, linked: Iterable[str]) -> None:
    """A private copy of the tree at `to`; `linked` (data, often large) are symbolic links to the originals.

    Raises OSError (disk full).
    """
    links = {name for name in linked if not name.startswith("../") and not PurePosixPath(name).is_absolute()}
    for name in tree.files:
        if name not in links:
            target = to / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(tree.root / name, target, follow_symlinks=False)
    for name in links:
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to((tree.root / name).resolve())
    (to / tree.folder).mkdir(parents=True, exist_ok=True)


def listing(names: Sequence[str], folder: str) -> str:
    """Digest of the names a program sees that lists `folder`, of the files `names` of a tree."""
    prefix = "" if folder == "." else f"{folder}/"
    return digest(sorted({name[len(prefix) :].split("/")[0] for name in names if name.startswith(prefix)}))


def sha256(path: Path) -> str | None:
    """SHA-256 (hex) of the whole file; None where there is no regular file to read."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _walk(folder: Path) -> Iterable[str]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _JUNK]
        for name in names:
            yield str((Path(parent) / name).relative_to(folder))


def _git(folder: Path, *args: str) -> str | None:
    """What git answers, None where it fails or is not installed."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *args], capture_output=True, check=True, env={**os.environ, "LC_ALL": "C"}
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.decode(errors="surrogateescape")
