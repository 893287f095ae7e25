"""What a process and its descendants use while they run: memory and processor time, sampled once a second."""

import contextlib
import time
from pathlib import Path

_SAMPLE_EVERY_S = 1.0
_TICK_EVERY_S = 0.5


class Meter:
    """Peak memory in bytes and processor time in seconds; its clock starts when it is made."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._next_sample = 0.0
        self._next_tick = 0.0
        self._cpu: dict[int, float] = {}
        self.peak = 0

    @property
    def cpu_s(self) -> float:
        """Seconds of processor time as last seen of every process; 0 where none was."""
        return sum(self._cpu.values())

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def due(self, pid: int) -> bool:
        """Sample process `pid` and its descendants where it is time; whether a tick is due too."""
        elapsed = self.elapsed()
        if elapsed >= self._next_sample:
            self._next_sample = elapsed + _SAMPLE_EVERY_S
            self._sample(pid)
        if elapsed >= self._next_tick:
            self._next_tick = elapsed + _TICK_EVERY_S
            return True
        return False

    def _sample(self, pid: int) -> None:
        import psutil

        with contextlib.suppress(psutil.Error):
            root = psutil.Process(pid)
            resident = 0
            for process in [root, *root.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    resident += process.memory_info().rss
                    times = process.cpu_times()
                    self._cpu[process.pid] = times.user + times.system
            self.peak = max(self.peak, resident)


def oom_kills() -> int:
    """How many processes the kernel has killed for want of memory since it started; 0 where it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
