"""Ctrl-C in a sweep, counted; also where it comes in the middle of a line."""

import io
import os
import signal
import time
from typing import Any

import pytest

from action.interrupts import counted
from runner.sweep.drive import Wish


class Interrupted(io.RawIOBase):
    """A terminal at which Ctrl-C is pressed while the first line is being written."""

    def __init__(self) -> None:
        self.written = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        if not self.written:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
        self.written += bytes(data)
        return len(bytes(data))


def test_what_it_meant_is_said_though_a_line_was_being_written() -> None:
    terminal = Interrupted()
    stream = io.TextIOWrapper(io.BufferedWriter(terminal), write_through=True)

    def say(text: str) -> None:
        stream.write(text)
        stream.flush()

    with counted(lambda: say("no new trials\n")) as wish:
        assert wish() is Wish.GO_ON
        say("trial 0 complete\n")
        assert wish() is Wish.NO_NEW_TRIALS
    assert terminal.written == b"trial 0 complete\nno new trials\n"


def test_the_second_one_ends_it_and_afterwards_it_is_as_before() -> None:
    before, said = signal.getsignal(signal.SIGINT), []

    def press_twice() -> None:
        with counted(lambda: said.append(1)):
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.05)

    with pytest.raises(KeyboardInterrupt):
        press_twice()
    assert said == [1]
    assert signal.getsignal(signal.SIGINT) is before


def test_where_nobody_presses_nothing_is_said() -> None:
    said: list[int] = []
    with counted(lambda: said.append(1)) as wish:
        assert wish() is Wish.GO_ON
    assert said == []
