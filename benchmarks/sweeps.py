"""Sweeps side by side: trials a second of our two orders, of a replay, of plain Optuna and of unordered ask and tell.

    .venv/bin/python -m benchmarks.sweeps [--trials 200] [--workers 1,2,4,8] [--spreads even,σ=1] [--ray]

Trials sleep: 50 ms each, or log-normal with that mean; trial i takes the same time in all methods and rounds. All
methods search the same space with TPE, in one process with threads, and take turns in each of at least two rounds (as
many as there are workers, so that every block takes about a minute). Ratios are the median of those of the rounds,
each of two runs that were made one after the other. With `--ray` also our orders on a Ray cluster of this machine,
unordered ask and tell with plain actors there, and Ray Tune's Optuna search (which builds an environment once). Also
printed: what workers would do that never wait for an ask, and how many tables each method gave with the same seed.
"""

import argparse
import math
import os
import random
import statistics
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import optuna

from benchmarks.simulated import Simulated, driven
from experiment.search import Sweep
from experiment.trials import table_digest
from experiment.value import Scalar, digest
from runner.runtime import Slot
from runner.sweep.crew import Crew, Hear
from runner.sweep.drive import Driving, Wish, drive
from runner.sweep.events import Began, Event, Result
from runner.sweep.log import opened
from runner.sweep.orders import Follow, Free, Order, Window
from runner.sweep.study import Study
from runner.sweep.table import rows

TRIAL_S = 0.05
FEWEST_ROUNDS = 2
UNORDERED_ON_RAY = "unordered, Ray"
SPREADS = {"even": 0.0, "σ=1": 1.0}
Sleep = Callable[[int], float]


def durations(trials: int, sigma: float) -> Sequence[float]:
    """Seconds of each trial, log-normal."""
    draw = random.Random(0)
    return [TRIAL_S * math.exp(draw.gauss(-sigma * sigma / 2, sigma)) for _ in range(trials)]


@dataclass
class Timed:
    """Runs of one method: what each took, and the digests of their tables."""

    trials: int
    seconds: list[float] = field(default_factory=list)
    tables: set[str] = field(default_factory=set)

    def add(self, seconds: float, table: str) -> None:
        """A round."""
        self.seconds.append(seconds)
        self.tables.add(table)

    @property
    def rate(self) -> float:
        """Trials a second, the median."""
        return self.trials / statistics.median(self.seconds)

    @property
    def slowest(self) -> float:
        """Trials a second."""
        return self.trials / max(self.seconds)

    @property
    def fastest(self) -> float:
        """Trials a second."""
        return self.trials / min(self.seconds)

    def by(self, other: "Timed") -> float:
        """The median ratio of rates, round by round."""
        pairs = zip(self.seconds, other.seconds, strict=False)
        return statistics.median(self.trials / own / (other.trials / its) for own, its in pairs)


def value(x: float, y: float) -> float:
    """A valley."""
    return (x - 2) ** 2 + (y + 1) ** 2


def a_sweep(trials: int, workers: int) -> Sweep:
    """TPE on two numbers."""
    space = {"x": {"float": (-5.0, 5.0)}, "y": {"float": (-5.0, 5.0)}}
    given = {"trials": trials, "parallelism": workers, "objective": {"loss": "minimize"}, "space": space}
    return Sweep.model_validate(given, strict=False)


def ours(
    sweep: Sweep, order: Order, sleep: Sleep, crew: Callable[[Sleep], Crew[Any]] | None = None
) -> tuple[float, str, list[Event]]:
    """Seconds, digest of the table, events; made by threads of this process, or by `crew`."""

    def make(
        trial: int, params: Mapping[str, Scalar], _slot: Slot, _hear: Hear, _ended: threading.Event
    ) -> Result | None:
        seconds = sleep(trial)
        time.sleep(seconds)
        return Result(trial=trial, values=(value(float(params["x"]), float(params["y"])),), seconds=seconds)

    began = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        opened(Path(folder) / "log") as log,
        crew(sleep) if crew is not None else Crew([Slot()] * sweep.parallelism, make) as workers,
    ):
        log.append(Began(study="s", digest="d", machine="m", started=""))
        driving = Driving(sweep, Study(sweep), log, order, workers, lambda: Wish.GO_ON, lambda _event: None)
        events = drive(driving)
    return time.perf_counter() - began, table_digest(rows(events)), events


def _objective(sleep: Sleep) -> Callable[[optuna.Trial], float]:
    def objective(trial: optuna.Trial) -> float:
        x, y = trial.suggest_float("x", -5, 5), trial.suggest_float("y", -5, 5)
        time.sleep(sleep(trial.number))
        return value(x, y)

    return objective


def _table(study: optuna.Study) -> str:
    return digest([[t.number, {n: float(v).hex() for n, v in t.params.items()}] for t in study.trials])


def with_jobs(sweep: Sweep, sleep: Sleep) -> tuple[float, str]:
    """Plain Optuna: `study.optimize(n_jobs=…)`."""
    began = time.perf_counter()
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(_objective(sleep), n_trials=sweep.trials, n_jobs=sweep.parallelism)
    return time.perf_counter() - began, _table(study)


def unordered(sweep: Sweep, sleep: Sleep) -> tuple[float, str]:
    """Optuna's ask and tell in the order of completion."""
    began = time.perf_counter()
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    asked = 0
    running: dict[Future[None], tuple[optuna.Trial, float]] = {}
    with ThreadPoolExecutor(sweep.parallelism) as pool:
        while asked < sweep.trials or running:
            while asked < sweep.trials and len(running) < sweep.parallelism:
                trial = study.ask()
                found = value(trial.suggest_float("x", -5, 5), trial.suggest_float("y", -5, 5))
                running[pool.submit(time.sleep, sleep(trial.number))] = (trial, found)
                asked += 1
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for one in done:
                trial, found = running.pop(one)
                study.tell(trial, found)
    return time.perf_counter() - began, _table(study)


