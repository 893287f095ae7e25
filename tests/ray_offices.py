"""Workers of a Ray cluster that compute a formula in place of making runs."""

import pickle
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeping import points, result

from experiment.search import Sweep
from experiment.value import Scalar
from runner.sweep.cluster.demand import Demand
from runner.sweep.cluster.worker import Asking, Worker
from runner.sweep.crew import Crew, Hear, Make
from runner.sweep.events import Result
from runner.sweep.orders import Point


@dataclass(frozen=True)
class Light:
    """Luggage without content."""

    assignment: bytes
    opener: str = "ray_formula:Formula"

    def parts(self, parcel: int) -> Sequence[tuple[Any, bool]]:
        raise AssertionError(parcel)


def asking(longest_s: float = 0.02, say: Callable[[str], None] = lambda _: None) -> Asking:
    return Asking(Light(pickle.dumps(longest_s)), Demand(1, 0, 0), say, lambda: None)


def making(sweep: Sweep) -> Make[Worker]:
    """What `sweeping.Drawn` computes, computed by the workers."""

    def make(
        trial: int, params: Mapping[str, Scalar], worker: Worker, hear: Hear, ended: threading.Event
    ) -> Result | None:
        value = worker.work(pickle.dumps((dict(params), points(sweep))), lambda heard: hear(Point(*heard)), ended)
        return result(sweep, trial, value)

    return make


def crew(workers: Sequence[Worker], make: Make[Worker], say: Callable[[str], None] = lambda _: None) -> Crew[Worker]:
    return Crew(workers, make, Worker.ready, say)
