"""When a cluster counts as gone: after silence of some length, and not for one knock in vain."""

import threading
import time

import pytest

from runner.sweep.cluster import pulse
from runner.sweep.cluster.pulse import Pulse


def becomes(watched: Pulse, lost: bool) -> bool:
    until = time.monotonic() + 60
    while watched.lost is not lost and time.monotonic() < until:
        time.sleep(0.01)
    return watched.lost is lost


def test_a_head_is_lost_when_it_was_silent_for_long_and_back_when_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "EVERY_S", 0.01)
    there, asked = threading.Event(), threading.Semaphore(0)

    def knock() -> bool:
        asked.release()
        return there.is_set()

    with Pulse(knock) as watched:
        asked.acquire()
        assert not watched.lost
        monkeypatch.setattr(pulse, "SILENCE_S", 0.5)
        assert becomes(watched, True)
        there.set()
        assert becomes(watched, False)
        there.clear()
        assert becomes(watched, True)
