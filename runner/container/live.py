"""The latest metric of a run in a container, asked of the engine seldom enough not to cost the training anything."""

import contextlib
import io
import tarfile
import threading
import time
from typing import IO, cast

from runner.capture_stream import parse
from runner.capture_tail import Latest
from runner.container import paths
from runner.container.engine import Engine, failures

_EVERY_S = 3.0
_SHARE = 50  # at most one part in so many of the time is spent asking
_MOST_BYTES = 16 * 1024 * 1024  # a longer stream is too much to fetch for one number


class Live:
    """Asks in a thread of its own; `latest()` never waits."""

    def __init__(self, engine: Engine, holder: str) -> None:
        self._engine = engine
        self._holder = holder
        self._latest: Latest | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> "Live":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(_EVERY_S)

    def latest(self) -> Latest | None:
        """The latest point that was seen; None before the first."""
        return self._latest

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
                self._latest = newest(bytes(content)) or self._latest
            wait = max(_EVERY_S, _SHARE * (time.monotonic() - began))


def newest(packed: bytes) -> Latest | None:
    """The latest metric event in an archive of event files; whatever is not one is passed over."""
    found: Latest | None = None
    with tarfile.open(fileobj=cast("IO[bytes]", io.BytesIO(packed))) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            for line in reversed(file.read().splitlines()) if file is not None else ():
                event = parse(line) if line.startswith(b'["metric"') else None
                if event is not None:
                    _, _, name, step, value = event.fields
                    if found is None or event.time >= found.time:
                        found = Latest(name, step, value, event.time)
                    break
    return found
