"""Runs inside an environment's Python, of a venv or an image: says what is installed there and what computes.

    python -I probe.py FOLDER_OF_THE_RECORDER

Imports nothing of ours. Prints one JSON object. Only NumPy and SciPy are imported: they load the BLAS; a framework
would take seconds. What a run loads beyond that, the recorder sees in the run itself, with the same code as here.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
from importlib import import_module
from importlib.metadata import distributions
from pathlib import Path


class _Kept:
    """Stands in for the recorder's stream: keeps what would be written."""

    def __init__(self) -> None:
        self.found: list[dict[str, object]] = []

    def write(self, kind: str, found: dict[str, object]) -> None:
        """Keep a library."""
        if kind == "library":
            self.found.append(found)


def _libraries(recorder: str) -> list[dict[str, object]]:
    for name in ("numpy", "scipy.linalg"):
        try:
            import_module(name)
        except Exception:  # not installed, or too broken to compute: either way nothing of it is loaded
            continue
    sys.path.append(recorder)
    kept = _Kept()
    import_module("_ml_experiment_recorder.libraries").Libraries(kept).look_closely()
    return kept.found


def _packages() -> dict[str, str]:
    """Normalised name -> version; of two with one name the first, which is the one Python imports."""
    packages: dict[str, str] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            packages.setdefault(re.sub(r"[-_.]+", "-", name).lower(), distribution.version)
    return dict(sorted(packages.items()))


def _libc() -> str | None:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, OSError, ValueError):
        return " ".join(platform.libc_ver()).strip() or None


def _os_name() -> str:
    for file in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            with Path(file).open(encoding="utf-8", errors="replace") as lines:
                found = re.search(r'^PRETTY_NAME="?([^"\n]*)', lines.read(), re.MULTILINE)
        except OSError:
            continue
        if found:
            return found[1]
    return f"{platform.system()} {platform.release()}"


def _system() -> str | None:
    """SHA-256 over names and versions of what dpkg or apk installed; None where neither did."""
    for file, pattern in (
        ("/var/lib/dpkg/status", r"^Package: (.*)\n(?:.+\n)*?Version: (.*)$"),
        ("/lib/apk/db/installed", r"^P:(.*)\n(?:.+\n)*?V:(.*)$"),
    ):
        try:
            with Path(file).open(encoding="utf-8", errors="replace") as lines:
                found = sorted(re.findall(pattern, lines.read(), re.MULTILINE))
        except OSError:
            continue
        return hashlib.sha256(json.dumps(found).encode()).hexdigest()
    return None


if __name__ == "__main__":
    found = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "libc": _libc(),
        "os": _os_name(),
        "system_sha256": _system(),
        "packages": _packages(),
        "libraries": _libraries(sys.argv[1]),
    }
    sys.stdout.write("\n" + json.dumps(found) + "\n")
