"""Writes the hashes of a requirements file's packages into it where they are missing; the rest stays as it is."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from runner.environment import installer
from runner.environment.refusals import LockNotPinned, LockUnreadable, at_line
from runner.environment.requirements import Line, is_hashed, is_requirement, logical_lines, parse, remedy_for
from runner.process import CommandFailed

_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")
_COMMENT = re.compile(r"\s+#.*$")


@dataclass(frozen=True)
class Package:
    """A package of the lock that has no hash: `name` as normalised, and the line it stands on."""

    line: int  # from 1
    last: int
    name: str
    version: str


def missing(path: Path, data: bytes) -> tuple[Package, ...]:
    """The packages without a hash in the requirements file at `path`, whose bytes are `data`.

    Raises LockNotPinned for one without a version that a hash could belong to, LockUnreadable for no text.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LockUnreadable(f"{path}: not UTF-8 text: {error.reason}\nnothing was changed") from None
    lines = [line for line in logical_lines(text) if is_requirement(line) and not is_hashed(line)]
    return tuple(_package(path, line) for line in lines)


def _package(path: Path, line: Line) -> Package:
    try:
        requirement = Requirement(line.text)
    except InvalidRequirement:
        requirement = None
    pins = [s.version for s in requirement.specifier if s.operator == "=="] if requirement else []
    if requirement is None or requirement.url is not None or len(pins) != 1 or pins[0].endswith(".*"):
        what = "not pinned to one version (==), so no hash can be looked up"
        raise LockNotPinned(at_line(path, line.number, what, line.first, remedy_for(path)))
    return Package(line.number, line.last, canonicalize_name(requirement.name), pins[0])


def with_hashes(path: Path, data: bytes, inherited: Mapping[str, str]) -> bytes:
    """The file's bytes with the hashes the package index has now, read once more as a lock.

    Raises what `missing` and `requirements.parse` raise, NotInstallable for a version that does not exist, and
    IndexUnreachable.
    """
    lines = data.decode("utf-8-sig").split("\n")
    for package, hashes in _looked_up(path, missing(path, data), inherited).items():
        ending = "\r" if lines[package.last - 1].endswith("\r") else ""
        bare = lines[package.last - 1].rstrip()
        comment = _COMMENT.search(bare)
        kept, why = (bare[: comment.start()], comment[0]) if comment else (bare, "")
        lines[package.last - 1] = (
            f" \\{ending}\n    ".join([kept, *(f"--hash={value}" for value in hashes)]) + why + ending
        )
    after = "\n".join(lines).encode()
    parse(path, after)
    return after


def _looked_up(path: Path, packages: Sequence[Package], inherited: Mapping[str, str]) -> dict[Package, tuple[str, ...]]:
    """The hashes of every file of each package. Two versions of one package are asked for one after the other."""
    found: dict[Package, tuple[str, ...]] = {}
    while left := {package.name: package for package in packages if package not in found}:
        answer = _asked(path, tuple(left.values()), inherited)
        for name, package in left.items():
            found[package] = answer[name]
    return found


def _asked(path: Path, packages: Sequence[Package], inherited: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "requirements.in"
        asked.write_text("".join(f"{package.name}=={package.version}\n" for package in packages), encoding="utf-8")
        options = ("--quiet", "--universal", "--no-deps", "--generate-hashes", "--no-annotate", "--no-header")
        try:
            told = installer.uv(["pip", "compile", *options, str(asked)], inherited, cwd=path.resolve().parent).output
        except CommandFailed as failed:
            raise installer.explained(failed, path) from None
    blocks = re.split(r"\n(?=\S)", told)
    return {
        canonicalize_name(block.partition("==")[0].strip()): tuple(_HASH.findall(block)) for block in blocks if block
    }
