"""Which Python an environment is built with: one already on this machine that the lock asks for, never a download."""

import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from runner.environment import installer
from runner.environment.lock import Lock
from runner.environment.refusals import LockUnreadable, PythonMissing, of_file


@dataclass(frozen=True)
class Interpreter:
    """A Python outside of any virtual environment."""

    path: Path
    version: str  # "3.11.7"
    implementation: str  # "cpython"


def running() -> Interpreter:
    """The Python that ml-experiment runs with, without its virtual environment."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    return Interpreter(Path(base), platform.python_version(), sys.implementation.name)


def choose(lock: Lock, inherited: Mapping[str, str]) -> Interpreter:
    """The running Python where the lock allows it, else the newest on this machine that it allows.

    Raises PythonMissing, naming those that were found.
    """
    here = running()
    if lock.requires_python is None:
        return here
    try:
        wanted = SpecifierSet(lock.requires_python)
    except InvalidSpecifier:
        what = f"requires-python is {lock.requires_python!r}, which is not a version range"
        raise LockUnreadable(of_file(lock.path, what, "for example: >=3.11")) from None
    if wanted.contains(here.version, prereleases=True):
        return here
    others = _installed(lock, inherited)
    fitting = [other for other in others if wanted.contains(other.version, prereleases=True)]
    if not fitting:
        found = ", ".join(dict.fromkeys(other.version for other in [here, *others]))
        asked = lock.requires_python.removeprefix("==").removesuffix(".*")
        remedy = (
            f"found here: {found}\n"
            "install it (uv python install VERSION, or your system's packages), or lock again for a Python you have"
        )
        raise PythonMissing(of_file(lock.path, f"made for Python {asked}, which is not on this machine", remedy))
    return max(fitting, key=lambda other: Version(other.version))


def _installed(lock: Lock, inherited: Mapping[str, str]) -> list[Interpreter]:
    """Every ordinary CPython on the search path and among those uv has installed."""
    args = ["python", "list", "--only-installed", "--output-format", "json"]
    listed = json.loads(installer.uv(args, inherited, cwd=lock.path.resolve().parent).output)
    return [
        Interpreter(Path(entry["path"]), entry["version"], entry["implementation"])
        for entry in listed
        if entry["path"] and entry["implementation"] == "cpython" and entry.get("variant", "default") == "default"
    ]
