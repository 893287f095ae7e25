"""The named ends of a run in a container: nothing is called what it was not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.record import Status
from runner.container.outcome import EndState, Stopped, outcome_of


def of(code: int, stopped: Stopped = Stopped.NO, oom: bool = False, outside: str | None = None) -> tuple[Status, str]:
    found = outcome_of(EndState(code, oom, outside), stopped, 60, 2**30)
    return found.status, found.reason


@pytest.mark.parametrize(
    ("found", "status", "says"),
    [
        (of(0), Status.OK, ""),
        (of(3), Status.USER_ERROR, "ended with exit status 3"),
        (of(0, oom=True), Status.OUT_OF_MEMORY, "a process of the run was killed at 1 GiB (resources.memory)"),
        (of(137, oom=True), Status.OUT_OF_MEMORY, "1 GiB"),
        (of(137), Status.USER_ERROR, "SIGKILL from within; neither out of memory nor ended through the engine"),
        (of(137, outside="SIGKILL"), Status.INFRA_ERROR, "killed from outside with SIGKILL, through the engine"),
        (of(137, Stopped.LATE), Status.TIMEOUT, "did not end within 60 s (resources.timeout)"),
        (of(143, Stopped.CANCELLED), Status.CANCELLED, "cancelled"),
        (of(139), Status.USER_ERROR, "crashed with SIGSEGV"),
        (of(127), Status.USER_ERROR, "the command is not there in the image"),
        (of(126), Status.USER_ERROR, "the command cannot be executed in the image"),
    ],
)
def test_each_end_has_its_name(found: tuple[Status, str], status: Status, says: str) -> None:
    assert found[0] is status
    assert says in found[1]


def test_what_the_engine_could_not_do_is_its_own_fault() -> None:
    found = outcome_of(EndState(128, False, None, "no such device"), Stopped.NO, 60, 1)
    assert (found.status, found.reason) == (Status.INFRA_ERROR, "the engine says: no such device")


@given(st.integers(0, 255), st.sampled_from(Stopped), st.booleans(), st.none() | st.just("SIGKILL"))
def test_a_run_passes_only_with_exit_status_0_and_nothing_else_to_say(
    code: int, stopped: Stopped, oom: bool, outside: str | None
) -> None:
    status, reason = of(code, stopped, oom, outside)
    fine = (code, stopped, oom, outside) == (0, Stopped.NO, False, None)
    assert (status is Status.OK) == fine
    assert bool(reason) != fine
