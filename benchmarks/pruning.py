"""What the median pruner saves in each order: steps, and time on workers with a clock of their own, beside Optuna.

    .venv/bin/python -m benchmarks.pruning [--workers 4,8] [--trials 32,100,200] [--seeds 10]

A trial has twenty points; how long it takes is drawn for each trial (log-normal, σ), and ±10 % for each point, the
same for all methods. Random search, so that all of them see the same trials. Printed are means over seeds: of the steps
that were made, and of the time until all was done, as shares of Optuna's without a pruner. In window, tables of 1, 2, 4
and 8 workers are compared too.
"""

import argparse
import heapq
import random
import statistics
import warnings
from collections.abc import Mapping, Sequence
from functools import cache

import optuna

from benchmarks.simulated import Life, Simulated, driven
from experiment.search import Sweep
from experiment.trials import table_digest
from experiment.value import Scalar
from runner.sweep.events import Result
from runner.sweep.orders import Free, Order, Point, Window
from runner.sweep.study import Study
from runner.sweep.table import rows

POINTS = 20
SIGMAS = (0.0, 0.25, 0.5)


def a_sweep(trials: int, workers: int, seed: int, pruner: str = "median") -> Sweep:
    """Random search in a valley."""
    space = {"x": {"float": (-5.0, 5.0)}, "y": {"float": (-5.0, 5.0)}}
    given = {"trials": trials, "parallelism": workers, "seed": seed, "space": space, "pruner": pruner}
    return Sweep.model_validate({**given, "sampler": "random", "objective": {"loss": "minimize"}}, strict=False)


@cache
def takes(seed: int, trial: int, sigma: float) -> Sequence[float]:
    """Seconds of each point."""
    draw = random.Random(f"{seed}:{trial}")
    whole = draw.lognormvariate(-sigma * sigma / 2, sigma)
    return [whole * draw.uniform(0.9, 1.1) for _ in range(POINTS)]


def curve(params: Mapping[str, Scalar]) -> Sequence[float]:
    """The objective at each point."""
    value = (float(params["x"]) - 2) ** 2 + (float(params["y"]) + 1) ** 2
    return [value + 3.0 / step for step in range(1, POINTS + 1)]


def plain(sweep: Sweep, sigma: float) -> tuple[int, float]:
    """Steps and seconds of Optuna, whose pruner judges every point as it comes."""
    pruner = optuna.pruners.MedianPruner() if sweep.pruner == "median" else optuna.pruners.NopPruner()
    study = optuna.create_study(pruner=pruner)
    first = Study(sweep)
    running: list[tuple[float, int, int]] = []  # when, trial, step
    trials: list[tuple[optuna.Trial, Sequence[float]]] = []
    steps, now = 0, 0.0

    def begin() -> None:
        if len(trials) < sweep.trials:
            params = first.ask(len(trials)).params
            study.enqueue_trial(dict(params))
            trial = study.ask()
            trials.append((trial, curve(params)))
            heapq.heappush(running, (now + takes(sweep.seed, trial.number, sigma)[0], trial.number, 1))

    for _ in range(sweep.parallelism):
        begin()
    while running:
        now, number, step = heapq.heappop(running)
        trial, values = trials[number]
        steps += 1
        trial.report(values[step - 1], step)
        if trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            begin()
        elif step == POINTS:
            study.tell(trial, values[-1])
            begin()
        else:
            heapq.heappush(running, (now + takes(sweep.seed, number, sigma)[step], number, step + 1))
    return steps, now


def ours(sweep: Sweep, order: Order, workers: int, sigma: float) -> tuple[int, float, str]:
    """Steps, seconds, and the digest of the table."""

    def live(trial: int, params: Mapping[str, Scalar]) -> Life:
        values = curve(params)
        for step, (value, seconds) in enumerate(zip(values, takes(sweep.seed, trial, sigma), strict=True), 1):
            yield seconds, Point(step, value)
        yield 0.0, Result(trial=trial, values=(values[-1],))

    executor = Simulated(workers, live)
    events = driven(sweep, order, executor)
    return executor.points, executor.now, table_digest(rows(events))


def compared(trials: int, workers: int, sigma: float, seeds: int) -> str:
    """A line."""
    found: dict[str, list[tuple[float, float]]] = {
        name: [] for name in ("Optuna", "recorded", "window", "window, no pruner")
    }
    for seed in range(seeds):
        sweep = a_sweep(trials, workers, seed)
        unpruned = a_sweep(trials, workers, seed, "none")
        whole, last = plain(unpruned, sigma)
        for method, (steps, seconds) in {
            "Optuna": plain(sweep, sigma),
            "recorded": ours(sweep, Free(), workers, sigma)[:2],
            "window": ours(sweep, Window(workers), workers, sigma)[:2],
            "window, no pruner": ours(unpruned, Window(workers), workers, sigma)[:2],
        }.items():
            found[method].append((steps / whole, seconds / last))
    shares = {method: tuple(map(statistics.fmean, zip(*pairs, strict=True))) for method, pairs in found.items()}
    told = "   ".join(f"{method} {steps:.2f} {seconds:.2f}" for method, (steps, seconds) in shares.items())
    return f"σ {sigma:<4}   {workers} workers   {trials:>3} trials   {told}"


def main() -> None:
    """Print a line for each spread, number of workers and of trials."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", default="32,100,200")
    parser.add_argument("--workers", default="4,8")
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print("shares of the steps and of the time without a pruner")
    for sigma in SIGMAS:
        for workers in map(int, given.workers.split(",")):
            for trials in map(int, given.trials.split(",")):
                print(compared(trials, workers, sigma, given.seeds), flush=True)
    tables = {ours(a_sweep(100, 4, 0), Window(4), workers, 0.5)[2] for workers in (1, 2, 4, 8)}
    print(f"window of 4, 100 trials, σ 0.5: {len(tables)} table of 1, 2, 4 and 8 workers")


if __name__ == "__main__":
    main()
