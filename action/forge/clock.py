"""Time as the forge's client uses it: handed in, so that a test of an hour's wait takes no time."""

import time
from typing import Protocol


class Clock(Protocol):
    """What waits and says what time it is."""

    def now(self) -> float:
        """Seconds since 1970."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
