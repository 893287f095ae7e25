"""Outlives a worker, however that ends: ends what it ran and removes its folder. Waits until then, without a session.

Run as `python -I guardian.py PIPE PREFIX FOLDER`: PIPE is a descriptor whose other end the worker alone holds; PREFIX
begins the mark that the worker's runs carry in their environment; FOLDER need not be there yet. Returns when it is on
watch.
"""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

_PATIENCE_S = 60.0
_PAUSE_S = 0.05


def main(pipe: int, prefix: str, folder: Path) -> None:
    """Detach, wait for the worker's end, clean up."""
    # From where this file lies: what is installed may be another. Before it waits: by then it may be gone.
    sys.path.insert(0, str(Path(__file__).parents[3]))
    from runner.marked import kill_marked

    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    os.chdir("/")
    if os.fork() > 0:  # from here on the worker goes on: whatever has to hold by then is done
        os._exit(0)
    os.read(pipe, 1)
    kill_marked(prefix, begins=True)
    until = time.monotonic() + _PATIENCE_S
    while folder.exists() and time.monotonic() < until:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(_PAUSE_S)  # again: what watches over containers may write there until they are gone


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
