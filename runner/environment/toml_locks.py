"""Reading `uv.lock` and `pylock.toml` (PEP 751) as locks: every file that could be installed has a hash."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name

from runner.environment.refusals import (
    LockNotPinned,
    LockNotSealed,
    LockUnreadable,
    LockWithoutHashes,
    at_line,
    of_file,
)
from runner.environment.requirements import HASH_DIGITS

_LOCAL = ("editable", "virtual", "directory")  # the project's own code: it lies in the source tree, recorded as such


class TomlLock(NamedTuple):
    """What a TOML lock says: names as normalised, the Python it asks for as a specifier."""

    names: tuple[str, ...]
    python: str | None


class _Source(NamedTuple):
    """A lock as text, to say where in it something is wrong (TOML's reader keeps no places)."""

    path: Path
    text: str
    key: str  # of the tables with packages
    command: str  # that writes the lock again

    def at(self, index: int, what: str, remedy: str) -> str:
        """The message at the line with the name of package number `index`."""
        lines = self.text.splitlines()
        headers = [n for n, line in enumerate(lines) if line.split("#")[0].strip() == f"[[{self.key}]]"]
        start = headers[index] if index < len(headers) else 0
        named = next((n for n in range(start, len(lines)) if re.match(r"\s*name\s*=", lines[n])), start)
        return at_line(self.path, named + 1, what, lines[named], remedy)


def parse_uv(path: Path, data: bytes) -> TomlLock:
    """The `uv.lock` at `path`. Raises LockUnreadable, LockNotPinned, LockWithoutHashes or LockNotSealed."""
    source = _Source(path, _text(path, data), "package", "uv lock")
    document = _document(source)
    if document.get("version") != 1:
        what = f"version {document.get('version')!r} of uv.lock is not known; expected 1"
        raise LockUnreadable(of_file(path, what, "write it again: uv lock"))
    names = []
    for index, package in enumerate(_tables(source, document)):
        origin = package.get("source", {})
        if any(kind in origin for kind in _LOCAL):
            continue
        for kind, words in (("git", "a repository, which has no file to hash"), ("path", "a file of this machine")):
            if kind in origin:
                what = f"{package['name']} comes from {words}"
                raise LockNotSealed(source.at(index, what, "depend on a release of it, then: uv lock"))
        _check_files(source, index, package)
        names.append(canonicalize_name(package["name"]))
    return TomlLock(tuple(dict.fromkeys(names)), document.get("requires-python"))


def parse_pylock(path: Path, data: bytes) -> TomlLock:
    """The PEP 751 lock at `path`. Raises LockUnreadable, LockNotPinned, LockWithoutHashes or LockNotSealed."""
    source = _Source(path, _text(path, data), "packages", f"uv pip compile pyproject.toml -o {path.name}")
    document = _document(source)
    if not str(document.get("lock-version", "")).startswith("1."):
        what = f"lock-version {document.get('lock-version')!r} is not known; expected 1.0"
        raise LockUnreadable(of_file(path, what, f"write it again: {source.command}"))
    names = []
    for index, package in enumerate(_tables(source, document)):
        for kind, words in (("vcs", "a repository"), ("directory", "a folder of this machine")):
            if kind in package:
                what = f"{package['name']} comes from {words}, which has no file to hash"
                raise LockNotSealed(source.at(index, what, "depend on a release of it and lock again"))
        _check_files(source, index, package)
        names.append(canonicalize_name(package["name"]))
    return TomlLock(tuple(dict.fromkeys(names)), document.get("requires-python"))


def _text(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise LockUnreadable(f"{path}:{number}: not UTF-8 text: {error.reason}\nnothing was run") from None


def _document(source: _Source) -> dict[str, Any]:
    try:
        return tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        where = f"{source.path}:{place[1]}" if place else str(source.path)
        raise LockUnreadable(
            f"{where}: not TOML: {error}\n  write it again: {source.command}\nnothing was run"
        ) from None


def _tables(source: _Source, document: dict[str, Any]) -> list[dict[str, Any]]:
    tables: object = document.get(source.key, [])
    if isinstance(tables, list):
        packages = [table for table in tables if isinstance(table, dict) and isinstance(table.get("name"), str)]
        if len(packages) == len(tables) and all(isinstance(p.get("source", {}), dict) for p in packages):
            return packages
    what = f"expected [[{source.key}]] tables that each have a name"
    raise LockUnreadable(of_file(source.path, what, f"write it again: {source.command}"))


def _check_files(source: _Source, index: int, package: dict[str, Any]) -> None:
    """Refuse a package without files, or with a file that no good hash covers."""
    name, remedy = package["name"], f"write it again: {source.command}"
    files = list(_files(package))
    if not files:
        raise LockNotPinned(source.at(index, f"{name} names no file to install", remedy))
    for file in files:
        if not any(_is_good(algorithm, digits) for algorithm, digits in _hashes(file)):
            label = str(file.get("url") or file.get("path") or file.get("name") or "a file").rsplit("/", 1)[-1]
            raise LockWithoutHashes(source.at(index, f"{name}: {label} has no hash", remedy))


def _files(package: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key in ("sdist", "archive"):
        if isinstance(package.get(key), dict):
            yield package[key]
    wheels = package.get("wheels", [])
    if isinstance(wheels, list):
        yield from (wheel for wheel in wheels if isinstance(wheel, dict))


def _hashes(file: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(algorithm, digits) of a file: uv writes `hash = "sha256:…"`, PEP 751 `hashes = {sha256 = "…"}`."""
    if isinstance(file.get("hash"), str):
        algorithm, _, digits = file["hash"].partition(":")
        yield algorithm, digits
    if isinstance(file.get("hashes"), dict):
        yield from ((str(algorithm), str(digits)) for algorithm, digits in file["hashes"].items())


def _is_good(algorithm: str, digits: str) -> bool:
    wanted = HASH_DIGITS.get(algorithm)
    return wanted is not None and re.fullmatch(rf"[0-9a-f]{{{wanted}}}", digits) is not None
