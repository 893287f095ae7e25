"""The watchdog: a process of its own that waits for a lease to become free, then removes what its session left.

It sleeps in the kernel until then, and has nothing of the session: no pipe, no terminal, no lock. Run as
`python -I -m runner.container.watchdog LEASE SESSION`, which returns when it is on watch.
"""

import contextlib
import fcntl
import os
import signal
import sys
import time
from pathlib import Path

_PATIENCE_S = 600.0  # for an engine that is away
_LONGEST_PAUSE_S = 5.0
_CALL_S = 10
_QUIET_S = 3.0  # in which a request that was under way may still make something


def main(lease: Path, session: str) -> None:
    """Detach, wait, clean up, end."""
    fd = os.open(lease, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(ignored, signal.SIG_IGN)
    os.chdir("/")
    if os.fork() > 0:  # from here on the session goes on: whatever has to hold by then is done
        os._exit(0)
    fcntl.flock(fd, fcntl.LOCK_EX)
    if clean(session, _PATIENCE_S):
        with contextlib.suppress(OSError):
            lease.unlink()


def clean(session: str, patience_s: float) -> bool:
    """Remove what the session left; whether that went well before `patience_s` seconds were over."""
    # imported when there is something to do: most of its life this process only waits
    from experiment.errors import InfrastructureFailed
    from runner.container.engine import find
    from runner.container.removal import remove_session

    until, pause = time.monotonic() + patience_s, 0.25
    while (left := until - time.monotonic()) > 0:
        try:
            with find(os.environ).client(_CALL_S) as client:
                remove_session(client, session, min(left, 60), quiet_s=_QUIET_S)
            return True
        except InfrastructureFailed:
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
    return False


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
