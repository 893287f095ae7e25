"""After the job, however it ended: a check run that was left in progress is completed, so that nothing waits for it."""

import os
import sys
from collections.abc import MutableMapping
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


if __name__ == "__main__":
    afterwards(os.environ, sys.stdout)
