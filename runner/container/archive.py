"""Reads files out of a container as the engine's archives: whoever made them may be hostile, so nothing is extracted.

Members are streamed; their kind, name and size are checked from the header before a byte of them is read, and the
bytes go under names of ours into folders of ours. What is refused ends the connection at once, undrained.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from tarfile import (  # type: ignore[attr-defined]  # the stubs leave out how a stream ends
    AREGTYPE,
    REGTYPE,
    EOFHeaderError,
    TarError,
    TarFile,
    TarInfo,
)
from typing import IO, Any, Self, cast

from experiment.record import FileDigest
from runner.container.archive_refusals import (
    NameRefused,
    NotAFolder,
    NotARegularFile,
    SizesDiffer,
    TooLarge,
    TooManyFiles,
    TornArchive,
    kind_of,
    shown,
)
from runner.store import CannotStore

_BLOCK = 64 * 1024
_HEADERS = 256 * 1024  # more than the longest path and attributes need; tarfile holds it all in memory
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,120}")
_HARMLESS = {"path", "size", "mtime", "atime", "ctime", "uid", "gid", "uname", "gname"}
_ATTRIBUTE = "SCHILY.xattr."
_GO_KINDS = {  # bits of a mode as Go writes it
    1 << 31: "a folder",
    1 << 27: "a symbolic link",
    1 << 25: "a pipe",
    1 << 24: "a socket",
    1 << 26: "a device",
}

Chunks = Iterator[bytes]
"""The engine's stream. Where it is a generator, closing it closes the connection."""


def hash_file(chunks: Chunks, stat: Mapping[str, Any], path: str, *, most_bytes: int) -> FileDigest:
    """Size and SHA-256 of the one regular file that `get_archive` answered with; it is stored nowhere.

    `path` is how the user knows the file, for the texts. Raises ArchiveRefused.
    """
    digest = hashlib.sha256()
    size = 0
    with _opened(chunks, path) as members:
        for block in _only_file(members, stat, path, most_bytes):
            digest.update(block)
            size += len(block)
    return FileDigest(size=size, sha256=digest.hexdigest())


def store_file(chunks: Chunks, stat: Mapping[str, Any], path: str, to: Path, *, most_bytes: int) -> FileDigest:
    """As `hash_file`, and the bytes are in the new file `to`.

    Raises ArchiveRefused, and CannotStore where the disk does not take it or `to` is there; no half a file is left.
    """
    digest = hashlib.sha256()
    size = 0
    with _opened(chunks, path) as members, _new(to) as file:
        for block in _only_file(members, stat, path, most_bytes):
            digest.update(block)
            size += len(block)
            _write(file, block, to)
    return FileDigest(size=size, sha256=digest.hexdigest())


def read_folder(
    chunks: Chunks, path: str, to: Path, *, accept: Callable[[str], bool], most_bytes: int, most_files: int
) -> list[Path]:
    """The files of a flat folder, written into our folder `to`; in the order they came.

    Names are plain ASCII that `accept` takes, `most_bytes` is over all files. Raises ArchiveRefused, CannotStore; the
    files before the one refused stay in `to`.
    """
    found: dict[str, Path] = {}
    left = most_bytes
    with _opened(chunks, path) as members:
        top = members.next()
        if top is None or not top.isdir():
            raise NotAFolder(path, "nothing" if top is None else kind_of(top))
        while (member := members.next()) is not None:
            folder, _, name = member.name.rpartition("/")
            target = to / name
            if folder != top.name or _NAME.fullmatch(name) is None or not accept(name) or name in found:
                raise NameRefused(path, member.name)
            _check_kind(member, path)
            if len(found) == most_files:
                raise TooManyFiles(path, most_files)
            if member.size > left:
                raise TooLarge(path, most_bytes - left + member.size, most_bytes)
            left -= member.size
            found[name] = target
            with _new(target) as file:
                for block in members.content(member):
                    _write(file, block, target)
    return list(found.values())


