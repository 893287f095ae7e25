"""The locks: they satisfy pyproject.toml, agree with each other, and pin every byte."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = ("bootstrap", "run", "dev")
LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?: ; .*)?")


def entries(lock: str) -> list[tuple[str, Version, int]]:
    """(name, version, number of hashes) of each requirement of a lock; anything else in it fails."""
    found: list[tuple[str, Version, int]] = []
    text = (ROOT / "locks" / f"{lock}.txt").read_text(encoding="utf-8")
    for entry in text.replace(" \\\n", "\n").strip().split("\n"):
        if entry.startswith("    --hash=sha256:"):
            name, version, hashes = found.pop()
            found.append((name, version, hashes + 1))
            continue
        match = LINE.fullmatch(entry)
        assert match, f"locks/{lock}.txt: {entry!r} is neither a pinned requirement nor a hash"
        found.append((canonicalize_name(match["name"]), Version(match["version"]), 0))
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_has_a_hash(lock: str) -> None:
    assert [name for name, _, hashes in entries(lock) if not hashes] == []


@pytest.mark.parametrize(
    ("lock", "requirement"),
    [
        *(("run", line) for line in PROJECT["dependencies"]),
        *(("dev", line) for line in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]),
    ],
)
def test_what_the_project_asks_for_is_in_the_lock(lock: str, requirement: str) -> None:
    wanted = Requirement(requirement)
    versions = [version for name, version, _ in entries(lock) if name == canonicalize_name(wanted.name)]
    remedy = "make the locks again: locks/README.md"
    assert versions, f"{wanted.name} is not in locks/{lock}.txt; {remedy}"
    assert all(wanted.specifier.contains(version) for version in versions), (
        f"{requirement}, locked {versions}; {remedy}"
    )


def test_the_locks_agree() -> None:
    run = {(name, version) for name, version, _ in entries("run")}
    assert run <= {(name, version) for name, version, _ in entries("dev")}
    bootstrap = {(name, version) for name, version, _ in entries("bootstrap")}
    assert [name for name, _ in bootstrap] == ["uv"]
    assert bootstrap <= run


def test_no_lock_names_an_index() -> None:
    for lock in LOCKS:
        assert "://" not in (ROOT / "locks" / f"{lock}.txt").read_text(encoding="utf-8")
