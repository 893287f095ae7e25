"""Sweeps of a formula in place of a training, with workers whose timing is drawn: `from sweeping import swept`."""

import contextlib
import itertools
import random
import typing
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from formulas import formula
from pydantic import ValidationError

from experiment.search import Sweep
from experiment.trials import table_digest
from experiment.value import Scalar
from runner.sweep import table
from runner.sweep.drive import Checker, Driving, Executor, Wish, drive
from runner.sweep.events import Began, Event, Result
from runner.sweep.log import opened
from runner.sweep.orders import Order, Point
from runner.sweep.study import Study

BEGAN = Began(study="s", digest="d", machine="m", started="2026-01-01T00:00:00Z")
SPACE: dict[str, Any] = {
    "x": {"float": (-5.0, 10.0)},
    "rate": {"float": (1e-4, 1.0), "log": True},
    "n": {"int": (1, 8)},
}
MIXED = SPACE | {"kind": {"choice": ("a", "b", "c")}, "q": {"float": (0.0, 1.0), "step": 0.25}}
CONDITIONAL = {"kind": {"choice": ("a", "b")}, "x": {"float": (0.0, 5.0), "when": {"kind": ("a",)}}} | {
    "n": {"int": (1, 8)}
}
COUNTABLE = {"n": {"int": (1, 4)}, "kind": {"choice": ("a", "b", "c")}}


def a_sweep(sampler: str = "tpe", space: Mapping[str, Any] = SPACE, **more: Any) -> Sweep:
    given = {"trials": 24, "parallelism": 4, "sampler": sampler, "objective": {"loss": "minimize"}, "space": space}
    return Sweep.model_validate({**given, **more}, strict=False)


SWEEPS = {
    "tpe": a_sweep(space=MIXED),
    "tpe, conditional": a_sweep(space=CONDITIONAL),
    "tpe, two objectives": a_sweep(space=MIXED, objective={"loss": "minimize", "other": "maximize"}),
    "tpe, three objectives": a_sweep(
        space=MIXED, objective={"a": "minimize", "b": "maximize", "c": "minimize"}, trials=48
    ),
    "tpe, constraints": a_sweep(space=MIXED, constraints={"size": {"max": 1.0}}),
    "cmaes": a_sweep("cmaes"),
    "nsga2": a_sweep("nsga2", MIXED, objective={"loss": "minimize", "other": "minimize"}, trials=60),
    "nsga3": a_sweep("nsga3", MIXED, objective={"loss": "minimize", "other": "minimize"}, trials=60),
    "qmc": a_sweep("qmc", MIXED),
    "random": a_sweep("random", MIXED),
    "grid": a_sweep("grid", COUNTABLE),
    "median": a_sweep(pruner="median"),
    "halving": a_sweep(pruner="halving"),
    "hyperband": a_sweep(pruner="hyperband", trials=30),
}


def every_sweep() -> dict[str, Sweep]:
    """Every combination of sampler, pruner, objectives, constraints and space that the file allows, by its name."""
    samplers = typing.get_args(Sweep.model_fields["sampler"].annotation)
    pruners = typing.get_args(Sweep.model_fields["pruner"].annotation)
    found = {}
    for sampler, pruner, goals, bound, when in itertools.product(samplers, pruners, (1, 2, 3), (0, 1), (0, 1)):
        given: dict[str, Any] = {
            "pruner": pruner,
            "objective": {f"loss{goal}": "minimize" if goal != 1 else "maximize" for goal in range(goals)},
            "trials": 56 if sampler.startswith("nsga") else 22,  # their first 50 are random
            "constraints": {"size": {"max": 1.0}} if bound else {},
        }
        space = CONDITIONAL if when else COUNTABLE if sampler == "grid" else SPACE if sampler == "cmaes" else MIXED
        words = [sampler, *([pruner] if pruner != "none" else []), *([f"{goals} objectives"] if goals > 1 else [])]
        name = ", ".join([*words, *(["constraints"] if bound else []), *(["conditional"] if when else [])])
        with contextlib.suppress(ValidationError):
            found[name] = a_sweep(sampler, space, **given)
    return found


def points(sweep: Sweep) -> int:
    """How many points trials have."""
    return 0 if sweep.pruner == "none" else 9


def result(sweep: Sweep, trial: int, value: float) -> Result:
    """What comes of a trial whose formula gives `value`."""
    values = tuple(value if i == 0 else -value + trial % 3 for i in range(len(sweep.objective)))
    return Result(trial=trial, values=values, constraints=dict.fromkeys(sweep.constraints, value - 20.0))


class Drawn:
    """Workers in name only: which of the running trials comes next is drawn from `timing`."""

    def __init__(self, sweep: Sweep, workers: int, timing: int, points: int = 0) -> None:
        self.workers = workers
        self._sweep = sweep
        self._draw = random.Random(timing)
        self._points = points
        self._waiting: deque[tuple[int, deque[Point | Result]]] = deque()
        self._running: dict[int, deque[Point | Result]] = {}
        self.started: list[int] = []

    def start(self, trial: int, params: Mapping[str, Scalar]) -> None:
        value = formula(params)
        coming: deque[Point | Result] = deque(Point(step, value + 3.0 / step) for step in range(1, self._points + 1))
        coming.append(result(self._sweep, trial, value))
        self._waiting.append((trial, coming))
        self.started.append(trial)

    def stop(self, trial: int) -> None:
        for coming in (self._running.get(trial), *(c for t, c in self._waiting if t == trial)):
            while coming and len(coming) > 1:
                coming.popleft()

    def take(self, timeout: float) -> list[tuple[int, Point | Result]]:
        if timeout == 0.0 and self._draw.random() < 0.5:
            return []
        while self._waiting and len(self._running) < self.workers:
            trial, coming = self._waiting.popleft()
            self._running[trial] = coming
        if not self._running:
            return []
        trial = self._draw.choice(sorted(self._running))
        message = self._running[trial].popleft()
        if not self._running[trial]:
            del self._running[trial]
        return [(trial, message)]


def swept(
    path: Path,
    sweep: Sweep,
    order: Order,
    executor: Executor,
    *,
    checker: Checker | None = None,
    wish: Wish = Wish.GO_ON,
) -> list[Event]:
    """The sweep, from where the log at `path` stops."""
    with opened(path) as log:
        if log.began is None:
            log.append(BEGAN)
        study = Study(sweep)
        return drive(Driving(sweep, study, log, order, executor, lambda: wish, lambda event: None, checker=checker))


def digest(events: Sequence[Event]) -> str:
    return table_digest(table.rows(events))
