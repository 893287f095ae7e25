"""How good our orders search: the regret after a number of trials, beside plain Optuna one trial after the other.

    .venv/bin/python -m benchmarks.regret [--trials 100] [--seeds 10]

TPE on Branin, Hartmann-6 and Rosenbrock-5 (Surjanovic and Bingham, Virtual Library of Simulation Experiments), four
workers on a clock of our own on which a trial takes a drawn time. Regret is the best value minus the minimum of the
function. Printed is the median over the seeds, and its ratio to that of plain Optuna.
"""

import argparse
import heapq
import math
import random
import statistics
import tempfile
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import optuna

from experiment.search import Sweep
from experiment.value import Scalar
from runner.sweep.drive import Driving, Wish, drive
from runner.sweep.events import Began, Result
from runner.sweep.log import opened
from runner.sweep.orders import Free, Order, Point, Window
from runner.sweep.study import Study

WORKERS = 4
_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]],
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)
_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])


def branin(x: Sequence[float]) -> float:
    """Minimum 0.397887."""
    bend = x[1] - 5.1 / (4 * math.pi**2) * x[0] ** 2 + 5 / math.pi * x[0] - 6
    return bend**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x[0]) + 10


def hartmann(x: Sequence[float]) -> float:
    """Minimum -3.32237."""
    return float(-(_ALPHA * np.exp(-(_A * (np.asarray(x) - _P) ** 2).sum(axis=1))).sum())


def rosenbrock(x: Sequence[float]) -> float:
    """Minimum 0."""
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (x[i] - 1) ** 2 for i in range(len(x) - 1))


Bounds = Sequence[tuple[float, float]]
PROBLEMS: dict[str, tuple[Callable[[Sequence[float]], float], Bounds, float]] = {
    "Branin": (branin, [(-5.0, 10.0), (0.0, 15.0)], 0.397887),
    "Hartmann-6": (hartmann, [(0.0, 1.0)] * 6, -3.32237),
    "Rosenbrock-5": (rosenbrock, [(-5.0, 10.0)] * 5, 0.0),
}


class Simulated:
    """Workers on a clock of their own: a trial takes a log-normal time, σ = 0.5."""

    def __init__(self, function: Callable[[Sequence[float]], float], seed: int) -> None:
        self.workers = WORKERS
        self._function = function
        self._draw = random.Random(seed)
        self._now = 0.0
        self._waiting: deque[Result] = deque()
        self._running: list[tuple[float, int, Result]] = []

    def start(self, trial: int, params: Mapping[str, Scalar]) -> None:
        """Queue it."""
        value = self._function([float(params[name]) for name in sorted(params)])
        self._waiting.append(Result(trial=trial, values=(value,), seconds=3600.0))  # long: nothing is asked ahead
        self._fill()

    def stop(self, trial: int) -> None:
        """Nothing is pruned here."""

    def take(self, timeout: float) -> list[tuple[int, Point | Result]]:
        """The trial that ends next, where one is waited for."""
        if not timeout or not self._running:
            return []
        self._now, trial, result = heapq.heappop(self._running)
        self._fill()
        return [(trial, result)]

    def _fill(self) -> None:
        while self._waiting and len(self._running) < self.workers:
            result = self._waiting.popleft()
            takes = self._draw.lognormvariate(0.0, 0.5)
            heapq.heappush(self._running, (self._now + takes, result.trial, result))


def plain(problem: str, trials: int, seed: int) -> float:
    """Regret of Optuna's default, one trial after the other."""
    function, bounds, least = PROBLEMS[problem]
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(lambda t: function([t.suggest_float(f"x{i}", *b) for i, b in enumerate(bounds)]), n_trials=trials)
    return study.best_value - least


def ours(problem: str, trials: int, seed: int, order: Order) -> float:
    """Regret of one of our orders."""
    function, bounds, least = PROBLEMS[problem]
    space = {f"x{number}": {"float": bound} for number, bound in enumerate(bounds)}
    given = {"trials": trials, "parallelism": WORKERS, "objective": {"loss": "minimize"}, "space": space, "seed": seed}
    sweep = Sweep.model_validate(given, strict=False)
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "log") as log:
        log.append(Began(study="s", digest="d", machine="m", started=""))
        workers = Simulated(function, seed)
        events = drive(Driving(sweep, Study(sweep), log, order, workers, lambda: Wish.GO_ON, lambda _event: None))
    return min(event.values[0] for event in events if isinstance(event, Result) and event.values) - least


def main() -> None:
    """Print a block for each function."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for problem in PROBLEMS:
        seeds = range(given.seeds)
        found = {
            "plain Optuna, sequential": [plain(problem, given.trials, seed) for seed in seeds],
            "recorded, 4 workers": [ours(problem, given.trials, seed, Free()) for seed in seeds],
            "window of 4": [ours(problem, given.trials, seed, Window(WORKERS)) for seed in seeds],
            "window of 8": [ours(problem, given.trials, seed, Window(2 * WORKERS)) for seed in seeds],
        }
        base = statistics.median(found["plain Optuna, sequential"])
        print(f"{problem}, {given.trials} trials, {given.seeds} seeds")
        for method, regrets in found.items():
            low, middle, high = np.percentile(regrets, [25, 50, 75])
            spread = f"[{low:.4g}, {high:.4g}]"
            ratio = f"{middle / base:5.2f} × plain"
            print(f"  {method:<26} median regret {middle:8.4g}   quartiles {spread:<20} {ratio}", flush=True)


if __name__ == "__main__":
    main()
