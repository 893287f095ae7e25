"""Waiting for a state, never for a time: `wait_for(condition)`, and `when(condition, act)` beside what goes on."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LONG_S = 120.0
"""Long enough on a machine with much else to do; no test that passes takes it."""


def wait_for(condition: Callable[[], object], seconds: float = LONG_S) -> None:
    """Return as soon as the condition holds; AssertionError if it does not come to that."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@contextmanager
def when(condition: Callable[[], object], act: Callable[[], object]) -> Iterator[None]:
    """Act in a thread as soon as the condition holds, or the block was left."""
    left = threading.Event()

    def watch() -> None:
        wait_for(lambda: left.is_set() or condition())
        act()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        left.set()
        watcher.join()
