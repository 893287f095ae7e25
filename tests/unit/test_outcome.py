"""How a process ended -> the named outcome and the sentence about it."""

import signal
from typing import Any

import pytest

from experiment.record import Outcome, Status
from runner.outcome import outcome_of
from runner.output import BoundedLog
from runner.supervise import Ended


def ended(returncode: int, **changes: Any) -> Ended:
    fields: dict[str, Any] = {"timed_out": False, "cancelled": False, "out_of_memory": False}
    usage: dict[str, Any] = {"wall_s": 1.0, "cpu_s": 1.0, "peak_memory_bytes": None, "log": BoundedLog()}
    return Ended(**{"returncode": returncode, **fields, **usage, **changes})


def test_exit_status_0_is_ok() -> None:
    assert outcome_of(ended(0), 60) == Outcome(status=Status.OK, exit_code=0)


@pytest.mark.parametrize("code", [1, 2, 3, 127, 128, 255])
def test_any_other_exit_status_is_the_scripts(code: int) -> None:
    reason = f"ended with exit status {code}"
    assert outcome_of(ended(code), 60) == Outcome(status=Status.USER_ERROR, exit_code=code, reason=reason)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGBUS])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_crash_is_the_scripts_own_whether_the_shell_waited_or_became_it(number: signal.Signals, sign: int) -> None:
    found = outcome_of(ended(-number if sign < 0 else 128 + number), 60)
    assert found == Outcome(status=Status.USER_ERROR, signal=number, reason=f"crashed with {number.name}")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_signal_from_outside_is_not_the_scripts_fault(number: signal.Signals, sign: int) -> None:
    found = outcome_of(ended(-number if sign < 0 else 128 + number), 60)
    assert found == Outcome(status=Status.INFRA_ERROR, signal=number, reason=f"killed from outside with {number.name}")


def test_a_signal_without_a_name_is_named_by_its_number() -> None:
    assert outcome_of(ended(-40), 60) == Outcome(
        status=Status.INFRA_ERROR, signal=40, reason="killed from outside with signal 40"
    )


def test_what_we_ended_is_named_by_why_we_did() -> None:
    late = outcome_of(ended(-15, timed_out=True), 5400)
    assert (late.status, late.signal) == (Status.TIMEOUT, 15)
    assert late.reason == "did not end within 5400 s (resources.timeout)"
    assert outcome_of(ended(-9, cancelled=True), 60).status is Status.CANCELLED
    assert outcome_of(ended(137, out_of_memory=True), 60).status is Status.OUT_OF_MEMORY


def test_a_script_that_ends_well_when_asked_to_end_has_not_ended_well() -> None:
    assert outcome_of(ended(0, timed_out=True), 1).status is Status.TIMEOUT
    assert outcome_of(ended(0, cancelled=True), 1).status is Status.CANCELLED
