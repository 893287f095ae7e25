"""Ctrl-C in a sweep: once for no new trials, twice for an end now; both can be gone on from."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runner.sweep.drive import Wish


@contextmanager
def counted(once: Callable[[], None]) -> Iterator[Callable[[], Wish]]:
    """What the user wishes, by how often Ctrl-C was pressed; `once` is called the first time, to say what it meant.

    It is called in a thread of its own: a handler may interrupt a line that is being written, and cannot write another.
    """
    pressed = 0
    hears, rings = os.pipe()

    def tell() -> None:
        if os.read(hears, 1):
            once()

    def press(*_: object) -> None:
        nonlocal pressed
        pressed += 1
        if pressed > 1:
            raise KeyboardInterrupt
        os.write(rings, b"1")

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: Wish.NO_NEW_TRIALS if pressed else Wish.GO_ON
    finally:
        signal.signal(signal.SIGINT, before)
        os.close(rings)
        teller.join()
        os.close(hears)
