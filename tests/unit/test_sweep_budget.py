"""Budgets of a sweep: kept over every run of its driver, and not held against a record."""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from sweeping import BEGAN, Drawn, a_sweep

from experiment.value import Scalar
from runner.sweep.budget import Budget
from runner.sweep.drive import Driving, Wish, drive, enough_failures
from runner.sweep.events import Ask, Event, Result
from runner.sweep.log import opened
from runner.sweep.orders import Follow, Free, Order, Point
from runner.sweep.study import Study
from runner.sweep.table import rows

SWEEP = a_sweep("random", trials=40, parallelism=2)


class Using(Drawn):
    """Each trial uses ten GPU-seconds."""

    def take(self, timeout: float) -> list[tuple[int, Point | Result]]:
        return [
            (trial, said.model_copy(update={"gpu_seconds": 10.0}) if isinstance(said, Result) else said)
            for trial, said in super().take(timeout)
        ]


def ticking() -> Callable[[], float]:
    """A clock that begins anywhere, and on which a second passes whenever it is looked at."""
    return itertools.count(1000.0).__next__


def driven(path: Path, budget: Budget, order: Order | None = None, wish: Wish = Wish.GO_ON) -> list[Event]:
    with opened(path) as log:
        if log.began is None:
            log.append(BEGAN)
        return drive(
            Driving(
                SWEEP,
                Study(SWEEP),
                log,
                order or Free(),
                Using(SWEEP, 2, 1),
                lambda: wish,
                lambda _event: None,
                budget,
                clock=ticking(),
            )
        )


def asked(events: list[Event]) -> int:
    return sum(isinstance(event, Ask) for event in events)


def test_no_trial_is_begun_after_the_time_and_those_that_run_end(tmp_path: Path) -> None:
    events = driven(tmp_path / "log", Budget(time=60.0))
    assert 1 < asked(events) < 40
    assert {row.state for row in rows(events)} == {"complete"}
    assert all(event.driven < 60 + 2 for event in events if isinstance(event, Ask))


def test_the_time_of_earlier_runs_counts(tmp_path: Path) -> None:
    whole = asked(driven(tmp_path / "whole", Budget(time=60.0)))
    path = tmp_path / "log"
    driven(path, Budget(time=60.0))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) // 2]))  # killed in the middle, and its clock starts anew
    again = driven(path, Budget(time=60.0))
    assert 0 <= whole - asked(again) <= 2
    assert asked(driven(path, Budget(time=60.0))) == asked(again)  # it is used up
    assert asked(driven(path, Budget(time=100.0))) > asked(again)


def test_gpu_time_is_what_all_trials_used_over_all_runs(tmp_path: Path) -> None:
    events = driven(tmp_path / "log", Budget(gpu_time=95.0))
    assert asked(events) in (10, 11)
    assert asked(driven(tmp_path / "log", Budget(gpu_time=95.0))) == asked(events)


def test_a_record_is_followed_to_its_end_whatever_it_costs(tmp_path: Path) -> None:
    record = driven(tmp_path / "log", Budget(gpu_time=95.0))
    again = driven(tmp_path / "again", Budget(time=0.0, gpu_time=1.0, at_least=asked(record)), Follow(record))
    assert asked(again) == asked(record)


class Failing(Drawn):
    """Every trial fails."""

    def start(self, trial: int, params: Mapping[str, Scalar]) -> None:
        super().start(trial, params)
        self._waiting[-1][1][-1] = Result(trial=trial, values=None, reason="no such thing")


@pytest.mark.parametrize("kill", [False, True])
def test_where_all_trials_fail_it_ends_early_also_after_a_kill(kill: bool, tmp_path: Path) -> None:
    events: list[Event] = []
    for _ in range(2):
        with opened(tmp_path / "log") as log:
            if log.began is None:
                log.append(BEGAN)
            driving = Driving(
                SWEEP, Study(SWEEP), log, Free(), Failing(SWEEP, 1, 1), lambda: Wish.GO_ON, lambda _: None
            )
            events = drive(driving)
        if kill:
            lines = (tmp_path / "log").read_bytes().splitlines(keepends=True)
            (tmp_path / "log").write_bytes(b"".join(lines[:5]))
    assert enough_failures(SWEEP) <= len(rows(events)) <= enough_failures(SWEEP) + 2
