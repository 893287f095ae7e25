"""One training process from start to end: its output, its time, its memory, and nothing of it left running."""

import contextlib
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO, cast

from experiment.errors import InfrastructureFailed
from runner.marked import MARK, kill_marked
from runner.meter import Meter, oom_kills
from runner.output import BoundedLog, Lines, follow

_POLL_S = 0.02
_GRACE_S = 2.0


class CannotStart(InfrastructureFailed):
    """The system refuses a new process."""


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
    Raises CannotStart.
    """
    log, meter, kills = BoundedLog(), Meter(), oom_kills()
    with _bound_to(cpus):
        process = _start(command, cwd, {**env, MARK: mark})
    ended = threading.Event()
    with cast(BinaryIO, process.stdout) as pipe:
        reader = threading.Thread(target=follow, args=(pipe, Lines(log, hear), ended), daemon=True)
        reader.start()
        try:
            stopped = _watch(process.pid, meter, timeout, tick, cancelled)
            wall = meter.elapsed()
        finally:
            end(process, mark)
            ended.set()
            reader.join()
            used = _reap(process)
    return Ended(
        returncode=process.returncode,
        timed_out=stopped is _Stopped.LATE,
        cancelled=stopped is _Stopped.CANCELLED,
        # the shell reports a killed child as 128 + signal
        out_of_memory=process.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL) and oom_kills() > kills,
        wall_s=wall,
        cpu_s=max(meter.cpu_s, used.ru_utime + used.ru_stime),
        peak_memory_bytes=max(meter.peak, used.ru_maxrss * 1024) or None,
        log=log,
    )


def _start(command: str, cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            ["/bin/sh", "-c", command],
            bufsize=0,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise CannotStart(
            f"the command cannot be started: {error.strerror or error}\n  {command[:200]}\n"
            "  the system refused a new process: look at its limits (processes, open files, memory)"
        ) from None


@contextlib.contextmanager
def _bound_to(cpus: Sequence[int] | None) -> Iterator[None]:
    """Bind this thread, hence what it starts: a process bound after its start may have children that are not."""
    before = os.sched_getaffinity(0)
    if cpus is not None:
        os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        if cpus is not None:
            os.sched_setaffinity(0, before)


class _Stopped(Enum):
    """Why waiting for a process ended."""

    ITSELF = "ended by itself"
    LATE = "time is up"
    CANCELLED = "cancelled"


def _watch(
    pid: int, meter: Meter, timeout: float, tick: Callable[[float], None], cancelled: threading.Event
) -> _Stopped:
    while not _has_ended(pid):
        if meter.elapsed() > timeout:
            return _Stopped.LATE
        if meter.due(pid):
            tick(meter.elapsed())
        if cancelled.wait(_POLL_S) and not _has_ended(pid):
            return _Stopped.CANCELLED
    return _Stopped.ITSELF


def _has_ended(pid: int) -> bool:
    """Whether our child ended. It is not reaped: until then its number belongs to nobody else and may be killed."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _reap(process: subprocess.Popen[bytes]) -> resource.struct_rusage:
    """What the process and all it waited for used."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used


def end(process: subprocess.Popen[bytes], mark: str) -> None:
    """End whatever of the run still lives: asked first, killed after two seconds. It is left to be reaped."""
    if not _has_ended(process.pid):
        _signal(process.pid, signal.SIGTERM)
        until = time.monotonic() + _GRACE_S
        while not _has_ended(process.pid) and time.monotonic() < until:
            time.sleep(_POLL_S)
    _signal(process.pid, signal.SIGKILL)
    kill_marked(mark)


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
