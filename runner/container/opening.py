"""An experiment's container environment, ready to run in: engine, image, kit, data, and what the image consists of."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from experiment.environment import EnvironmentKind, EnvironmentRecord, HardwareRecord
from experiment.errors import InfrastructureFailed, Refused
from experiment.spec import Experiment
from runner.capture_tail import Logged
from runner.container import build, image, objects, packing, paths, relay, touched
from runner.container.build import Recipe
from runner.container.data_volumes import DataVolumes
from runner.container.engine import Engine, EngineFailed, failures, find
from runner.container.image import Image
from runner.container.lease import Lease, held
from runner.container.outcome import Stopped
from runner.container.reaper import reap
from runner.container.runtime import DISK, SHM, ContainerRuntime, end_session
from runner.container.watch import Watch
from runner.environment import fingerprint, hardware, probe
from runner.environment.fingerprint import RECORDER, Fingerprint
from runner.environment.prepared import Prepared
from runner.environment.variables import for_container, recorded
from runner.environment.venv import cache_folder
from runner.runtime import Ears
from runner.sandbox import Limits, Sandbox, Volume
from runner.source import SourceTree
from runner.store import Store

_PATIENCE_S = 3600.0
_CLEANING_S = 20.0
_PYTHON = 'python=$(command -v python3 || command -v python) || exit 42; exec "$python" -I "$@"'
_NO_PYTHON = 42


class DirtyInCi(Refused):
    """In CI the code that runs must be the code of the commit that is judged."""


class CannotLookInside(InfrastructureFailed):
    """The image does not say what it consists of."""


@dataclass(frozen=True)
class Opening:
    """What a container environment is made for. `data`: declared path -> SHA-256, checked."""

    experiment: Experiment
    tree: SourceTree
    data: Mapping[str, str]
    store: Store
    inherited: Mapping[str, str]
    say: Callable[[str], None]

    def prepare(self) -> Prepared:
        """Find the engine, clean up after killed sessions, get the image, and put into the engine what runs need.

        The caller closes the runtime. Raises what the modules used raise (Refused, InfrastructureFailed).
        """
        check_clean(self.tree, self.inherited)
        engine = find(self.inherited)
        try:
            with engine.client() as client:
                for left in reap(client, time.time()).failed:
                    self.say(left)
            return self._in(engine)
        except failures() as error:
            raise EngineFailed(_engine_failed(error)) from None

    def _in(self, engine: Engine) -> Prepared:
        with contextlib.ExitStack() as stack:
            lease = stack.enter_context(held(self.store.state / "leases", self.inherited))
            stack.callback(end_session, engine, lease, _CLEANING_S)
            began = time.monotonic()
            found, record = self._image(engine)
            took = time.monotonic() - began
            machine = hardware.describe(self.inherited)
            runtime = self._runtime(engine, lease, found, machine)
            taken = self._fingerprint(runtime)
            prepared = Prepared(
                runtime=runtime,
                environment=self._record(record, found, taken, runtime.variables),
                hardware=machine,
                label=_label(record, found, taken, took),
            )
            runtime.held.push(stack.pop_all())
            return prepared

    def _image(self, engine: Engine) -> tuple[Image, EnvironmentRecord]:
        """The image, and of its record what is known before anybody looks inside."""
        spec = self.experiment.environment
        empty = EnvironmentRecord(kind=EnvironmentKind.IMAGE, source="", python="", os="", packages={})
        if spec.chosen == "image":
            assert spec.image is not None
            return image.by_digest(engine, spec.image, self.say), empty.model_copy(update={"source": spec.image})
        assert spec.dockerfile is not None
        recipe = Recipe(self.experiment.experiment, self.tree, spec.dockerfile, spec.build)
        built = build.build(engine, recipe, self.inherited, self.store.work, self.say)
        described = {
            "kind": EnvironmentKind.DOCKERFILE,
            "source": spec.dockerfile,
            "base_digests": built.bases,
            "build_args": dict(spec.build.args),
        }
        with engine.api() as api:
            return image.describe(api, built.image, spec.dockerfile), empty.model_copy(update=described)

    def _runtime(self, engine: Engine, lease: Lease, found: Image, machine: HardwareRecord) -> ContainerRuntime:
        kit = Volume(f"ml-experiment-{lease.session[:12]}-kit", str(paths.KIT))
        labels = lease.owner(time.time() + _PATIENCE_S).labels("kit")
        folder, marks = self.tree.root / self.tree.folder, cache_folder(self.inherited).parent / "data"
        with engine.api() as api:
            api.create_volume(kit.name, driver="local", labels=labels)
            with objects.unstarted(api, found.id, {kit.name: kit.target}, labels) as filler:
                objects.put(api, filler, kit.target, packing.kit(_kit_files()))
            volumes = DataVolumes(api, found.id, lease, marks, self.say)
            data = {sha256: volumes.volume(folder / path, sha256) for path, sha256 in self.data.items()}
        spec = self.experiment
        return ContainerRuntime(
            engine=engine,
            image=found,
            lease=lease,
            kit=kit,
            data=data,
            memory=machine.memory_bytes,
            gpus=hardware.gpu_uuids(self.inherited),
            gpus_now=partial(hardware.gpu_uuids, self.inherited),
            variables=for_container(self.inherited, spec.environment.variables, spec.resources.cpus),
            held=contextlib.ExitStack(),
        )

    def _fingerprint(self, runtime: ContainerRuntime) -> Fingerprint:
        folder = cache_folder(self.inherited).parent / "images" / runtime.image.id.rpartition(":")[2][:24]
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        named = self.experiment.environment.variables
        return fingerprint.take_cached(folder, runtime.variables, named, lambda: _look_inside(runtime))

    def _record(
        self, begun: EnvironmentRecord, found: Image, taken: Fingerprint, variables: Mapping[str, str]
    ) -> EnvironmentRecord:
        seen = {
            "image_digest": found.id,
            "layers": found.layers,
            "python": taken.python,
            "implementation": taken.implementation,
            "os": taken.os,
            "libc": taken.libc,
            "packages": taken.packages,
            "libraries": taken.libraries,
            "system_sha256": taken.system_sha256,
            "variables": recorded({**found.variables, **variables}, self.experiment.environment.variables),
        }
        return begun.model_copy(update=seen)


def check_clean(tree: SourceTree, inherited: Mapping[str, str]) -> None:
    """Raises DirtyInCi."""
    if tree.dirty and inherited.get("CI", "").lower() in ("1", "true"):
        raise DirtyInCi(
            f"{tree.root}: there are uncommitted changes, and this is CI (CI={inherited['CI']})\n"
            "  a verdict is about a commit: let no step before this one change tracked files or leave new ones\n"
            "  git status shows them; at a desk they are run, and recorded as uncommitted\nnothing was run"
        )


def _engine_failed(error: Exception) -> str:
    said = " ".join(str(getattr(error, "explanation", None) or error).split())[:300]
    remedy = "make room for it: docker system df" if "no space" in said else "look at its log; ml-experiment doctor"
    return f"the engine failed while the environment was made: {said}\n  {remedy}\nnothing was run"


def _kit_files() -> dict[PurePosixPath, bytes]:
    """What is put into every container, by its place there."""
    recorder = {
        paths.RECORDER / file.relative_to(RECORDER): file.read_bytes() for file in sorted(RECORDER.rglob("*.py"))
    }
    return {
        **recorder,
        paths.PROBE: Path(probe.__file__).read_bytes(),
        paths.RELAY: Path(relay.__file__).read_bytes(),
        paths.TOUCHED: Path(touched.__file__).read_bytes(),
    }


def _look_inside(runtime: ContainerRuntime) -> Fingerprint:
    """Ask the image's own Python, in a sandbox as a run gets. An image without Python has no packages."""
    from docker.errors import APIError

    command = f"set -- {paths.PROBE} {paths.RECORDER}; {_PYTHON}"
    asked = Sandbox(
        image=runtime.image.id,
        command=command,
        folder="/",
        labels=runtime.lease.owner(time.time() + _PATIENCE_S).labels("probe"),
        limits=Limits(memory=runtime.memory, shm=SHM, scratch=DISK),
        variables=runtime.variables,
        volumes=(runtime.kit,),
        in_memory=runtime.image.volumes,
    )
    with runtime.engine.api() as api:
        container = objects.create(api, asked, f"ml-experiment-{runtime.lease.session[:12]}-probe")
        try:
            watch = Watch(runtime.engine, container)
            ears = Ears(lambda _line: None, lambda _elapsed, _latest: None, lambda: None)
            ended = watch.run(fingerprint.TIMEOUT_S, ears, _nothing, threading.Event())
        except APIError as error:
            raise CannotLookInside(
                f"{runtime.image.id[:19]}: the image does not start: {' '.join(str(error.explanation).split())[:300]}\n"
                "  it needs /bin/sh; and where its programs are, it must declare no volume\nnothing was run"
            ) from None
        finally:
            objects.remove(api, container)
    printed = ended.log.content().decode(errors="replace")
    if ended.stopped is Stopped.NO and ended.end.exit_code == _NO_PYTHON:
        return Fingerprint("none", "none", None, {}, (), "unknown", None)
    try:
        return fingerprint.of_output(printed)
    except (ValueError, KeyError, IndexError, TypeError):
        last = printed.strip().splitlines()[-1:] or ["(nothing)"]
        raise CannotLookInside(
            f"{runtime.image.id[:19]}: the image does not say what is installed in it: "
            f"exit status {ended.end.exit_code}, it printed: {last[0][:200]}\n"
            "  it needs /bin/sh, and a Python that starts\nnothing was run"
        ) from None


def _nothing() -> Sequence[Logged]:
    return ()


def _label(record: EnvironmentRecord, found: Image, taken: Fingerprint, took: float) -> str:
    noun = "package" if len(taken.packages) == 1 else "packages"
    how = f", {max(1, round(took))} s" if took > 2 else ""
    name, _, digest = record.source.partition("@sha256:")
    what = f"{name}@{digest[:12]}" if digest else f"{name} ({found.id.rpartition(':')[2][:12]})"
    return f"container of {what}, {len(taken.packages)} {noun}{how}"
