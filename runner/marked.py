"""Processes of a run, told from all others by a mark in their environment: found however they detach, and killed.

Standard library only: a guardian imports it, which has to be on watch soon.
"""

import os
import signal
import time
from pathlib import Path

MARK = "ML_EXPERIMENT_RUN"
_POLL_S = 0.02
_GRACE_S = 2.0
_LOOKS = 10  # where others come and go all the time; a look that is too late for one of the run is one of several
_MOST_S = 30.0  # for children that start others faster than they can be killed


def kill_marked(mark: str, *, begins: bool = False) -> None:
    """Kill every process that carries the mark in its environment: children that left the session too.

    `begins`: also those whose mark only begins so. Returns when none is left; two seconds after the last new one at the
    latest, if one cannot die (it waits for a broken device).
    """
    needle = f"\0{MARK}={mark}{'' if begins else chr(0)}".encode()
    began = news = time.monotonic()
    known: set[int] = set()
    others: set[int] = set()
    looks = 0
    while True:  # again: one may have started another meanwhile
        found, untold, others = _kill(needle, others)
        now = time.monotonic()
        new = found - known
        if new:
            known |= new
            news = now
        looks = 0 if found else looks + 1
        # One look without any is enough where there never was one. Where there were, two: numbers begin anew at some
        # time, and where one starts another just then, one look can miss both.
        enough = _LOOKS if untold else 2 if known else 1
        if looks >= enough or now - news > _GRACE_S or now - began > _MOST_S:
            return
        if not new:  # those that start others are caught by looking faster than they do
            time.sleep(_POLL_S)


def _kill(needle: bytes, others: set[int]) -> tuple[set[int], bool, set[int]]:
    """Processes with the needle in what stands between zeros, each killed as it is found, the newest first: it has no
    time to start another.

    Also whether there may be more, and those without the mark, which were there this time. There may be more where one
    ended since the list was made, since it may have started another, and where one is just exchanging its program: that
    shows no environment and no arguments. Neither counts of `others`, those of before.
    """
    found, untold, now = set(), False, set()
    for pid in _newest_first():
        if pid == os.getpid():
            continue
        entry = Path("/proc", str(pid))
        try:
            environment = (entry / "environ").read_bytes()
            if needle in b"\0" + environment + b"\0":
                os.kill(pid, signal.SIGKILL)
                found.add(pid)
                continue
            told = bool(environment or (entry / "cmdline").read_bytes())
            exchanging = not told and bool((entry / "exe").readlink())
        except PermissionError:
            told, exchanging = True, False
        except OSError:  # it is gone, or has no program: it is dead, or one of the kernel's
            told, exchanging = False, False
        untold = untold or not (told or pid in others)
        if not exchanging:
            now.add(pid)
    return found, untold, now


def _newest_first() -> list[int]:
    """Numbers of all processes. They are given in order, and after the highest from the lowest again."""
    there = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    latest = int(Path("/proc/loadavg").read_text().split()[-1])
    return sorted(there, key=lambda pid: (pid <= latest, pid), reverse=True)
