"""Curves of one run, `curves.npz` in its folder: columns of metric, series, step, value, time; doubles to the bit.

A *series* is one training: a metric seen again at a step already passed starts a new one.
"""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiment.atomic import write_whole

FILE_NAME = "curves.npz"
_NOT_AN_ARCHIVE = (zipfile.BadZipFile, zlib.error, RuntimeError)  # RuntimeError: a bit says "encrypted"


@dataclass(frozen=True, eq=False)
class Curve:
    """One series of one metric; three columns of one length. `time` is seconds since the run started."""

    metric: str
    series: int  # from 1
    source: str
    step: NDArray[np.int64]
    value: NDArray[np.float64]
    time: NDArray[np.float64]

    def sha256(self) -> str:
        """SHA-256 (hex) over steps and the bits of the values; the time is left out, it never repeats."""
        columns = self.step.astype("<i8").tobytes() + self.value.astype("<f8").tobytes()
        return hashlib.sha256(columns).hexdigest()


def split_series(
    metric: str, source: str, step: Iterable[int], value: Iterable[float], time: Iterable[float]
) -> list[Curve]:
    """Points in the order they came -> one Curve per series: a step not above the one before starts a new series."""
    steps = np.fromiter(step, np.int64)
    values, times = np.fromiter(value, np.float64), np.fromiter(time, np.float64)
    cuts = [0, *(np.flatnonzero(steps[1:] <= steps[:-1]) + 1).tolist(), len(steps)]
    pieces = [slice(a, b) for a, b in pairwise(cuts) if b > a]
    return [Curve(metric, i, source, steps[p], values[p], times[p]) for i, p in enumerate(pieces, 1)]


def write(curves: Iterable[Curve], folder: Path) -> None:
    """Write all curves of a run; a reader sees the whole file or none. OSError passes through (disk full)."""
    kept = list(curves)
    head = [{"metric": c.metric, "series": c.series, "source": c.source, "points": len(c.step)} for c in kept]
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        head=np.frombuffer(json.dumps(head).encode(), np.uint8),
        step=np.concatenate([c.step for c in kept] or [np.empty(0, np.int64)]),
        value=np.concatenate([c.value for c in kept] or [np.empty(0)]),
        time=np.concatenate([c.time for c in kept] or [np.empty(0)]),
    )
    write_whole(folder / FILE_NAME, buffer.getvalue())


def read(folder: Path) -> list[Curve]:
    """Read the curves of a run; empty where the run left none. ValueError where the file is damaged, OSError passes."""
    try:
        data = (folder / FILE_NAME).read_bytes()
    except FileNotFoundError:
        return []
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            head = json.loads(file["head"].tobytes())
            step, value, time = file["step"], file["value"], file["time"]
        cuts = [0, *accumulate(entry["points"] for entry in head)]
        if not len(step) == len(value) == len(time) == cuts[-1]:
            raise ValueError(f"{cuts[-1]} points announced, {len(step)} found")
        return [
            Curve(e["metric"], e["series"], e["source"], step[a:b], value[a:b], time[a:b])
            for e, (a, b) in zip(head, pairwise(cuts), strict=True)
        ]
    except (ValueError, TypeError, KeyError, EOFError, OSError, NotImplementedError, *_NOT_AN_ARCHIVE) as error:
        raise ValueError(f"{folder / FILE_NAME}: damaged: {error}") from None
