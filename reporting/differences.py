"""What differs between two sides apart from their results: code, environment, data, parameters, hardware."""

from collections.abc import Mapping
from enum import StrEnum
from itertools import zip_longest

from experiment.command import text
from experiment.environment import EnvironmentKind, EnvironmentRecord, Layer, Library
from experiment.record import DataRead, FileDigest
from experiment.snapshot import Configuration
from experiment.value import Value

MOST_NAMED = 3
ARROW = "→"
_KINDS = {
    EnvironmentKind.LOCK: "locked venv",
    EnvironmentKind.IMAGE: "container",
    EnvironmentKind.DOCKERFILE: "container built from a Dockerfile",
}


class Factor(StrEnum):
    """What a result may depend on, in the order it is spoken of. `seeding` is named only where it differs."""

    CODE = "code"
    ENVIRONMENT = "environment"
    DATA = "data"
    PARAMETERS = "parameters"
    HARDWARE = "hardware"
    SEEDING = "seeding"


class Change(Value):
    """One thing that differs; None where a side does not have it."""

    factor: Factor
    kind: str  # "file", "package", "library", "variable", …: what the name names
    name: str
    before: str | None
    after: str | None

    @property
    def words(self) -> str:
        """In a sentence: "train.py", "numpy 2.1.3 → 2.2.0", "+ einops 0.8", "− joblib"."""
        if self.kind == "file":
            mark = "+ " if self.before is None else "− " if self.after is None else ""
            return f"{mark}{self.name}"
        if self.before is None:
            return f"+ {self.name} {self.after}"
        return f"− {self.name}" if self.after is None else f"{self.name} {self.before} {ARROW} {self.after}"


class Differences(Value):
    """All that differs between two configurations, and what cannot be told."""

    changes: tuple[Change, ...]
    undeclared: tuple[str, ...] = ()  # data files the candidate read and the experiment file does not list
    unknown: tuple[str, ...] = ()  # files that could not be hashed on a side: equal or not, nobody knows

    def of(self, factor: Factor) -> tuple[Change, ...]:
        """The changes of one factor."""
        return tuple(change for change in self.changes if change.factor is factor)

    @property
    def sentence(self) -> str:
        """ "differs: train.py · same: environment, data, parameters, hardware"."""
        named = [_named(self.of(factor)) for factor in Factor if self.of(factor)]
        same = [factor for factor in Factor if not self.of(factor) and factor is not Factor.SEEDING]
        parts = [f"differs: {', '.join(named)}"] if named else []
        if same:
            parts.append(f"same: {', '.join(same)}")
        if self.unknown:
            parts.append(f"not known: {_shortened(self.unknown)}")
        return " · ".join(parts)


def _named(changes: tuple[Change, ...]) -> str:
    return _shortened(tuple(change.words for change in changes))


def _shortened(names: tuple[str, ...]) -> str:
    rest = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def differences(before: Configuration, after: Configuration) -> Differences:
    """Compare two sides. Files outside the source tree that only one side read are left out: machines differ there."""
    data_before, data_after = _comparable(before.data, after.data), _comparable(after.data, before.data)
    one, other = before.environment, after.environment
    changes = [
        *_changed(Factor.CODE, "file", _digests(before.source), _digests(after.source)),
        *_changed(Factor.CODE, "setting", {"command": before.command}, {"command": after.command}),
        *_changed(
            Factor.ENVIRONMENT, "setting", {"environment": _KINDS[one.kind]}, {"environment": _KINDS[other.kind]}
        ),
        *_changed(Factor.ENVIRONMENT, "package", one.packages, other.packages),
        *_changed(Factor.ENVIRONMENT, "setting", _settings(one), _settings(other)),
        *_image(one, other),
        *_changed(Factor.ENVIRONMENT, "library", _libraries(one), _libraries(other)),
        *_changed(Factor.ENVIRONMENT, "variable", one.variables, other.variables),
        *_changed(Factor.DATA, "file", _digests(data_before), _digests(data_after)),
        *_changed(Factor.PARAMETERS, "parameter", _params(before), _params(after)),
        *_changed(Factor.HARDWARE, "setting", _hardware(before), _hardware(after)),
        *_changed(Factor.SEEDING, "setting", _seeding(before), _seeding(after)),
    ]
    files: list[Mapping[str, FileDigest]] = [before.source, data_before, after.source, data_after]
    unknown = [path for side in files for path, file in side.items() if file.sha256 is None]
    return Differences(
        changes=tuple(changes),
        undeclared=tuple(sorted(path for path, read in after.data.items() if not read.declared)),
        unknown=tuple(sorted(set(unknown))),
    )


