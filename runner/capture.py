"""What a run did, as far as its recorder saw it: the runner's side of the recorder's event files."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from experiment.curves import Curve
from experiment.environment import Library
from experiment.record import SeedCall, Seeding
from runner.capture_curves import CurveCollector
from runner.capture_files import FileCollector
from runner.capture_stream import Event, events, printable

MAX_PARAMS = 1_000
MAX_SEED_CALLS = 1_000
MAX_LIBRARIES = 100
MAX_FAILURES = 100
Determinism = Literal["strict", "seeds", "off"]
_ROLES = ("blas", "openmp", "cuda", "cudnn")


@dataclass(frozen=True, eq=False)
class Captured:
    """Everything the event files say. Paths are relative inside the source tree, absolute outside it."""

    curves: list[Curve]  # source "keras", "mlflow", "sklearn"; time in seconds since the first process started
    seeding: Seeding
    source: tuple[str, ...] = ()  # code of the tree that was read
    data: tuple[str, ...] = ()  # other files whose first use was to read them
    listed: tuple[str, ...] = ()  # folders of the tree that were listed
    written: tuple[str, ...] = ()  # files of the tree that were written
    logged_params: dict[str, str] = field(default_factory=dict)
    libraries: tuple[Library, ...] = ()
    peak_gpu_memory_bytes: int | None = None
    not_captured: tuple[str, ...] = ()
    started: float | None = None  # when the first Python process started, seconds since 1970


NOTHING = (
    "nothing inside the processes was seen: the command started no Python, or replaced PYTHONPATH "
    "(write PYTHONPATH=src:$PYTHONPATH), or ran it with -I, -E or -S"
)


def read(stream: Path, root: Path, accessed: Iterable[str] = (), *, inside: Path | None = None) -> Captured:
    """Read the event files in `stream` of a run whose source tree was at `root` as its processes saw it.

    `accessed` names files of the tree that were read by whomever (`capture_access.touched`): code and data as well.
    `inside`: where a container saw its event files; what it read outside the tree is then its image's, and left out.

    Never raises for what the files hold: what is torn or not of the form is passed over.
    """
    reader = _Reader(FileCollector(root, inside or stream, sealed=inside is not None))
    for process, event in events(stream):
        reader.take(process, event)
    return reader.captured(accessed)


class _Reader:
    def __init__(self, files: FileCollector) -> None:
        self._curves = CurveCollector()
        self._files = files
        self._started: float | None = None
        self._determinism: Determinism = "off"
        self._applied: dict[str, None] = {}
        self._calls: dict[SeedCall, None] = {}
        self._params: dict[str, str] = {}
        self._libraries: dict[tuple[str, str | None], Library] = {}
        self._gpu: dict[int, int] = {}  # process -> peak bytes
        self._failures: dict[str, None] = {}
        self._takers = {
            "start": self._take_start,
            "param": self._take_param,
            "seeded": self._take_seeded,
            "seed": self._take_seed,
            "library": self._take_library,
        }

    def take(self, process: int, event: Event) -> None:
        """One event of the process with that number."""
        match event.kind:
            case "metric":
                self._curves.add(event, process)
            case "read" | "write" | "list" | "mkdir":
                self._files.add(event)
            case "gpu":
                self._gpu[process] = max(event.fields[0], self._gpu.get(process, 0))
            case "failed":
                self._fail("{}: {}".format(*event.fields)[:600])
            case _:
                self._takers[event.kind](event)

    def _take_param(self, event: Event) -> None:
        _, name, value = event.fields
        if name in self._params or len(self._params) < MAX_PARAMS:
            self._params[name[:256]] = value[:500]

    def _take_seeded(self, event: Event) -> None:
        if len(self._applied) < MAX_SEED_CALLS:
            self._applied[event.fields[0][:100]] = None

    def _take_seed(self, event: Event) -> None:
        function, value, place = event.fields
        if len(self._calls) < MAX_SEED_CALLS:
            self._calls[SeedCall(function=function[:100], value=value[:100], place=place[:500])] = None

    def _take_library(self, event: Event) -> None:
        library = _library(event.fields[0])
        if library is not None and len(self._libraries) < MAX_LIBRARIES:
            self._libraries[library.name, library.file] = library

    def _take_start(self, event: Event) -> None:
        self._started = event.time if self._started is None else min(event.time, self._started)
        given: dict[str, Any] = event.fields[0]
        if isinstance(given.get("prefix"), str):
            self._files.python_at(given["prefix"])
        if given.get("determinism") in ("strict", "seeds"):
            self._determinism = given["determinism"]

    def _fail(self, text: str) -> None:
        if len(self._failures) < MAX_FAILURES:
            self._failures[text] = None

    def captured(self, accessed: Iterable[str]) -> Captured:
        """All events taken together with the files the file system saw read."""
        self._files.accessed(accessed)
        if self._started is None:
            self._fail(NOTHING)
        if self._curves.dropped:
            self._fail(f"{self._curves.dropped} metric points: more than are kept")
        if self._files.dropped:
            self._fail(f"{self._files.dropped} file names: more than are kept")
        return Captured(
            curves=self._curves.curves(self._started or 0.0),
            seeding=Seeding(determinism=self._determinism, applied=tuple(self._applied), by_user=tuple(self._calls)),
            source=self._files.source(),
            data=self._files.data(),
            listed=self._files.listed(),
            written=self._files.written(),
            logged_params=self._params,
            libraries=tuple(
                sorted(self._libraries.values(), key=lambda found: (found.role, found.name, found.file or ""))
            ),
            peak_gpu_memory_bytes=sum(self._gpu.values()) if self._gpu else None,
            not_captured=tuple(self._failures),
            started=self._started,
        )


def _library(given: dict[str, Any]) -> Library | None:
    def text(name: str) -> str | None:
        value = given.get(name)
        return printable(value[:300]) if isinstance(value, str) else None

    role, name, threads = text("role"), text("name"), given.get("threads")
    if role not in _ROLES or name is None:
        return None
    number = threads if type(threads) is int and 0 < threads < 1 << 20 else None
    return Library(
        role=role, name=name, version=text("version"), kernel=text("kernel"), threads=number, file=text("file")
    )
