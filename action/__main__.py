"""The Action's entry point: `python -m action`."""

import os
import signal
import sys
from typing import NoReturn

from action.github import run


def main() -> None:
    """One step. As PID 1 nothing ends it unless it says so: being asked to end, it ends as on Ctrl-C."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _as_interrupt)
    sys.exit(run(os.environ, sys.stdout))


def _as_interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
