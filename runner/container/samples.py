"""What a container uses while it runs, as the engine says: processor time and the peak of its memory."""

import contextlib
import threading
from typing import Any

from runner.container.engine import Engine, failures

_FIRST_S = 0.25
_EVERY_S = 2.0


class Samples:
    """Seconds of processor time and bytes of memory as last seen: what is used after the last sample is not seen."""

    def __init__(self, engine: Engine, container: str) -> None:
        self._engine = engine
        self._container = container
        self.cpu_s = 0.0
        self.peak_memory_bytes: int | None = None

    def take_until(self, ended: threading.Event) -> None:
        """Sample until `ended` is set; an engine that does not answer only costs the sample."""
        wait = _FIRST_S
        while not ended.wait(wait):
            wait = min(2 * wait, _EVERY_S)
            with contextlib.suppress(*failures(), OSError, ValueError), self._engine.api() as api:
                self._take(api.stats(self._container, stream=False, one_shot=True))

    def _take(self, told: dict[str, Any]) -> None:
        used = (told.get("cpu_stats") or {}).get("cpu_usage", {}).get("total_usage") or 0
        self.cpu_s = max(self.cpu_s, used / 1e9)
        memory = told.get("memory_stats") or {}
        # cgroup version 1 keeps the peak, version 2 tells what is used now
        seen = memory.get("max_usage") or memory.get("usage") or 0
        if seen:
            self.peak_memory_bytes = max(self.peak_memory_bytes or 0, int(seen))
