"""What workers of a Ray cluster do in benchmarks/sweeps.py: sleep as long as they are told, and compute a valley."""

import json
import threading
import time
from collections.abc import Callable


class Sleeper:
    """An office without an experiment."""

    def __init__(self, _assignment: bytes, _say: Callable[[str], None]) -> None:
        pass

    def missing(self) -> list[int]:
        """It needs no content."""
        return []

    def open(self) -> bool:
        """It is ready."""
        return True

    def make(self, errand: bytes, _hear: Callable[[object], None], _ended: threading.Event) -> float:
        """Sleep, then the value."""
        seconds, x, y = json.loads(errand)
        time.sleep(seconds)
        return float((x - 2) ** 2 + (y + 1) ** 2)

    def close(self) -> None:
        """Nothing is left."""
