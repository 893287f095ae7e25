"""An experiment's environment, ready to run in: its Python, its variables, and what it consists of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from experiment.environment import EnvironmentRecord, HardwareRecord
from experiment.spec import EnvironmentSpec
from runner.environment import fingerprint, hardware, lock, venv
from runner.environment.variables import for_run
from runner.process_runtime import ProcessRuntime
from runner.runtime import Runtime


@dataclass(frozen=True)
class Prepared:
    """Everything a run needs to know of its environment, and what makes runs in it."""

    runtime: Runtime
    environment: EnvironmentRecord
    hardware: HardwareRecord
    label: str  # "environment requirements.lock, 24 packages, from cache"


def prepare(
    spec: EnvironmentSpec,
    folder: Path,
    cpus: int | None,
    inherited: Mapping[str, str],
    say: Callable[[str], None],
) -> Prepared:
    """Rebuild the environment of the lock that `spec` names, relative to `folder`, or take it from the cache.

    `cpus`: processors declared for one run. `inherited`: our own environment, of which runs get a small part. `say`
    gets a line for whatever takes long. Raises Refused or InfrastructureFailed, see `lock.read` and `venv.prepare`.
    """
    path, named = spec.lock, spec.variables
    assert path is not None, "who calls this has chosen the lock"
    read = lock.read(folder / path)
    built = venv.prepare(read, venv.cache_folder(inherited), inherited, say)
    variables = for_run(built.python, inherited, named, cpus)
    taken = fingerprint.take_cached(built.folder, variables, named, lambda: fingerprint.take(built.python, variables))
    origin = "from cache" if built.built_s is None else f"built in {max(1, round(built.built_s))} s"
    noun = "package" if built.packages == 1 else "packages"
    return Prepared(
        runtime=ProcessRuntime(built.python, variables),
        environment=fingerprint.record(taken, read, path, variables, named),
        hardware=hardware.describe(inherited),
        label=f"environment {path}, {built.packages} {noun}, {origin}",
    )
