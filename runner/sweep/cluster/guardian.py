"""Outlives a worker that was killed: ends what it ran and removes its folder. Waits until then, without a session.

Run as `python -I guardian.py PIPE PREFIX FOLDER`: PIPE is a descriptor whose other end the worker alone holds; PREFIX
begins the mark that the worker's runs carry in their environment. Returns when it is on watch. Standard library only.
"""

import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

_MARK = b"ML_EXPERIMENT_RUN="
_TRIES = 100
_PAUSE_S = 0.05


def main(pipe: int, prefix: str, folder: Path) -> None:
    """Detach, wait for the worker's end, clean up."""
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    os.chdir("/")
    if os.fork() > 0:  # from here on the worker goes on: whatever has to hold by then is done
        os._exit(0)
    os.read(pipe, 1)
    for _ in range(_TRIES):  # again: one may have started another meanwhile
        found = _marked(_MARK + prefix.encode())
        for pid in found:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            break
        time.sleep(_PAUSE_S)
    for _ in range(_TRIES):  # again: what watches over containers may write there until they are gone
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            break
        time.sleep(_PAUSE_S)


def _marked(needle: bytes) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # gone, or of another user
                if any(variable.startswith(needle) for variable in (entry / "environ").read_bytes().split(b"\0")):
                    found.append(int(entry.name))
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
