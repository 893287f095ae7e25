"""An experiment's environment, ready to run in: its Python, its variables, and what it consists of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from experiment.environment import EnvironmentRecord, HardwareRecord
from experiment.spec import EnvironmentSpec
from runner.environment import fingerprint, hardware, lock, venv
from runner.environment.refusals import ContainersNotYet
from runner.environment.variables import for_run


@dataclass(frozen=True)
class Prepared:
    """Everything a run needs to know of its environment. `variables` is complete: nothing else may be inherited."""

    python: Path
    variables: dict[str, str] = field(repr=False)  # may hold secrets the experiment file names
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
    """Rebuild the environment `spec` describes, whose paths are relative to `folder`, or take it from the cache.

    `cpus`: processors declared for one run. `inherited`: our own environment, of which runs get a small part. `say`
    gets a line for whatever takes long. Raises Refused or InfrastructureFailed, see `lock.read` and `venv.prepare`.
    """
    if spec.chosen != "lock" or spec.lock is None:
        raise ContainersNotYet(_containers_not_yet(spec))
    read = lock.read(folder / spec.lock)
    built = venv.prepare(read, venv.cache_folder(inherited), inherited, say)
    variables = for_run(built.python, inherited, spec.variables, cpus)
    taken = fingerprint.take_cached(built.folder, built.python, variables, spec.variables)
    origin = "from cache" if built.built_s is None else f"built in {max(1, round(built.built_s))} s"
    noun = "package" if built.packages == 1 else "packages"
    return Prepared(
        python=built.python,
        variables=variables,
        environment=fingerprint.record(taken, read, spec.lock, variables, spec.variables),
        hardware=hardware.describe(inherited),
        label=f"environment {spec.lock}, {built.packages} {noun}, {origin}",
    )


def _containers_not_yet(spec: EnvironmentSpec) -> str:
    found = f"environment.{spec.chosen}: {getattr(spec, spec.chosen)}"
    remedy = "prefer: lock" if spec.lock is not None else "lock: requirements.lock\n    prefer: lock"
    return (
        f"{found}: containers cannot be run yet\n  what works today is a hash-locked environment; "
        f"below 'environment' add\n    {remedy}\nnothing was run"
    )
