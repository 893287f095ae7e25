"""One training process from start to end: its output, its time, its memory, and nothing of it left running."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from runner.output import BoundedLog, follow

MARK = "ML_EXPERIMENT_RUN"
_POLL_S = 0.05
_MEMORY_EVERY_S = 1.0
_GRACE_S = 2.0


@dataclass(frozen=True)
class Ended:
    """How the process ended. `returncode` is negative for a signal."""

    returncode: int
    timed_out: bool
    cancelled: bool
    out_of_memory: bool
    wall_s: float
    cpu_s: float
    peak_memory_bytes: int | None
    log: BoundedLog


def supervise(
    command: str,
    *,
    cwd: Path,
    env: Mapping[str, str],
    mark: str,
    cpus: Sequence[int] | None,
    timeout: float,
    hear: Callable[[str], None],
    tick: Callable[[float], None],
    cancelled: threading.Event,
) -> Ended:
    """Run `command` in the shell with exactly the variables of `env`, and wait for it.

    `mark` tells the processes of this run from all others, however they detach. `cpus`: processors it is bound to.
    `hear` gets each line printed (in another thread), `tick` the seconds since the start, about every half second.
    OSError passes through where the shell cannot be started.
    """
    log = BoundedLog()
    began, before, kills = time.monotonic(), os.times(), _oom_kills()
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=cwd,
        env={**env, MARK: mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    if cpus is not None:
        with contextlib.suppress(OSError):  # it may have ended already
            os.sched_setaffinity(process.pid, cpus)
    pipe = cast(IO[bytes], process.stdout)
    reader = threading.Thread(target=_drain, args=(pipe, log, hear), daemon=True)
    reader.start()
    meter = _Meter(process.pid)
    timed_out = False
    try:
        while process.poll() is None and not cancelled.is_set() and not timed_out:
            elapsed = time.monotonic() - began
            timed_out = elapsed > timeout
            if meter.due(elapsed):
                tick(elapsed)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_POLL_S)
        was_cancelled = process.poll() is None and cancelled.is_set()
    finally:
        end(process, mark)
    wall = time.monotonic() - began
    reader.join(timeout=1.0)
    meter.sample()
    after = os.times()
    return Ended(
        returncode=process.returncode,
        timed_out=timed_out,
        cancelled=was_cancelled,
        out_of_memory=process.returncode == -signal.SIGKILL and _oom_kills() > kills,
        wall_s=wall,
        cpu_s=meter.cpu_s
        or (after.children_user + after.children_system - before.children_user - before.children_system),
        peak_memory_bytes=meter.peak or None,
        log=log,
    )


def _drain(pipe: IO[bytes], log: BoundedLog, hear: Callable[[str], None]) -> None:
    """Follow the pipe to its end and close it; here, since closing it elsewhere would wait for a reader that reads."""
    with pipe:
        follow(cast(BinaryIO, pipe), log, hear)


def end(process: subprocess.Popen[bytes], mark: str) -> None:
    """End whatever of the run still lives: asked first, killed after two seconds. Returns when all of it is gone."""
    if process.poll() is None:
        _signal(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
    _signal(process.pid, signal.SIGKILL)
    kill_marked(mark)
    process.wait()


def kill_marked(mark: str) -> None:
    """Kill every process that carries the mark in its environment: children that left the session too."""
    needle = f"{MARK}={mark}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if needle in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


class _Meter:
    """Peak memory and processor time over the process and its descendants, sampled once a second."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._next = 0.0
        self._next_tick = 0.0
        self._cpu: dict[int, float] = {}
        self.peak = 0

    @property
    def cpu_s(self) -> float:
        """Seconds of processor time as last seen of every process; 0 where none was."""
        return sum(self._cpu.values())

    def due(self, elapsed: float) -> bool:
        """Sample where it is time; whether a tick is due too."""
        if elapsed >= self._next:
            self._next = elapsed + _MEMORY_EVERY_S
            self.sample()
        if elapsed >= self._next_tick:
            self._next_tick = elapsed + 0.5
            return True
        return False

    def sample(self) -> None:
        """Take the memory and processor time of the whole tree now."""
        import psutil

        with contextlib.suppress(psutil.Error):
            root = psutil.Process(self._pid)
            resident = 0
            for process in [root, *root.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    resident += process.memory_info().rss
                    times = process.cpu_times()
                    self._cpu[process.pid] = times.user + times.system
            self.peak = max(self.peak, resident)


def _oom_kills() -> int:
    """How many processes the kernel has killed for want of memory since it started; 0 where it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
