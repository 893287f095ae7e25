"""Ctrl-C anywhere in the driver of a sweep, also while it writes its log: the sweep goes on to the same table."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from sweeping import Drawn, a_sweep, digest, points, swept

from runner.sweep import drive, log
from runner.sweep.orders import Follow, Free, Window
from runner.sweep.table import rows

WRITERS = {str(module.__file__) for module in (drive, log)}
ENDS_WITH_THE_PROCESS = {"opened", "__enter__", "__exit__"}  # the lock on the log, and the thread that syncs it


@contextmanager
def interrupted(at: int) -> Iterator[Callable[[], int]]:
    """KeyboardInterrupt before the line number `at` that driver and log come to; how many they came to."""
    count = 0

    def line(_frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal count
        if event == "line":
            count += 1
            if count == at:
                raise KeyboardInterrupt
        return line

    def call(frame: FrameType, _event: str, _arg: object) -> Any:
        code = frame.f_code
        return line if code.co_filename in WRITERS and code.co_name not in ENDS_WITH_THE_PROCESS else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        yield lambda: count
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("pruner", ["none", "median"])
@pytest.mark.parametrize("order", ["window", "recorded"])
def test_the_sweep_goes_on_to_the_same_table(order: str, pruner: str, tmp_path: Path) -> None:
    sweep = a_sweep("random", trials=3, parallelism=2, pruner=pruner)

    def driven(name: str, timing: int) -> str:
        executor = Drawn(sweep, 2, timing, points(sweep) // 3)
        return digest(swept(tmp_path / name, sweep, Window(2) if order == "window" else Free(), executor))

    with interrupted(0) as lines:
        whole = driven("whole", 0)
    assert lines() > 200
    for at in range(1, lines() + 1, 1 if pruner == "none" else 7):
        with pytest.raises(KeyboardInterrupt), interrupted(at):
            driven(str(at), 0)
        found = driven(str(at), at)
        if order == "window":
            assert found == whole, at
        record = swept(tmp_path / str(at), sweep, Free(), Drawn(sweep, 2, 0))  # it is whole: nothing is run
        assert len(rows(record)) == 3
        again = swept(tmp_path / f"again {at}", sweep, Follow(record), Drawn(sweep, 1, at, points(sweep) // 3))
        assert digest(again) == found, at
