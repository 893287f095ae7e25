"""The metrics of a run in a container, asked of the engine seldom enough not to cost the training anything."""

import contextlib
import io
import tarfile
import threading
import time
from typing import IO, cast

from runner.capture_tail import Logged, logged, merged
from runner.container import paths
from runner.container.engine import Engine, failures

_EVERY_S = 3.0
_SHARE = 50  # at most one part in so many of the time is spent asking
_MOST_BYTES = 16 * 1024 * 1024  # a longer stream is too much to fetch again and again: the rest comes at the end


class Live:
    """Asks in a thread of its own; `poll()` never waits."""

    def __init__(self, engine: Engine, holder: str) -> None:
        self._engine = engine
        self._holder = holder
        self._grown = Grown()
        self._came: list[Logged] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> "Live":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(_EVERY_S)

    def poll(self) -> list[Logged]:
        """What was seen since the last call, each process in the order in which it logged."""
        with self._lock:
            came, self._came = self._came, []
        return came

    def _ask(self) -> None:
        wait = _EVERY_S
        while not self._ended.wait(wait):
            began = time.monotonic()
            # its failing is the end of the run, or an engine that is away: others see to that
            with contextlib.suppress(*failures(), OSError, ValueError, tarfile.TarError), self._engine.api() as api:
                chunks, _ = api.get_archive(self._holder, str(paths.STREAM))
                content = bytearray()
                for chunk in chunks:
                    content += chunk
                    if len(content) > _MOST_BYTES:
                        return
                points = self._grown.news(bytes(content))
                with self._lock:
                    self._came += points
            wait = max(_EVERY_S, _SHARE * (time.monotonic() - began))


class Grown:
    """What is new in an archive of event files that was fetched before; whatever is no metric event is passed over."""

    def __init__(self) -> None:
        self._read: dict[str, int] = {}

    def news(self, packed: bytes) -> list[Logged]:
        """Points that earlier archives did not have. Raises TarError."""
        found: list[list[Logged]] = []
        with tarfile.open(fileobj=cast("IO[bytes]", io.BytesIO(packed))) as archive:
            for member in archive:
                start = self._read.get(member.name, 0)
                file = archive.extractfile(member) if member.isreg() else None
                if file is None:
                    continue
                file.seek(start)
                points, whole = logged(file.read(), member.name)
                self._read[member.name] = start + whole
                found.append(points)
        return merged(found)
