"""Workers that come, go and are lost: every trial is made once as far as anybody hears."""

import threading
from collections.abc import Mapping

import pytest

from experiment.value import Scalar
from runner.sweep.crew import MOST_LOSSES, Crew, Hear, WorkerLost
from runner.sweep.events import Result
from runner.sweep.orders import Point
from runner.sweep.refusals import TrialLost


def taken(crew: Crew[int], trials: int) -> list[tuple[int, Point | Result]]:
    found: list[tuple[int, Point | Result]] = []
    while sum(isinstance(message, Result) for _, message in found) < trials:
        found += crew.take(5.0)
    return found


class Making:
    """Trials of three points; `losses`: how often a trial loses its worker after its second point."""

    def __init__(self, losses: Mapping[int, int]) -> None:
        self.left = dict(losses)
        self.by: dict[int, list[int]] = {}

    def __call__(
        self, trial: int, _params: Mapping[str, Scalar], worker: int, hear: Hear, ended: threading.Event
    ) -> Result | None:
        self.by.setdefault(trial, []).append(worker)
        for step in range(3):
            hear(Point(step, float(trial)))
            if step == 1 and self.left.get(trial, 0):
                self.left[trial] -= 1
                raise WorkerLost("node n: the node was lost (ActorDiedError)")
        return Result(trial=trial, values=(float(trial),))


def always(_worker: int, _closing: threading.Event) -> bool:
    return True


def test_a_trial_whose_worker_was_lost_is_made_again_and_its_points_are_heard_once() -> None:
    said: list[str] = []
    making = Making({1: MOST_LOSSES - 1})
    with Crew([0, 1], making, always, said.append) as crew:
        for trial in range(4):
            crew.start(trial, {})
        found = taken(crew, 4)
    assert [point.step for trial, point in found if trial == 1 and isinstance(point, Point)] == [0, 1, 2]
    assert said == ["trial 1: node n: the node was lost (ActorDiedError); it runs again"] * (MOST_LOSSES - 1)
    assert len(making.by[1]) == MOST_LOSSES


def test_one_lost_too_often_ends_the_sweep() -> None:
    with Crew([0], Making({1: 99}), always) as crew:
        crew.start(0, {})
        crew.start(1, {})
        with pytest.raises(TrialLost, match=f"trial 1: its worker was lost, {MOST_LOSSES} times: node n: the node"):
            taken(crew, 2)


def test_workers_count_from_when_they_are_there_and_one_that_does_not_come_holds_nobody_up() -> None:
    second = threading.Event()

    def ready(worker: int, closing: threading.Event) -> bool:
        while worker == 1 and not second.is_set():
            if closing.wait(0.01):
                return False
        return True

    making = Making({})
    with Crew([0, 1], making, ready) as crew:
        crew.start(0, {})
        taken(crew, 1)
        assert crew.workers == 1
    assert making.by == {0: [0]}
    second.set()
    with Crew([0, 1], making, ready) as crew:
        while crew.workers < 2:
            crew.take(0.01)


def test_what_goes_wrong_while_a_worker_gets_ready_is_raised_to_who_drives() -> None:
    def ready(_worker: int, _closing: threading.Event) -> bool:
        raise TrialLost("no")

    with Crew([0], Making({}), ready) as crew, pytest.raises(TrialLost, match="no"):
        taken(crew, 1)
