"""Reading a requirements file as a lock: every requirement pinned to one version and to the hashes of its files."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from runner.environment.refusals import (
    LockMissing,
    LockNotPinned,
    LockNotSealed,
    LockRefused,
    LockUnreadable,
    LockWithoutHashes,
    at_line,
)

HASH_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
"""Algorithms that protect, and how many hexadecimal digits each has."""

_INCLUDE = re.compile(r"(?:-r|--requirement)(?:\s+|=)(.+)")
_CONSTRAINT = re.compile(r"(?:-c|--constraint)(?:\s|=)")
_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s|=)")
_HASH = re.compile(r"--hash(?:=|\s+)(\S+)")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_PYTHON_IN_HEADER = re.compile(r"by pip-compile with Python (\d+\.\d+)|uv pip compile .*--python-version[= ](\d+\.\d+)")
_PATH = re.compile(r"^(?:\.{0,2}/|file:)|\.(?:whl|tar\.gz|zip)$")


class Requirements(NamedTuple):
    """What a requirements file says: names as normalised, the bytes of all its files, the Python it was made for."""

    names: tuple[str, ...]
    files: tuple[bytes, ...]
    python: str | None


class Line(NamedTuple):
    """A logical line: where it starts (from 1), the text of that line, all of it without comments, where it ends."""

    number: int
    first: str
    text: str
    last: int


def parse(path: Path, data: bytes) -> Requirements:
    """The lock at `path`, whose bytes are `data`, with the files it includes.

    Raises LockWithoutHashes, LockNotPinned, LockNotSealed or LockUnreadable for the first line that is not a lock's.
    """
    found = _Found([], [])
    _read(path, data, found, ())
    return Requirements(tuple(dict.fromkeys(found.names)), tuple(found.files), _python(data.decode("utf-8-sig")))


class _Found(NamedTuple):
    names: list[str]
    files: list[bytes]


def _read(path: Path, data: bytes, found: _Found, opened: tuple[Path, ...]) -> None:
    found.files.append(data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise LockUnreadable(f"{path}:{number}: not UTF-8 text: {error.reason}\nnothing was run") from None
    for line in logical_lines(text):
        include = _INCLUDE.fullmatch(line.text)
        if include:
            other = path.parent / include[1].strip()
            _read(other, _included(path, line, other, (*opened, path)), found, (*opened, path))
        elif not _is_option(path, line):
            found.names.append(_name(path, line))


def _included(path: Path, line: Line, other: Path, opened: tuple[Path, ...]) -> bytes:
    """The bytes of the file that `line` includes."""
    if other.resolve() in (file.resolve() for file in opened):
        raise LockUnreadable(at_line(path, line.number, "includes itself", line.first, "take the line out"))
    try:
        return other.read_bytes()
    except OSError as error:
        remedy = "add the file, or lock everything in one file"
        what = f"the included file {other} cannot be read: {error.strerror}"
        raise LockMissing(at_line(path, line.number, what, line.first, remedy)) from None


def _is_option(path: Path, line: Line) -> bool:
    """Whether the line is an option of the installer, such as an index. Those that hide content are refused."""
    if _CONSTRAINT.match(line.text):
        remedy = "a lock pins every version itself: take the line out"
        raise LockNotSealed(at_line(path, line.number, "a constraints file in a lock", line.first, remedy))
    if _EDITABLE.match(line.text):
        remedy = "code of your own belongs beside the training script, or on PYTHONPATH; then take the line out"
        raise LockNotSealed(at_line(path, line.number, "an editable install has no fixed content", line.first, remedy))
    return line.text.startswith("-")


def is_hashed(line: Line) -> bool:
    """Whether a hash stands in `line`."""
    return _HASH.search(line.text) is not None


def is_requirement(line: Line) -> bool:
    """Whether `line` asks for a package, and is no option of the installer."""
    return not line.text.startswith("-")


def _name(path: Path, line: Line) -> str:
    """The normalised name of the pinned and hashed requirement in `line`."""
    hashes = _HASH.findall(line.text)
    specifier = line.text.split(" --", 1)[0].strip()
    if "git+" in specifier or "hg+" in specifier or "svn+" in specifier or "bzr+" in specifier:
        remedy = "a repository has no file to hash: publish a release, or lock its archive (name @ https://….tar.gz)"
        raise LockNotSealed(at_line(path, line.number, "a requirement from a repository", line.first, remedy))
    try:
        requirement = Requirement(specifier)
    except InvalidRequirement as error:
        if _PATH.search(specifier):
            raise _local(path, line) from None
        what = f"not a requirement: {str(error).splitlines()[0]}"
        raise LockUnreadable(at_line(path, line.number, what, line.first, remedy_for(path))) from None
    if requirement.url is not None and not requirement.url.startswith("https://"):
        raise _local(path, line)
    if not hashes:
        what = f"{requirement.name} has no hash"
        raise LockWithoutHashes(at_line(path, line.number, what, line.first, remedy_for(path)))
    for value in hashes:
        _check_hash(path, line, requirement.name, value)
    pinned = any(s.operator in ("==", "===") and not s.version.endswith(".*") for s in requirement.specifier)
    if requirement.url is None and not pinned:
        what = f"{requirement.name} is not pinned to one version (==)"
        raise LockNotPinned(at_line(path, line.number, what, line.first, remedy_for(path)))
    return canonicalize_name(requirement.name)


def _check_hash(path: Path, line: Line, name: str, value: str) -> None:
    algorithm, _, digits = value.partition(":")
    wanted = HASH_DIGITS.get(algorithm)
    if wanted is None:
        what = f"{name}: {algorithm} does not protect against an exchanged file; expected sha256, sha384 or sha512"
    elif not re.fullmatch(rf"[0-9a-f]{{{wanted}}}", digits):
        what = f"{name}: '{digits[:12]}…' is not a {algorithm}: expected {wanted} hexadecimal digits in lower case"
    else:
        return
    raise LockWithoutHashes(at_line(path, line.number, what, line.first, remedy_for(path)))


def _local(path: Path, line: Line) -> LockRefused:
    remedy = "install from an index, or from an https address with a hash"
    what = "a requirement that comes neither from an index nor from an https address"
    return LockNotSealed(at_line(path, line.number, what, line.first, remedy))


def remedy_for(path: Path) -> str:
    """The command that writes this lock again, with hashes, from what lies beside it."""
    for source in (path.with_suffix(".in"), path.with_name("pyproject.toml")):
        if source.is_file() and source != path:
            return f"write it again: uv pip compile --generate-hashes {shlex.quote(source.name)} -o {_quoted(path)}"
    if path.suffix in (".txt", ".in"):
        lock = path.with_suffix(".lock").name
        return (
            f"make a lock from it: uv pip compile --generate-hashes {_quoted(path)} -o {shlex.quote(lock)}\n"
            f"and name that in the experiment file: environment: {{lock: {lock}}}"
        )
    return f"write it again: uv pip compile --generate-hashes requirements.in -o {_quoted(path)}"


def _quoted(path: Path) -> str:
    return shlex.quote(path.name)


def logical_lines(text: str) -> Iterator[Line]:
    """Lines joined where they end in a backslash, without comments and empty lines."""
    parts: list[str] = []
    start, first, number = 0, "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        if not parts:
            start, first = number, raw
        line = _COMMENT.sub("", raw).strip()
        goes_on = line.endswith("\\")
        parts.append(line.rstrip("\\").strip())
        if goes_on:
            continue
        joined = " ".join(part for part in parts if part)
        parts = []
        if joined:
            yield Line(start, first, joined, number)
    joined = " ".join(part for part in parts if part)
    if joined:
        yield Line(start, first, joined, number)


def _python(text: str) -> str | None:
    """The Python the header says the lock was compiled for, as a specifier. A universal lock says the lowest one."""
    header = "\n".join(line for line in text.splitlines()[:10] if line.startswith("#"))
    found = _PYTHON_IN_HEADER.search(header)
    if found is None:
        return None
    return f">={found[1] or found[2]}" if "--universal" in header else f"=={found[1] or found[2]}.*"
