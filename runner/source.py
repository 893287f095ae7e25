"""The source tree an experiment lies in: which files belong to it, at which commit, and a private copy for each run."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from experiment.errors import Refused
from experiment.value import digest

STATE = ".ml-experiment"
_JUNK = {STATE, ".git", ".venv", "venv", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", "node_modules"}

_ELSEWHERE = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"}  # set in hooks: they name one repository


class NotOwned(Refused):
    """git refuses a repository whose files belong to another user; taken for no repository it would lose its commit."""


@dataclass(frozen=True)
class SourceTree:
    """`files` are relative to `root`, sorted: all that git knows or would add; outside git, all but caches."""

    root: Path
    folder: str  # of the experiment below the root, "." for the root itself
    commit: str | None  # 40 hex digits; None outside git or before the first commit
    dirty: bool
    files: tuple[str, ...]
    checkout: bool = True  # whether `root` is where `commit` is: git knows it there

    def inside(self, path: str) -> str:
        """`path`, relative to the experiment's folder, as a path relative to the root (`..` resolved)."""
        return os.path.normpath(str(PurePosixPath(self.folder) / path))


def folder_of(path: Path) -> Path:
    """The experiment's folder, where `path` is that or the file in it."""
    return path if path.is_dir() else path.parent


def find(folder: Path, apart: Sequence[str] = ()) -> SourceTree:
    """The tree that `folder` belongs to: the git repository around it, else (or if that ignores it) the folder itself.

    `apart`: files of `folder` that do not make the tree dirty, since no run reads them: what a run is judged by.
    """
    folder = folder.resolve()
    top = _git(folder, "rev-parse", "--show-toplevel")
    if top is None or (_git(folder, "check-ignore", "-q", ".") is not None and not _git(folder, "ls-files", ".")):
        return SourceTree(folder, ".", None, False, tuple(sorted(_walk(folder))))
    root = Path(top.removesuffix("\n"))
    head = _git(root, "rev-parse", "--verify", "-q", "HEAD")
    inside = [os.path.relpath(folder / name, root.resolve()) for name in apart]
    others = [f":(exclude,literal){name}" for name in inside if not name.startswith("..")]
    everything = ["status", "--porcelain", "--untracked-files=all", "--", ".", f":(exclude,glob)**/{STATE}/**"]
    status = _git(root, *everything, *others)
    return SourceTree(
        root=root,
        folder=str(folder.relative_to(root.resolve())),
        commit=head.strip() if head else None,
        dirty=bool(status and status.strip()),
        files=tuple(sorted(set(_known(root)))),
    )


def ignored(tree: SourceTree) -> tuple[str, ...]:
    """Files git ignores, relative to the root, without caches and environments; none outside git."""
    listed = _git(tree.root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard") or ""
    return tuple(sorted(name for name in listed.split("\0") if name and not _junk(name)))


def copy(tree: SourceTree, to: Path, linked: Iterable[str]) -> None:
    """A private copy of the tree at `to`; `linked` (data, often large) are symbolic links to the originals.

    A link of the tree stays what it is where it leads to a place in the tree; one that leads out of it leads to the
    same place from the copy. Raises OSError (disk full).
    """
    links = {place for name in linked if (place := _place(tree, name)) is not None}
    for name in tree.files:
        if name not in links:
            target = to / name
            target.parent.mkdir(parents=True, exist_ok=True)
            original = tree.root / name
            if original.is_symlink() and _below(tree.root, original.parent / original.readlink()) is None:
                target.symlink_to(os.path.normpath(original.parent / original.readlink()))
            else:
                shutil.copy2(original, target, follow_symlinks=False)
    for name in links:
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to((tree.root / name).resolve())
    (to / tree.folder).mkdir(parents=True, exist_ok=True)


def _place(tree: SourceTree, name: str) -> str | None:
    """Where a file lies in the tree once links among its folders are followed; None where that is outside of it."""
    return _below(tree.root, (tree.root / name).parent.resolve() / PurePosixPath(name).name)


def _below(root: Path, path: Path) -> str | None:
    """`path` relative to `root`, None where it is not below it. Only the folders of both may be links."""
    real = path.parent.resolve() / path.name if path.name not in ("", "..") else path.resolve()
    return str(real.relative_to(root.resolve())) if real.is_relative_to(root.resolve()) else None


MODULES = "/modules"  # folders are relative, so none is called that
"""Stands in a record's listings for all importable files of the tree, which every `import` looks through."""

_IMPORTABLE = (".py", ".pyc", ".so", ".pth")


def listing(names: Sequence[str], folder: str) -> str:
    """Digest of the names a program sees that lists `folder`, of the files `names` of a tree.

    For MODULES, of every importable file: a new one may stand in front of a module that was imported from elsewhere.
    """
    if folder == MODULES:
        return digest(sorted(name for name in set(names) if name.endswith(_IMPORTABLE)))
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


def _junk(name: str) -> bool:
    return bool(_JUNK & set(PurePosixPath(name).parts))


def _walk(folder: Path) -> Iterable[str]:
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        folders[:] = [name for name in folders if name not in _JUNK]
        for name in [*names, *links]:
            path = Path(parent) / name
            if not _junk(name) and (path.is_symlink() or path.is_file()):
                yield str(path.relative_to(folder))


def _known(root: Path) -> Iterator[str]:
    """What git knows or would add, of repositories inside this one (submodules) too, and is there."""
    for name in (_git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard") or "").split("\0"):
        path = root / name
        if not name or _junk(name):
            continue
        if path.is_symlink() or path.is_file():
            yield name
        elif (path / ".git").exists():
            yield from (str(PurePosixPath(name) / inner) for inner in _known(path))


def _git(folder: Path, *args: str) -> str | None:
    """What git answers, None where it fails or is not installed. Raises NotOwned."""
    env = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE} | {"LC_ALL": "C"}
    command = ["git", "--no-optional-locks", "-C", str(folder), *args]
    try:
        done = subprocess.run(command, capture_output=True, check=False, env=env)
    except OSError:
        return None
    if b"dubious ownership" in done.stderr:
        raise NotOwned(
            f"{folder}: git does not read this repository: its files belong to another user\n"
            f"  if you trust them: git config --global --add safe.directory '{folder}'\nnothing was run"
        )
    return done.stdout.decode(errors="surrogateescape") if done.returncode == 0 else None
