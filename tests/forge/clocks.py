"""Clocks for tests: an hour's wait takes no time."""

import threading


class TestClock:
    """Sleeping moves it on; `slept` says for how long in all."""

    __test__ = False

    def __init__(self) -> None:
        self._now = 1_800_000_000.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds
            self.slept.append(seconds)
