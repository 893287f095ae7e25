"""Writes digests and hashes where the experiment's files lack them: images, data, the lock. All of it, or nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from experiment import file as experiment_file
from experiment import pinning
from experiment.atomic import write_whole
from experiment.errors import InfrastructureFailed
from experiment.spec import FILE_NAME, Experiment
from runner import data
from runner.container import engine
from runner.container.registry import Registry
from runner.environment import dockerfile, lock, lock_hashes, pins
from runner.environment.pins import DigestOf, Name, Which
from runner.source import folder_of


class CannotChange(InfrastructureFailed):
    """A file that would get a digest may not be written. All files are as they were."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{path}: cannot be written: {error.strerror or error}\n"
            "  make room or permit writing, then run the same command again\nnothing was changed"
        )


@dataclass(frozen=True)
class Place:
    """A place in a file that names something: what stood there and what stands there now."""

    file: str
    line: int  # from 1
    key: str  # "FROM", "data[0]", "six"
    old: str
    new: str

    @property
    def changed(self) -> bool:
        """Whether something was written."""
        return self.old != self.new


def pin(path: Path, which: Which, inherited: Mapping[str, str]) -> tuple[Place, ...]:
    """Pin all that the experiment at `path` (a folder, or the file in it) declares. Every place, changed or not.

    Everything is looked up before anything is written. Raises Refused or InfrastructureFailed (see the modules used).
    """
    experiment = experiment_file.load(path)
    folder, environment = folder_of(path), experiment.environment
    digest_of = _asking(inherited)
    parts = [_experiment(path if path.is_file() else path / FILE_NAME, experiment, digest_of, which)]
    if environment.dockerfile is not None:
        parts.append(_dockerfile(folder / environment.dockerfile, environment.build.args, digest_of, which))
    if environment.lock is not None:
        parts.append(_lock(folder / environment.lock, inherited))
    _write({part.path: part.content for part in parts if any(place.changed for place in part.places)})
    return tuple(place for part in parts for place in part.places)


def outputs(places: tuple[Place, ...]) -> dict[str, Any]:
    """What `--json` prints."""
    changed = [asdict(place) for place in places if place.changed]
    return {"passed": True, "changed": changed, "pinned": [asdict(place) for place in places if not place.changed]}


def lines(places: tuple[Place, ...]) -> Iterator[str]:
    """A line for each place, the changed ones first, and one that says how many there are."""
    where = {place: f"{place.file}:{place.line}" for place in places}
    wide = max((len(text) for text in where.values()), default=0)
    key = max((len(place.key) for place in places), default=0)
    for place in sorted(places, key=lambda place: not place.changed):
        stays = "no tag to follow" if "@" in place.new and not Name.of(place.new).tag else "pinned already"
        what = f"{place.old} → {place.new}" if place.changed else f"{place.new}  ({stays})"
        yield f"{where[place]:<{wide}}  {place.key:<{key}}  {what}"
    changed = sum(place.changed for place in places)
    kept = len(places) - changed
    yield (
        f"{changed or 'nothing'} written, {kept} pinned already" if places else "nothing to pin: no image, data or lock"
    )


def _asking(inherited: Mapping[str, str]) -> DigestOf:
    """The digest of an image's tag; the engine is asked for only when there is something to ask."""

    @cache
    def registry() -> Registry:
        return Registry(engine.find(inherited))

    return lambda image, where: registry().digest(image, where)


@dataclass(frozen=True)
class _Part:
    """A file with its new content, and its places."""

    path: Path
    content: bytes
    places: tuple[Place, ...]


def _experiment(path: Path, experiment: Experiment, digest_of: DigestOf, which: Which) -> _Part:
    declared = (*experiment.data, *(experiment.evaluate.data if experiment.evaluate else ()))
    sha256 = data.check(declared, path.parent)
    old = experiment.environment.image
    image = None if old is None else pins.pinned(old, f"{path}: environment.image", digest_of, which)
    after, entries = pinning.with_digests(path.read_bytes().decode("utf-8-sig"), path, image, sha256)

    def place(entry: pinning.Entry) -> Place:
        new = str(image) if entry.key == "environment.image" else f"{entry.names} sha256 {sha256[entry.names]}"
        return Place(str(path), entry.line, entry.key, entry.names if entry.changed else new, new)

    return _Part(path, after.encode(), tuple(map(place, entries)))


def _dockerfile(path: Path, build_args: Mapping[str, str], digest_of: DigestOf, which: Which) -> _Part:
    after, found = pins.with_digests(dockerfile.load(path), build_args, digest_of, which)
    return _Part(path, after.encode(), tuple(Place(str(path), pin.line, pin.key, pin.old, pin.new) for pin in found))


def _lock(path: Path, inherited: Mapping[str, str]) -> _Part:
    """A requirements file; the other kinds of lock are made with their hashes."""
    before = path.read_bytes() if path.is_file() and path.name != "uv.lock" and path.suffix != ".toml" else b""
    lacking = lock_hashes.missing(path, before)
    if not lacking:
        hashed = f"{len(lock.read(path).names)} packages with hashes"
        return _Part(path, before, (Place(str(path), 1, "lock", hashed, hashed),))

    def place(package: lock_hashes.Package) -> Place:
        named = f"{package.name}=={package.version}"
        return Place(str(path), package.line, "lock", named, f"{named} with its hashes")

    return _Part(path, lock_hashes.with_hashes(path, before, inherited), tuple(map(place, lacking)))


def _write(texts: Mapping[Path, bytes]) -> None:
    """Write all files or none: what was written before one fails gets its old content back."""
    before = {path: path.read_bytes() for path in texts}
    done: list[Path] = []
    for path, content in texts.items():
        try:
            done.append(path)
            _replace(path, content)
        except OSError as error:
            for written in done[:-1]:
                _replace(written, before[written])
            raise CannotChange(path, error) from None


def _replace(path: Path, content: bytes) -> None:
    """New content for the file that `path` or its link leads to, with the permissions it had."""
    target = path.resolve()
    mode = target.stat().st_mode
    write_whole(target, content)
    target.chmod(mode & 0o7777)