def _only_file(members: "_Members", stat: Mapping[str, Any], path: str, most_bytes: int) -> Iterator[bytes]:
    mode = stat.get("mode", 0)
    if kinds := [kind for bit, kind in _GO_KINDS.items() if mode & bit]:
        target = f" to {shown(stat['linkTarget'])}" if stat.get("linkTarget") else ""
        raise NotARegularFile(path, kinds[0] + target)
    member = members.next()
    if member is None:
        raise TornArchive(path, "it is empty")
    _check_kind(member, path)
    if member.name != stat.get("name"):
        raise NameRefused(path, member.name)
    if member.size > most_bytes:
        raise TooLarge(path, member.size, most_bytes)
    if member.size != stat.get("size"):
        raise SizesDiffer(path, stat.get("size"), member.size)
    yield from members.content(member)
    if (more := members.next()) is not None:
        raise NameRefused(path, more.name)


def _check_kind(member: TarInfo, path: str) -> None:
    if member.type not in (REGTYPE, AREGTYPE) or member.issparse():
        raise NotARegularFile(path, kind_of(member))
    odd = [key for key in member.pax_headers if key not in _HARMLESS and not key.startswith(_ATTRIBUTE)]
    if odd or member.size < 0:
        raise TornArchive(path, f"the header of {shown(member.name)} is not one of a regular file")


@contextlib.contextmanager
def _opened(chunks: Chunks, path: str) -> Iterator["_Members"]:
    source = _Bounded(chunks, path)
    try:
        source.allow(_HEADERS)
        # a generator that was never begun closes nothing: by the first bytes it holds the connection
        source.begin()
        yield _Members(source, path)
    finally:
        if isinstance(chunks, Generator):
            chunks.close()


class _Members:
    """The archive's members, one at a time, each read or refused before the next."""

    def __init__(self, source: "_Bounded", path: str) -> None:
        self._source = source
        self._path = path
        self._archive: TarFile | None = None

    def next(self) -> TarInfo | None:
        """The next header; None at the mark that ends an archive, which must be there."""
        self._source.allow(_HEADERS)
        with self._torn():
            if self._archive is None:
                self._archive = TarFile.open(
                    mode="r|", fileobj=cast(IO[bytes], self._source), bufsize=_BLOCK, tarinfo=_Header
                )
            return self._archive.next()

    def content(self, member: TarInfo) -> Iterator[bytes]:
        """The bytes of the member at hand, as many as its header says."""
        assert self._archive is not None
        self._source.allow(member.size + _HEADERS)
        with self._torn():
            file = self._archive.extractfile(member)  # hands over bytes, and writes nothing anywhere
            assert file is not None
            while block := file.read(_BLOCK):
                yield block

    @contextlib.contextmanager
    def _torn(self) -> Iterator[None]:
        """Whatever tarfile makes of bytes that are no archive."""
        try:
            yield
        except (TarError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
            raise TornArchive(self._path, str(error) or type(error).__name__) from None


class _Header(TarInfo):
    """A header that must be there: tarfile alone takes a broken one, or a stream's early end, for the end."""

    @classmethod
    def fromtarfile(cls, tarfile: TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile)
        except EOFHeaderError:
            raise
        except TarError as error:
            raise ValueError(str(error)) from None


class _Bounded:
    """Chunks as a file that tarfile reads: no more of them than the member at hand may have."""

    def __init__(self, chunks: Chunks, path: str) -> None:
        self._chunks = chunks
        self._path = path
        self._rest = b""
        self._allowed = 0

    def allow(self, size: int) -> None:
        """From here on `size` bytes may be read, and the block that has the last of them."""
        self._allowed = size

    def begin(self) -> None:
        """Take the first chunk."""
        self._rest = next(self._chunks, b"")

    def read(self, size: int) -> bytes:
        if self._allowed <= 0:
            raise TornArchive(self._path, "it has more bytes than its headers say")
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = chunk
        block, self._rest = self._rest[:size], self._rest[size:]
        self._allowed -= len(block)
        return block


@contextlib.contextmanager
def _new(path: Path) -> Iterator[IO[bytes]]:
    """A file that was not there before, whatever its name may point to; gone again where writing it fails."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotStore(path, error) from None
    try:
        with os.fdopen(fd, "wb") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _write(file: IO[bytes], block: bytes, path: Path) -> None:
    try:
        file.write(block)
        file.flush()
    except OSError as error:
        raise CannotStore(path, error) from None
