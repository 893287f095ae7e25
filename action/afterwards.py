"""After the job, however it ended: a check run left in progress is completed, containers left running are removed."""

import os
import sys
import time
from collections.abc import Mapping, MutableMapping
from typing import TextIO

from action import inputs
from action.check import Conclusion, Finding, complete
from action.commands import Log
from action.forge.clock import Clock
from action.forge.forge import connect
from experiment.errors import CannotJudge, InfrastructureFailed, Refused

_FINDING = Finding(
    Conclusion.CANCELLED,
    "the job ended without a verdict",
    "It was cancelled or lost its machine. What finished is recorded; run the job again.",
)


def afterwards(environ: MutableMapping[str, str], out: TextIO, clock: Clock | None = None) -> None:
    """Look at the check run that this step began; best effort, and never a failure of its own."""
    log = Log(out)
    _reap(environ, log)
    number = environ.get("STATE_check", "")
    try:
        request = inputs.read(environ)
        if request.token is None or not number.isdigit():
            return
        forge = connect(request.job.api_url, request.job.repository, request.token, clock)
        found = forge.checks.one(int(number))
        if found.status != "completed":
            complete(forge, found, _FINDING)
            log.relay(f"check run {found.name}: it was left in progress; completed as cancelled")
    except (Refused, InfrastructureFailed, CannotJudge) as error:
        log.relay(str(error))
    finally:
        log.end()


def _reap(environ: Mapping[str, str], log: Log) -> None:
    """Remove what a killed step left in the engine: its watchdog died with the container it ran in."""
    from runner.container.engine import failures, find
    from runner.container.reaper import reap

    absent: tuple[type[Exception], ...] = (InfrastructureFailed, *failures())
    try:
        with find(environ).client() as client:
            found = reap(client, time.time())
    except absent:
        return  # no engine, hence nothing in it
    if found.sessions:
        log.relay(f"removed what {len(found.sessions)} ended session(s) left in the container engine")
    for left in found.failed:
        log.relay(left)


if __name__ == "__main__":
    afterwards(os.environ, sys.stdout)
