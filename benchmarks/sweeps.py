"""Sweeps side by side: trials a second of our two orders, of a replay, of plain Optuna and of unordered ask and tell.

    .venv/bin/python -m benchmarks.sweeps [--trials 200] [--workers 1,2,4,8] [--ray]

Trials sleep: 50 ms each, or log-normal with that mean. All methods search the same space with TPE, in one process with
threads. With `--ray` also our orders on a Ray cluster of this machine, and Ray Tune's Optuna search (which builds an
environment once). Also printed: how many tables two runs of each method gave, with the same seed.
"""

import argparse
import math
import random
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any

import optuna

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
Sleep = Callable[[int], float]
SLEEPS: dict[str, Callable[[int], Sleep]] = {
    "even": lambda _run: lambda _trial: TRIAL_S,
    "σ = 1": lambda run: lambda trial: TRIAL_S * math.exp(random.Random(f"{run}:{trial}").gauss(-0.5, 1.0)),
}


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


def compared(
    trials: int, workers: int, sleeps: Callable[[int], Sleep], with_ray: bool = False
) -> dict[str, tuple[float, int]]:
    """Method -> trials a second (the better of two runs) and how many different tables the two gave."""
    sweep = a_sweep(trials, workers)
    seconds: dict[str, list[float]] = {}
    tables: dict[str, set[str]] = {}

    def note(method: str, took: float, table: str) -> None:
        seconds.setdefault(method, []).append(took)
        tables.setdefault(method, set()).add(table)

    record: list[Event] = []
    for run in (1, 2):
        sleep = sleeps(run)
        note("unordered ask/tell", *unordered(sweep, sleep))
        note("Optuna n_jobs", *with_jobs(sweep, sleep))
        took, table, events = ours(sweep, Free(), sleep)
        note("recorded", took, table)
        record = record or events
        note("replay", *ours(sweep, Follow(record), sleep)[:2])
        note("window", *ours(sweep, Window(workers), sleep)[:2])
    if with_ray:
        from benchmarks import sweeps_ray as cluster

        with cluster.workers_on_ray(workers) as there:
            for run in (1, 2):
                for method, order in (
                    ("recorded, Ray", Free()), ("replay, Ray", Follow(record)), ("window, Ray", Window(workers))
                ):  # fmt: skip
                    note(method, *ours(sweep, order, sleeps(run), partial(cluster.crew, there))[:2])
        few = a_sweep(min(trials, cluster.MOST_OF_TUNE), workers)
        for run in (1, 2):
            took, table = cluster.ray_tune(few, sleeps(run))
            note("Ray Tune", took * trials / few.trials, table)
    return {method: (trials / min(took), len(tables[method])) for method, took in seconds.items()}


def main() -> None:
    """Print a table for each spread of durations and number of workers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--workers", default="1,2,4,8")
    parser.add_argument("--ray", action="store_true")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for name, sleeps in SLEEPS.items():
        for workers in map(int, given.workers.split(",")):
            found = compared(given.trials, workers, sleeps, given.ray)
            base, jobs = found["unordered ask/tell"][0], found["Optuna n_jobs"][0]
            print(f"{given.trials} trials of {TRIAL_S * 1000:.0f} ms, {name}, {workers} workers")
            for method, (rate, tables) in found.items():
                ratios = f"{rate / base:5.2f} × unordered   {rate / jobs:5.2f} × n_jobs"
                ratios += f"   {rate / found['Ray Tune'][0]:5.1f} × Ray Tune" if given.ray else ""
                print(f"  {method:<20} {rate:6.1f} trials/s   {ratios}   {tables} of 2 tables", flush=True)


if __name__ == "__main__":
    main()
