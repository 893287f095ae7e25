"""The latest metric of a run that is still going on, read from the growing ends of its event files."""

from dataclasses import dataclass
from pathlib import Path

from runner.capture_stream import MAX_LINE, Event, files, open_regular, parse

MAX_READ = 256 * 1024  # per file and poll; further behind, the middle is skipped


@dataclass(frozen=True, slots=True)
class Latest:
    """The last point any process logged; `time` in seconds since 1970."""

    metric: str
    step: int
    value: float
    time: float


class Tail:
    """Follows the streams of one run. A poll without news costs one folder listing and a stat per process."""

    def __init__(self, stream: Path) -> None:
        self._stream = stream
        self._read: dict[Path, int] = {}
        self._latest: Latest | None = None

    def poll(self) -> Latest | None:
        """The latest point so far, or None before the first."""
        for path in files(self._stream):
            for event in self._news(path):
                _, _, name, step, value = event.fields
                if self._latest is None or event.time >= self._latest.time:
                    self._latest = Latest(name, step, value, event.time)
        return self._latest

    def _news(self, path: Path) -> list[Event]:
        start = self._read.get(path, 0)
        try:
            size = path.lstat().st_size
        except OSError:
            return []
        if size <= start or (file := open_regular(path)) is None:
            return []
        start = max(start, size - MAX_READ)
        with file:
            file.seek(start)
            data = file.read(size - start)
        end = data.rfind(b"\n") + 1
        if end == 0 and len(data) < MAX_LINE:
            return []  # a line that is still being written
        self._read[path] = start + (end or len(data))
        lines = data[:end].splitlines()
        return [event for line in lines if line.startswith(b'["metric"') and (event := parse(line)) is not None]
