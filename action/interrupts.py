"""Ctrl-C in a sweep: once for no new trials, twice for an end now; both can be gone on from."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runner.sweep.drive import Wish


@contextmanager
def counted(once: Callable[[], None]) -> Iterator[Callable[[], Wish]]:
    """What the user wishes, by how often Ctrl-C was pressed; `once` is called the first time, to say what it meant."""
    pressed = 0

    def press(*_: object) -> None:
        nonlocal pressed
        pressed += 1
        if pressed == 1:
            once()
        else:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: Wish.NO_NEW_TRIALS if pressed else Wish.GO_ON
    finally:
        signal.signal(signal.SIGINT, before)