def _changed(
    factor: Factor, kind: str, before: Mapping[str, str | None], after: Mapping[str, str | None]
) -> list[Change]:
    return [
        Change(factor=factor, kind=kind, name=name, before=before.get(name), after=after.get(name))
        for name in sorted({**before, **after})
        if before.get(name) != after.get(name)
    ]


def _digests(files: Mapping[str, FileDigest]) -> dict[str, str | None]:
    return {path: file.sha256 or "not readable" for path, file in files.items()}


def _comparable(files: Mapping[str, DataRead], others: Mapping[str, DataRead]) -> dict[str, DataRead]:
    return {path: file for path, file in files.items() if path in others or not path.startswith("/")}


def _settings(environment: EnvironmentRecord) -> dict[str, str | None]:
    return {
        "python": f"{environment.implementation} {environment.python}",
        "os": environment.os,
        "libc": environment.libc,
    }


def _image(one: EnvironmentRecord, other: EnvironmentRecord) -> list[Change]:
    """Where two images part: their bases, their system packages, and the first layer that is another.

    What only one side has goes without saying: it is of another kind.
    """
    if one.image_digest is None or other.image_digest is None or one.image_digest == other.image_digest:
        return []
    before: dict[str, str | None] = {f"base {name}": _short(d) for name, d in one.base_digests.items()}
    after: dict[str, str | None] = {f"base {name}": _short(d) for name, d in other.base_digests.items()}
    before |= {
        "system packages": _short(one.system_sha256),
        **{f"build argument {k}": v for k, v in one.build_args.items()},
    }
    after |= {
        "system packages": _short(other.system_sha256),
        **{f"build argument {k}": v for k, v in other.build_args.items()},
    }
    pairs = zip_longest(one.layers, other.layers)
    parted = next((i for i, (old, new) in enumerate(pairs, 1) if _digest_of(old) != _digest_of(new)), None)
    if parted is None:
        before["image settings"], after["image settings"] = _short(one.image_digest), _short(other.image_digest)
    else:
        name = f"image layer {parted} of {max(len(one.layers), len(other.layers))}"
        before[name], after[name] = (_layer(side, parted) for side in (one, other))
    return _changed(Factor.ENVIRONMENT, "setting", before, after)


def _layer(environment: EnvironmentRecord, number: int) -> str | None:
    if number > len(environment.layers):
        return None
    layer = environment.layers[number - 1]
    return f"{_short(layer.digest)} ({layer.made_by})" if layer.made_by else _short(layer.digest)


def _digest_of(layer: Layer | None) -> str | None:
    return layer.digest if layer is not None else None


def _short(digest: str | None) -> str | None:
    return None if digest is None else digest.removeprefix("sha256:")[:12]


def _libraries(environment: EnvironmentRecord) -> dict[str, str | None]:
    return {_key(lib): _described(lib) for lib in environment.libraries}


def _key(library: Library) -> str:
    return f"{library.name} ({library.role})"


def _described(library: Library) -> str:
    """Version and threads; the kernel belongs to the hardware, which chose it."""
    threads = "" if library.threads is None else f", {library.threads} thread{'' if library.threads == 1 else 's'}"
    return f"{library.version or 'unknown version'}{threads}"


def _params(configuration: Configuration) -> dict[str, str | None]:
    return {name: text(value) for name, value in configuration.params.items()}


def _hardware(configuration: Configuration) -> dict[str, str | None]:
    hardware = configuration.hardware
    kernels = sorted({f"{lib.name} {lib.kernel}" for lib in configuration.environment.libraries if lib.kernel})
    gpus = sorted(f"{gpu.model} (driver {gpu.driver})" for gpu in hardware.gpus)
    return {
        "processor": hardware.cpu_model,
        "SIMD": hardware.simd,
        "kernel": ", ".join(kernels) or None,
        "GPU": ", ".join(gpus) or "none",
    }


def _seeding(configuration: Configuration) -> dict[str, str | None]:
    seeding = configuration.seeding
    calls = sorted(f"{call.function}({call.value})" for call in seeding.by_user)
    return {
        "determinism": seeding.determinism,
        "seeded before the start": ", ".join(sorted(seeding.applied)) or "nothing",
        "seeded by the script": ", ".join(calls) or "nothing",
    }
