"""What is put into containers, as archives: our kit, and the source tree of a run as its commit has it."""

import contextlib
import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from experiment.errors import InfrastructureFailed
from runner.container import paths
from runner.runtime import Task

OWNER = 65534  # user and group of every process in a sandbox
WRITTEN_NEVER = (
    1  # time of last change, in seconds since 1970, of all we put there: what differs was written by the run
)
_IN_MEMORY = 32 * 1024 * 1024


class CannotPack(InfrastructureFailed):
    """git does not give the tree of its own commit, or a file of it cannot be read."""


def kit(files: Mapping[PurePosixPath, bytes]) -> bytes:
    """An archive to be unpacked at KIT; `files` by their places inside."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        made: set[str] = set()
        for place, content in sorted(files.items()):
            name = str(place.relative_to(paths.KIT))
            _folders(archive, name, made)
            archive.addfile(_entry(name, len(content), 0o444), io.BytesIO(content))
    return packed.getvalue()


def tree(task: Task, at: Mapping[str, PurePosixPath]) -> IO[bytes]:
    """The work folder of a run before it starts, as an archive to be unpacked at WORK: the tree, and an empty stream.

    A clean tree is what `git archive` says its commit is, and what that leaves out (submodules, files marked
    export-ignore) as it lies there; any other is copied as it is. Files of `at` become links to those places inside.
    Raises CannotPack; the caller closes the file, which stands at its beginning.
    """
    with contextlib.ExitStack() as stack:
        packed = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            _pack(archive, task, at)
        packed.seek(0)
        stack.pop_all()  # the caller has it now
        return packed


def _pack(archive: tarfile.TarFile, task: Task, at: Mapping[str, PurePosixPath]) -> None:
    made: set[str] = set()
    _folders(archive, f"{paths.TREE.name}/{task.tree.folder}/.", made)
    _folders(archive, f"{paths.STREAM.name}/.", made)
    there = set(at)
    if task.tree.checkout and task.tree.commit is not None and not task.tree.dirty:
        for member, content in _committed(task.tree.root, task.tree.commit):
            if member.name not in there:
                there.add(member.name)
                _add(archive, member.name, member, content, made)
    for name in task.tree.files:
        if name not in there:
            _add_file(archive, task.tree.root / name, name, made)
    for name, place in at.items():
        link = _entry(_inside(name), 0, 0o777)
        link.type, link.linkname = tarfile.SYMTYPE, str(place)
        _folders(archive, link.name, made)
        archive.addfile(link)


def file_in(name: str, file: IO[bytes], size: int, hear: Callable[[bytes], object]) -> Iterator[bytes]:
    """The one file `name` of `size` bytes as an archive, in pieces as they are read; `hear` gets its content."""
    yield _entry(name, size, 0o444).tobuf(format=tarfile.PAX_FORMAT)
    left = size
    while left > 0 and (block := file.read(min(left, 1 << 20))):
        left -= len(block)
        hear(block)
        yield block
    if left:
        raise CannotPack(f"{name}: became shorter while it was read\n  let nothing write to it, and run again")
    yield bytes(-size % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE)


def _committed(root: Path, commit: str) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Files and links of a commit, each with its content."""
    command = ["git", "-C", str(root), "archive", "--format=tar", commit]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, stdin=subprocess.DEVNULL)
        with process:
            try:
                with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                    for member in archive:
                        if member.isfile() or member.issym():
                            yield member, archive.extractfile(member) if member.isfile() else None
            except tarfile.TarError:
                process.wait()
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            said.seek(0)
            raise CannotPack(
                f"{root}: git archive {commit[:12]} failed: {said.read().decode(errors='replace').strip()[:500]}\n"
                "  look at the repository with: git fsck"
            )


def _add_file(archive: tarfile.TarFile, path: Path, name: str, made: set[str]) -> None:
    try:
        if path.is_symlink():
            link = tarfile.TarInfo()
            link.type, link.linkname = tarfile.SYMTYPE, os.fspath(path.readlink())
            _add(archive, name, link, None, made)
            return
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            member = tarfile.TarInfo()
            member.size, member.mode = found.st_size, found.st_mode & 0o777
            _add(archive, name, member, file, made)
    except OSError as error:
        raise CannotPack(f"{path}: cannot be read: {error.strerror}\n  permit reading it, and run again") from None


def _add(archive: tarfile.TarFile, name: str, like: tarfile.TarInfo, content: IO[bytes] | None, made: set[str]) -> None:
    entry = _entry(_inside(name), like.size if content is not None else 0, like.mode | 0o600)
    if like.issym():
        entry.type, entry.linkname = tarfile.SYMTYPE, like.linkname
    _folders(archive, entry.name, made)
    archive.addfile(entry, content)


def _inside(name: str) -> str:
    return f"{paths.TREE.name}/{name}"


def _entry(name: str, size: int, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, mode, WRITTEN_NEVER
    entry.uid = entry.gid = OWNER
    return entry


def _folders(archive: tarfile.TarFile, name: str, made: set[str]) -> None:
    """Every folder above `name`, once: the engine would make missing ones for its own user."""
    for folder in reversed(PurePosixPath(os.path.normpath(name) if name.endswith("/.") else name).parents):
        _folder(archive, str(folder), made)
    if name.endswith("/."):
        _folder(archive, os.path.normpath(name), made)


def _folder(archive: tarfile.TarFile, name: str, made: set[str]) -> None:
    if name != "." and name not in made:
        made.add(name)
        entry = _entry(name, 0, 0o755)
        entry.type = tarfile.DIRTYPE
        archive.addfile(entry)
