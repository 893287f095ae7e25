"""What an environment really consists of: asked of its own Python, with the very variables of the run."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiment.atomic import write_whole
from experiment.environment import EnvironmentKind, EnvironmentRecord, Library
from experiment.value import digest
from runner.environment import hardware, probe
from runner.environment.lock import Lock
from runner.environment.variables import recorded
from runner.process import run

TIMEOUT_S = 300.0
RECORDER = Path(__file__).parent.parent / "recorder"
_ASKED_WITH = (Path(probe.__file__), RECORDER / "_ml_experiment_recorder" / "libraries.py")


@dataclass(frozen=True)
class Fingerprint:
    """What is installed in an environment, and what computes there."""

    python: str
    implementation: str
    libc: str | None
    packages: dict[str, str]  # normalised name -> version, sorted
    libraries: tuple[Library, ...]
    os: str
    system_sha256: str | None  # of the system packages' names and versions


def take(python: Path, variables: Mapping[str, str]) -> Fingerprint:
    """Ask `python`, started with `variables`. InfrastructureFailed where it cannot be started or fails."""
    args = [str(python), "-I", str(probe.__file__), str(RECORDER)]
    return of_output(run(args, env=variables, cwd=python.parent, timeout=TIMEOUT_S).output)


def of_output(printed: str) -> Fingerprint:
    """What the probe printed, wherever it ran. ValueError, KeyError, IndexError, TypeError for anything else."""
    return _from_json(json.loads(printed.strip().splitlines()[-1]))


def take_cached(
    folder: Path, variables: Mapping[str, str], named: Sequence[str], ask: Callable[[], Fingerprint]
) -> Fingerprint:
    """The fingerprint kept in `folder` if it was taken with these variables on such a processor; else ask and keep it.

    `folder` belongs to one environment and is emptied when that is built anew.
    """
    circumstances = [
        recorded(variables, named),
        hardware.cpu_model(),
        sorted(hardware.cpu_flags()),
        hardware.usable_cpus(),
        [hashlib.sha256(file.read_bytes()).hexdigest() for file in _ASKED_WITH],
    ]
    kept = folder / f"fingerprint-{digest(circumstances)[:24]}.json"
    try:
        return _from_json(json.loads(kept.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        pass
    taken = ask()
    try:
        write_whole(kept, json.dumps(_to_json(taken)).encode())
    except OSError:
        return taken  # a full or read-only disk only costs the time to ask again
    return taken


def record(
    taken: Fingerprint, lock: Lock, source: str, variables: Mapping[str, str], named: Sequence[str]
) -> EnvironmentRecord:
    """The environment record of runs with `variables` in the venv of `lock`, which the user calls `source`."""
    return EnvironmentRecord(
        kind=EnvironmentKind.LOCK,
        source=source,
        lock_sha256=lock.sha256,
        python=taken.python,
        implementation=taken.implementation,
        os=taken.os,
        libc=taken.libc,
        packages=taken.packages,
        libraries=taken.libraries,
        variables=recorded(variables, named),
    )


def _to_json(taken: Fingerprint) -> dict[str, Any]:
    return {**vars(taken), "libraries": [library.model_dump(mode="json") for library in taken.libraries]}


def _from_json(told: dict[str, Any]) -> Fingerprint:
    libraries = tuple(Library.model_validate(library) for library in told["libraries"])
    return Fingerprint(
        python=told["python"],
        implementation=told["implementation"],
        libc=told["libc"],
        packages=dict(told["packages"]),
        libraries=libraries,
        os=told["os"],
        system_sha256=told["system_sha256"],
    )
