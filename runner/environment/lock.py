"""The lock an environment is rebuilt from: what kind it is, its digest, and that every file in it has a hash."""

import hashlib
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from experiment.value import digest
from runner.environment import requirements, toml_locks
from runner.environment.refusals import LockEmpty, LockMissing, LockUnreadable, of_file

_OTHER_TOOLS = {
    "poetry.lock": "poetry export --format requirements.txt -o requirements.lock",
    "Pipfile.lock": "pipenv requirements --hash > requirements.lock",
    "pdm.lock": "pdm export --format requirements -o requirements.lock",
    "pyproject.toml": "uv pip compile --generate-hashes pyproject.toml -o requirements.lock",
    "environment.yml": "uv pip compile --generate-hashes requirements.in -o requirements.lock",
    "pixi.lock": "uv pip compile --generate-hashes requirements.in -o requirements.lock",
    "conda-lock.yml": "uv pip compile --generate-hashes requirements.in -o requirements.lock",
}
"""Files people name that are no lock we read -> the command that makes one."""


class LockKind(StrEnum):
    """How the lock is written."""

    REQUIREMENTS = "requirements"
    UV = "uv"
    PYLOCK = "pylock"


@dataclass(frozen=True)
class Lock:
    """A checked lock. `names` are normalised distribution names, markers not applied."""

    path: Path
    kind: LockKind
    sha256: str  # hex, of the file's bytes; of the digests of all of them where it includes others
    names: tuple[str, ...]
    requires_python: str | None = None  # specifier such as ">=3.11,<3.13"
    selection: str = ""  # digest of what else decides what is installed: for uv.lock its pyproject.toml's groups


def read(path: Path) -> Lock:
    """Read and check the lock at `path`.

    Raises LockMissing, LockUnreadable, LockEmpty, LockWithoutHashes, LockNotPinned or LockNotSealed.
    """
    if path.name in _OTHER_TOOLS:
        remedy = (
            f"read are: a requirements file with hashes, uv.lock, pylock.toml\nmake one: {_OTHER_TOOLS[path.name]}\n"
            "and name it in the experiment file: environment: {lock: requirements.lock}"
        )
        raise LockUnreadable(of_file(path, "not a lock that can be rebuilt here", remedy))
    data = _bytes(path)
    if not data.strip():
        remedy = (
            f"{requirements.remedy_for(path)}\n"
            "if the script needs no package, say so with one line in it: # no packages"
        )
        raise LockEmpty(of_file(path, "the lock is empty", remedy))
    if path.name == "uv.lock":
        uv = toml_locks.parse_uv(path, data)
        return Lock(path, LockKind.UV, _sha256(data), uv.names, _pinned_python(path) or uv.python, _selection(path))
    if path.name.startswith("pylock.") and path.suffix == ".toml":
        pylock = toml_locks.parse_pylock(path, data)
        return Lock(path, LockKind.PYLOCK, _sha256(data), pylock.names, _pinned_python(path) or pylock.python)
    found = requirements.parse(path, data)
    sha256 = _sha256(data) if len(found.files) == 1 else digest([_sha256(file) for file in found.files])
    return Lock(path, LockKind.REQUIREMENTS, sha256, found.names, _pinned_python(path) or found.python)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        remedy = f"{requirements.remedy_for(path)}\nor let 'ml-experiment init' make one"
        raise LockMissing(of_file(path, "no such lock", remedy)) from None
    except OSError as error:
        raise LockUnreadable(of_file(path, f"cannot be read: {error.strerror}", "name a file you may read")) from None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _pinned_python(lock: Path) -> str | None:
    """The version in a `.python-version` beside the lock, as a specifier: the file uv and pyenv obey too."""
    try:
        lines = lock.with_name(".python-version").read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return None
    parts = lines[0].removeprefix("cpython-").removeprefix("cpython@").split(".") if lines else []
    return f"=={parts[0]}.{parts[1]}.*" if len(parts) >= 2 and all(part.isdigit() for part in parts[:2]) else None


def _selection(lock: Path) -> str:
    """Digest of what in pyproject.toml decides which packages of a uv.lock are installed."""
    project = lock.with_name("pyproject.toml")
    try:
        document: dict[str, Any] = tomllib.loads(project.read_text(encoding="utf-8"))
    except FileNotFoundError:
        remedy = "uv.lock is only complete with the pyproject.toml it was made from: add it"
        raise LockMissing(of_file(project, "no such file", remedy)) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LockUnreadable(of_file(project, f"cannot be read: {error}", "mend it, then: uv lock")) from None
    parts = [document.get("project", {}).get("name"), document.get("dependency-groups"), document.get("tool", {})]
    uv = parts[2].get("uv", {}) if isinstance(parts[2], dict) else {}
    return digest([str(parts[0]), repr(parts[1]), repr(uv)])
