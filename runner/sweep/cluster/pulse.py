"""Whether a cluster's head still answers. Without it Ray waits for about a minute, and then aborts this process."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

EVERY_S = 1.0
SILENCE_S = 20.0
"""A head that is restarted within this time (Ray's fault-tolerant one) costs nothing; Ray itself gives up at 60 s."""


class Pulse:
    """Knocks now and then. `knock` says whether somebody answered, and waits for that not for long. A context."""

    def __init__(self, knock: Callable[[], bool]) -> None:
        self._knock = knock
        self._heard = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def lost(self) -> bool:
        """Whether it has been silent for SILENCE_S."""
        return time.monotonic() - self._heard > SILENCE_S

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(EVERY_S):
            if self._knock():
                self._heard = time.monotonic()
