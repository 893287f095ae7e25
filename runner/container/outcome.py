"""From what the engine says of an ended container to the named outcome and the sentence about it."""

import signal
from dataclasses import dataclass
from enum import Enum

from experiment.record import Outcome, Status

_OWN_FAULT = {signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGBUS, signal.SIGTRAP}
_CANNOT_EXECUTE = {126: "the command cannot be executed", 127: "the command is not there"}


class Stopped(Enum):
    """Why a run was not left to end by itself."""

    NO = "it ended by itself"
    LATE = "time is up"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class EndState:
    """The end of a container. `out_of_memory`: the kernel killed a process of it, the first or a child."""

    exit_code: int
    out_of_memory: bool
    killed_from_outside: str | None = None  # what the engine was asked to send by somebody else: "SIGKILL"
    error: str = ""  # the engine's own


def outcome_of(end: EndState, stopped: Stopped, timeout: float, memory: int) -> Outcome:
    """The outcome of a run in a container; `timeout` in seconds, `memory` in bytes.

    An exit status of 137 proves nothing by itself: any program may end with it.
    """
    known = end.exit_code - 128 if end.exit_code - 128 in signal.valid_signals() else None
    code = end.exit_code if known is None else None
    if stopped is Stopped.CANCELLED:
        return Outcome(status=Status.CANCELLED, exit_code=code, signal=known, reason="cancelled")
    if end.out_of_memory:
        reason = f"out of memory: a process of the run was killed at {memory / 2**30:.4g} GiB (resources.memory)"
        return Outcome(status=Status.OUT_OF_MEMORY, exit_code=code, signal=known, reason=reason)
    if stopped is Stopped.LATE:
        reason = f"did not end within {timeout:g} s (resources.timeout)"
        return Outcome(status=Status.TIMEOUT, exit_code=code, signal=known, reason=reason)
    if end.killed_from_outside is not None:
        reason = f"killed from outside with {end.killed_from_outside}, through the engine"
        return Outcome(status=Status.INFRA_ERROR, exit_code=code, signal=known, reason=reason)
    if end.error:
        return Outcome(status=Status.INFRA_ERROR, exit_code=code, signal=known, reason=f"the engine says: {end.error}")
    return _by_itself(end.exit_code, known)


def _by_itself(exit_code: int, known: int | None) -> Outcome:
    if exit_code == 0:
        return Outcome(status=Status.OK, exit_code=0)
    if known in _OWN_FAULT:
        return Outcome(status=Status.USER_ERROR, signal=known, reason=f"crashed with {signal.Signals(known).name}")
    reason = f"ended with exit status {exit_code}"
    if known is not None and known in set(signal.Signals):
        reason += f": {signal.Signals(known).name} from within; neither out of memory nor ended through the engine"
    elif exit_code in _CANNOT_EXECUTE:
        reason += f": {_CANNOT_EXECUTE[exit_code]} in the image"
    return Outcome(
        status=Status.USER_ERROR, exit_code=exit_code if known is None else None, signal=known, reason=reason
    )
