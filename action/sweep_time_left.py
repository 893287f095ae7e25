"""When a sweep ends, as far as its recent trials tell: when all are made, or when a budget is spent."""

import math
from dataclasses import dataclass

from runner.sweep.budget import Budget, Spent


@dataclass(frozen=True)
class Left:
    """Seconds; `budget`: the key of what ends the sweep before its last trial, if that is so."""

    seconds: float
    budget: str = ""


def time_left(*, trials: int, workers: int, usual: float, budget: Budget, spent: Spent, driven: float) -> Left:
    """The nearest of the three ends.

    `trials` have not ended, each takes `usual` seconds, and the study was driven for `driven` seconds. Once a budget is
    spent no trial is begun, and those that run still end: one more time for `sweep.time`, and for `sweep.gpu_hours`,
    which counts trials that ended, those of the other workers.
    """
    ends = [Left(math.ceil(trials / workers) * usual)]
    if spent.asked >= budget.at_least:
        if budget.time is not None:
            ends.append(Left(max(0.0, budget.time - driven) + usual, "sweep.time"))
        if budget.gpu_time is not None and spent.gpu_time:
            of_one = spent.gpu_time / spent.ended
            more = max(0, math.ceil((budget.gpu_time - spent.gpu_time) / of_one))
            ends.append(Left(math.ceil((more + workers - 1) / workers) * usual, "sweep.gpu_hours"))
    return min(ends, key=lambda end: end.seconds)
