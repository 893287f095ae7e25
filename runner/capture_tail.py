"""The metrics of a run that is still going on: every point in its order, from the growing ends of its event files."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.capture_stream import MAX_LINE, files, open_regular, parse

MAX_READ = 4 * 1024 * 1024  # bytes per file and poll; what is beyond is read by the next


@dataclass(frozen=True, slots=True)
class Logged:
    """A point a process logged; `time` in seconds since 1970. `training` tells apart those that go on side by side."""

    source: str
    training: str
    metric: str
    step: int
    value: float
    time: float


class Tail:
    """Follows the streams of one run. A poll without news costs one folder listing and a stat per process."""

    def __init__(self, stream: Path) -> None:
        self._stream = stream
        self._read: dict[Path, int] = {}

    def poll(self) -> list[Logged]:
        """What is new since the last poll, each process in the order in which it logged."""
        return merged(self._news(path) for path in files(self._stream))

    def _news(self, path: Path) -> list[Logged]:
        start = self._read.get(path, 0)
        try:
            size = path.lstat().st_size
        except OSError:
            return []
        if size <= start or (file := open_regular(path)) is None:
            return []
        with file:
            file.seek(start)
            points, whole = logged(file.read(MAX_READ), path.name)
        self._read[path] = start + whole
        return points


def merged(by_file: Iterable[Sequence[Logged]]) -> list[Logged]:
    """The points of several files by their time, each file in its order."""
    return list(heapq.merge(*by_file, key=lambda point: point.time))


def logged(data: bytes, file: str) -> tuple[list[Logged], int]:
    """The points in the whole lines of a piece of an event file, and how many bytes these lines are."""
    whole = data.rfind(b"\n") + 1
    if whole == 0 and len(data) >= MAX_LINE:
        whole = len(data)  # no line of a recorder: it is passed over in pieces
    points = []
    for line in data[:whole].splitlines():
        event = parse(line) if line.startswith(b'["metric"') else None
        if event is not None:
            source, group, name, step, value = event.fields
            points.append(Logged(source, f"{file}:{group}", name, step, value, event.time))
    return points, whole
