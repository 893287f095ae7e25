"""What `init` found out, as one value: the file's text and the table on the terminal are both made from it."""

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from experiment.record import RunRecord
from runner.discovery.metrics import Proposal

MAX_DATA = 200
_LEAST_TIMEOUT_S = 300


@dataclass(frozen=True)
class Read:
    """A data file the trial read; `path` relative to the experiment's folder, absolute outside the source tree."""

    path: str
    size: int | None
    sha256: str | None
    outside: bool


@dataclass(frozen=True)
class Written:
    """A file the trial wrote that is no metric file; `repeats`: both runs of one seed wrote the same bytes."""

    path: str
    size: int
    repeats: bool


@dataclass(frozen=True)
class Draft:
    """A complete guess. Times in seconds, memory in bytes; they are the slower and the larger of the two trials."""

    name: str
    command: str
    command_why: str
    lock: str
    lock_from: str | None  # None: it was there
    determinism: str
    metrics: tuple[Proposal, ...]
    data: tuple[Read, ...]
    outputs: tuple[Written, ...]
    wall_s: float
    cpus: int
    gpus: int
    memory: int | None
    machine_cpus: int
    seeded_by: tuple[str, ...]  # seeds the script sets itself: "numpy.random.seed(0) in train.py:3"

    @property
    def metric_files(self) -> tuple[str, ...]:
        """The metric files the metrics are read from, in order."""
        return tuple(dict.fromkeys(metric.file for metric in self.metrics if metric.file is not None))

    @property
    def unequal(self) -> tuple[str, ...]:
        """Metrics that differed between two runs of the same seed, times left out."""
        return tuple(m.name for m in self.metrics if m.repeats is False and (m.gate or m.goal is None))

    @property
    def timeout_min(self) -> int:
        """Ten times what a run took, in minutes."""
        return math.ceil(max(_LEAST_TIMEOUT_S, 10 * self.wall_s) / 60)


def reads(record: RunRecord, folder: str) -> tuple[Read, ...]:
    """The data the run read and did not also write, files of the source tree first; `folder` is the experiment's."""
    written = set(record.written)
    found = []
    for path, file in record.data.items():
        outside = path.startswith("/")
        if path in written or os.path.basename(path) in _NO_DATA or file.sha256 is None:  # noqa: PTH119 (text only)
            continue
        found.append(Read(path if outside else os.path.relpath(path, folder), file.size, file.sha256, outside))
    return tuple(sorted(found, key=lambda read: (read.outside, read.path)))


_NO_DATA = {"pyproject.toml", "setup.cfg", "requirements.lock", "requirements.txt", ".gitignore", "matplotlibrc"}


def outputs(first: RunRecord, second: RunRecord, without: Iterable[str]) -> tuple[Written, ...]:
    """Files both runs wrote, apart from those of `without`, with whether their bytes were equal."""
    left_out = set(without)
    return tuple(
        Written(path, file.size or 0, file.sha256 == second.artifacts[path].sha256)
        for path, file in sorted(first.artifacts.items())
        if path in second.artifacts and path not in left_out
    )


def processors(records: Sequence[RunRecord]) -> int:
    """How many processors a run kept busy, at least 1."""
    return max(1, *(round(r.usage.cpu_s / r.usage.wall_s) if r.usage.wall_s > 0 else 1 for r in records))