def ideal(seconds: Sequence[float], workers: int, order: Order) -> float:
    """Seconds of workers on a clock of their own, on which an ask takes no time."""
    given = a_sweep(len(seconds), workers).model_copy(update={"sampler": "random"})
    executor = Simulated(workers, lambda trial, _: [(seconds[trial], Result(trial=trial, values=(0.0,)))])
    driven(given, order, executor)
    return executor.now


def compared(trials: int, workers: int, sleep: Sleep, with_ray: bool = False) -> dict[str, Timed]:
    """Method -> what its rounds took; all methods in every round, each time another one first."""
    sweep = a_sweep(trials, workers)
    record = ours(sweep, Free(), sleep)[2]
    methods: dict[str, Callable[[], tuple[float, str]]] = {
        "unordered ask/tell": lambda: unordered(sweep, sleep),
        "Optuna n_jobs": lambda: with_jobs(sweep, sleep),
        "recorded": lambda: ours(sweep, Free(), sleep)[:2],
        "replay": lambda: ours(sweep, Follow(record), sleep)[:2],
        "window": lambda: ours(sweep, Window(workers), sleep)[:2],
    }
    found = {method: Timed(trials) for method in methods}
    names = list(methods)
    for number in range(max(FEWEST_ROUNDS, workers)):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            found[name].add(*methods[name]())
    if with_ray:
        from benchmarks import sweeps_ray as cluster

        with cluster.workers_on_ray(workers) as there, cluster.plain_actors(workers) as plain:
            on_ray = partial(cluster.crew, there)
            on_cluster: dict[str, Callable[[], tuple[float, str]]] = {
                UNORDERED_ON_RAY: lambda: cluster.unordered(sweep, sleep, plain),
                "recorded, Ray": lambda: ours(sweep, Free(), sleep, on_ray)[:2],
                "replay, Ray": lambda: ours(sweep, Follow(record), sleep, on_ray)[:2],
                "window, Ray": lambda: ours(sweep, Window(workers), sleep, on_ray)[:2],
            }
            for _ in range(max(FEWEST_ROUNDS, workers)):
                for name, method in on_cluster.items():
                    found.setdefault(name, Timed(trials)).add(*method())
        few = a_sweep(min(trials, cluster.MOST_OF_TUNE), workers)
        found["Ray Tune"] = Timed(few.trials)
        for _ in range(FEWEST_ROUNDS):
            found["Ray Tune"].add(*cluster.ray_tune(few, sleep))
    return found


def told(found: Mapping[str, Timed], share: float) -> Iterator[str]:
    """A line for each method, and for each goal of sweeps.md. `share`: window's ideal rate by that of free order."""
    base, jobs = found["unordered ask/tell"], found["Optuna n_jobs"]
    for method, timed in found.items():
        ratios = f"{timed.by(base):5.2f} × unordered   {timed.by(jobs):5.2f} × n_jobs"
        ratios += f"   {timed.by(found['Ray Tune']):5.1f} × Ray Tune" if "Ray Tune" in found else ""
        tables = f"{len(timed.tables)} of {len(timed.seconds)} tables"
        spread = f"[{timed.slowest:.1f}, {timed.fastest:.1f}]"
        yield f"  {method:<20} {timed.rate:6.1f} trials/s {spread:<14}   {ratios}   {tables}"
    goals = [
        ("recorded", "unordered", found["recorded"].by(base), 0.97),
        ("recorded", "n_jobs", found["recorded"].by(jobs), 1.0),
        ("replay", "recorded", found["replay"].by(found["recorded"]), 0.9),
        ("window", "n_jobs" if share > 0.99 else f"n_jobs × {share:.2f}", found["window"].by(jobs) / share, 0.95),
    ]
    if "Ray Tune" in found:
        ray, plain = found["recorded, Ray"], found[UNORDERED_ON_RAY]
        goals += [
            ("recorded, Ray", UNORDERED_ON_RAY, ray.by(plain), 0.97),
            ("replay, Ray", "recorded, Ray", found["replay, Ray"].by(ray), 0.9),
            ("recorded, Ray", "Ray Tune", ray.by(found["Ray Tune"]), 3.0),
        ]
    for method, other, ratio, goal in goals:
        yield f"    {method} by {other}: {ratio:.3f}, goal {goal}{'' if ratio >= goal else ', MISSED'}"


def main() -> None:
    """Print a block for each spread of durations and number of workers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--workers", default="1,2,4,8")
    parser.add_argument("--spreads", default=",".join(SPREADS))
    parser.add_argument("--ray", action="store_true")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for name in given.spreads.split(","):
        seconds = durations(given.trials, SPREADS[name])
        for workers in map(int, given.workers.split(",")):
            found = compared(given.trials, workers, seconds.__getitem__, given.ray)
            free = ideal(seconds, workers, Free())
            share = free / ideal(seconds, workers, Window(workers))
            print(
                f"{given.trials} trials of {TRIAL_S * 1000:.0f} ms, {name}, {workers} workers: at best "
                f"{given.trials / free:.1f} trials/s in free order, {share * given.trials / free:.1f} in window; "
                f"load {os.getloadavg()[0]:.1f}"
            )
            for line in told(found, share):
                print(line, flush=True)


if __name__ == "__main__":
    main()
