"""How well our orders search: regret after a number of trials, paired with plain Optuna with as many workers.

    .venv/bin/python -m benchmarks.regret [--trials 100] [--seeds 10] [--samplers tpe,cmaes] [--workers 1,4]

On Branin, Hartmann-6 and Rosenbrock-5 (Surjanovic and Bingham, Virtual Library of Simulation Experiments); workers are
on a clock of their own, on which a trial takes a log-normal time (σ = 0.5), the same for all methods. Regret is the
best value minus the minimum of the function. Plain Optuna keeps its sampler; ours is a fresh one for every trial. A
pair has the same seed, durations and random trials at the beginning. Printed is the geometric mean of the ratio of
regrets, with its 95 % interval (Student's t of the pairs' logarithms, function by function, then of their mean).
"""

import argparse
import heapq
import math
import random
import statistics
import time
import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import optuna

from benchmarks.simulated import Life, Simulated, driven
from experiment.search import Sweep
from experiment.value import Scalar
from reporting.statistics import t_quantile
from runner.sweep.events import Result
from runner.sweep.orders import Free, Order, Window
from runner.sweep.study import Study

LEAST = 1e-9  # regret: what is below counts as found
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
    "Branin": (branin, [(-5.0, 10.0), (0.0, 15.0)], 5 / (4 * math.pi)),
    "Hartmann-6": (hartmann, [(0.0, 1.0)] * 6, -3.32236801141551),
    "Rosenbrock-5": (rosenbrock, [(-5.0, 10.0)] * 5, 0.0),
}
SAMPLERS: dict[str, tuple[Callable[[int], optuna.samplers.BaseSampler], int]] = {  # kept, and its random trials
    "tpe": (lambda seed: optuna.samplers.TPESampler(seed=seed), 10),
    "cmaes": (lambda seed: optuna.samplers.CmaEsSampler(seed=seed), 1),
}


def a_sweep(problem: str, sampler: str, trials: int, workers: int, seed: int) -> Sweep:
    """The problem as a sweep."""
    space = {f"x{number}": {"float": bound} for number, bound in enumerate(PROBLEMS[problem][1])}
    given = {"sampler": sampler, "trials": trials, "parallelism": workers, "seed": seed, "space": space}
    return Sweep.model_validate({**given, "objective": {"loss": "minimize"}}, strict=False)


def takes(trial: int, seed: int) -> float:
    """Seconds of a trial on the workers' clock."""
    return random.Random(f"{seed}:{trial}").lognormvariate(0.0, 0.5)


def plain(problem: str, sampler: str, sweep: Sweep) -> float:
    """Regret of Optuna with a sampler that is kept, told and asked as trials end."""
    function, bounds, least = PROBLEMS[problem]
    make, random_trials = SAMPLERS[sampler]
    study = optuna.create_study(sampler=make(sweep.seed))
    first = Study(sweep)
    for number in range(random_trials + sweep.parallelism - 1):
        study.enqueue_trial(dict(first.ask(number).params))
    running: list[tuple[float, int, optuna.Trial, float]] = []
    now = 0.0
    for _ in range(sweep.trials):
        if len(running) == sweep.parallelism:
            now, _, ended, value = heapq.heappop(running)
            study.tell(ended, value)
        trial = study.ask()
        value = function([trial.suggest_float(f"x{i}", *bound) for i, bound in enumerate(bounds)])
        heapq.heappush(running, (now + takes(trial.number, sweep.seed), trial.number, trial, value))
    for _, _, ended, value in running:
        study.tell(ended, value)
    return study.best_value - least


def ours(problem: str, sweep: Sweep, order: Order) -> float:
    """Regret of one of our orders."""
    function, _, least = PROBLEMS[problem]

    def live(trial: int, params: Mapping[str, Scalar]) -> Life:
        value = function([float(params[name]) for name in sorted(params)])
        return [(takes(trial, sweep.seed), Result(trial=trial, values=(value,)))]

    events = driven(sweep, order, Simulated(sweep.parallelism, live))
    return min(event.values[0] for event in events if isinstance(event, Result) and event.values) - least


def methods(workers: int) -> dict[str, Callable[[], Order]]:
    """Our orders; with one worker they are the same."""
    found: dict[str, Callable[[], Order]] = {"recorded": Free}
    if workers > 1:
        found[f"window of {workers}"] = lambda: Window(workers)
        found[f"window of {2 * workers}"] = lambda: Window(2 * workers)
    return found


def ratio(logs: Mapping[str, Sequence[float]]) -> tuple[float, float, float]:
    """Geometric mean of the ratios, all problems alike, and its 95 % interval."""
    means = [statistics.fmean(found) for found in logs.values()]
    error = math.sqrt(sum(statistics.variance(found) / len(found) for found in logs.values())) / len(logs)
    half = t_quantile(0.975, sum(len(found) - 1 for found in logs.values())) * error
    middle = statistics.fmean(means)
    return math.exp(middle), math.exp(middle - half), math.exp(middle + half)


def line(method: str, regrets: Mapping[str, Sequence[float]], base: Mapping[str, Sequence[float]]) -> str:
    """Medians, and the paired ratio of each problem and of all."""
    logs = {
        problem: [
            math.log(max(one, LEAST) / max(other, LEAST)) for one, other in zip(found, base[problem], strict=True)
        ]
        for problem, found in regrets.items()
    }
    parts = []
    for problem, found in regrets.items():
        middle, low, high = ratio({problem: logs[problem]})
        parts.append(f"{statistics.median(found):9.3g} {middle:5.2f} [{low:.2f}, {high:.2f}]")
    middle, low, high = ratio(logs)
    return f"  {method:<22} {'   '.join(f'{part:<29}' for part in parts)} {middle:5.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    """Print a block for each sampler and number of workers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--samplers", default="tpe,cmaes")
    parser.add_argument("--workers", default="1,4")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for sampler in given.samplers.split(","):
        for workers in map(int, given.workers.split(",")):
            began = time.process_time()
            base: dict[str, list[float]] = {problem: [] for problem in PROBLEMS}
            found: dict[str, dict[str, list[float]]] = {name: {p: [] for p in PROBLEMS} for name in methods(workers)}
            for problem in PROBLEMS:
                for seed in range(given.seeds):
                    sweep = a_sweep(problem, sampler, given.trials, workers, seed)
                    base[problem].append(plain(problem, sampler, sweep))
                    for name, order in methods(workers).items():
                        found[name][problem].append(ours(problem, sweep, order()))
            seconds = time.process_time() - began
            print(f"{sampler}, workers {workers}, {given.trials} trials, {given.seeds} seeds ({seconds:.0f} s of CPU)")
            heads = "   ".join(f"{problem + ': median, × plain':<29}" for problem in PROBLEMS)
            print(f"  {'':<22} {heads} all, × plain")
            print(line("plain Optuna", base, base))
            for name, regrets in found.items():
                print(line(name, regrets, base), flush=True)


if __name__ == "__main__":
    main()
