"""An office for Ray workers of tests: a formula in place of runs, whose timing is drawn anew in every process."""

import os
import pickle
import random
import threading
import time
from collections.abc import Callable
from typing import Any

from formulas import formula


class Formula:
    """Points and a result, after times that are drawn anew in every process."""

    def __init__(self, assignment: bytes, say: Callable[[str], None]) -> None:
        self.longest_s: float = pickle.loads(assignment)
        say("ready")

    def missing(self) -> list[int]:
        return []

    def open(self) -> int:
        return os.getpid()

    def make(self, errand: bytes, hear: Callable[[Any], None], ended: threading.Event) -> float:
        params, points = pickle.loads(errand)
        value = formula(params)
        for step in range(1, points + 1):
            time.sleep(random.uniform(0, self.longest_s))
            hear((step, value + 3.0 / step))
            if ended.is_set():
                break
        time.sleep(random.uniform(0, self.longest_s))
        return value

    def close(self) -> None:
        pass
