"""From how a process ended to the named outcome and the sentence about it."""

import signal

from experiment.record import Outcome, Status
from runner.supervise import Ended

_OWN_FAULT = {signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGBUS, signal.SIGTRAP}


def outcome_of(ended: Ended, timeout: float) -> Outcome:
    """The outcome of a run in an environment of packages; `timeout` in seconds."""
    # the shell reports a signal of its child as 128 + number
    number = -ended.returncode if ended.returncode < 0 else ended.returncode - 128
    known = number if number in signal.valid_signals() else None
    code = ended.returncode if known is None else None
    by_us = _ended_by_us(ended, timeout)
    if by_us is not None:
        status, reason = by_us
        return Outcome(status=status, exit_code=code, signal=known, reason=reason)
    if known is not None:
        name = signal.Signals(known).name if known in set(signal.Signals) else f"signal {known}"
        if known in _OWN_FAULT:
            return Outcome(status=Status.USER_ERROR, signal=known, reason=f"crashed with {name}")
        return Outcome(status=Status.INFRA_ERROR, signal=known, reason=f"killed from outside with {name}")
    if ended.returncode != 0:
        reason = f"ended with exit status {ended.returncode}"
        return Outcome(status=Status.USER_ERROR, exit_code=ended.returncode, reason=reason)
    return Outcome(status=Status.OK, exit_code=0)


def _ended_by_us(ended: Ended, timeout: float) -> tuple[Status, str] | None:
    """Status and reason where the runner or the kernel ended the run."""
    if ended.cancelled:
        return Status.CANCELLED, "cancelled"
    if ended.timed_out:
        return Status.TIMEOUT, f"did not end within {timeout:g} s (resources.timeout)"
    if ended.out_of_memory:
        return Status.OUT_OF_MEMORY, "killed by the kernel: out of memory"
    return None
