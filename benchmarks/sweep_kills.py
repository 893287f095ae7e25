"""Kills the driver of a sweep with SIGKILL at random moments, and says what that did to the table.

    .venv/bin/python -m benchmarks.sweep_kills [--kills 20] [--trials 150] [--seed 0]

A process drives a sweep of trials of 50 ms by four workers, with a pruner; it is killed, started again, and so on until
it was killed so often. In order window its table has to be the one of the uninterrupted sweep, in order recorded the
record that it leaves has to be followed to the same table. Exit code 1 where not.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from experiment.search import Sweep
from experiment.trials import table_digest
from experiment.value import Scalar
from runner.sweep import log as logs
from runner.sweep.crew import Crew, Hear
from runner.sweep.drive import Driving, Wish, drive
from runner.sweep.events import Began, Event, Result, Tell
from runner.sweep.log import opened
from runner.sweep.orders import Follow, Free, Order, Point, Window
from runner.sweep.study import Study
from runner.sweep.table import rows

WORKERS = 4
POINTS = 5


def a_sweep(trials: int) -> Sweep:
    """TPE on two numbers, the median pruner."""
    space = {"x": {"float": (-5.0, 5.0)}, "y": {"float": (-5.0, 5.0)}}
    given = {"trials": trials, "parallelism": WORKERS, "objective": {"loss": "minimize"}, "space": space}
    return Sweep.model_validate({**given, "pruner": "median"}, strict=False)


def make(trial: int, params: Mapping[str, Scalar], _worker: int, hear: Hear, ended: threading.Event) -> Result:
    """A trial of 50 ms, give or take."""
    value = (float(params["x"]) - 2) ** 2 + (float(params["y"]) + 1) ** 2
    for step in range(1, POINTS + 1):
        if ended.wait(random.uniform(0.5, 1.5) * 0.05 / POINTS):
            break
        hear(Point(step, value + 3.0 / step))
    return Result(trial=trial, values=(value,))


def swept(path: Path, trials: int, order: Order) -> list[Event]:
    """The sweep, from where its log stops."""
    with opened(path) as log, Crew[int](range(WORKERS), make) as crew:
        if log.began is None:
            log.append(Began(study="s", digest="d", machine="m", started=""))
        sweep = a_sweep(trials)
        return drive(Driving(sweep, Study(sweep), log, order, crew, lambda: Wish.GO_ON, lambda _event: None))


def order_of(name: str) -> Order:
    """A fresh one."""
    return Window(WORKERS) if name == "window" else Free()


def killed(path: Path, trials: int, order: str, pauses: Sequence[float]) -> tuple[int, int]:
    """Kill the sweep after each pause in seconds, as far as it lasts: how many kills there were, trials begun again."""
    done = again = 0
    while True:
        told = path.read_bytes().count(b'"event":"tell"') if path.exists() else 0
        asked = path.read_bytes().count(b'"event":"ask"') if path.exists() else 0
        again += asked - told if done else 0
        child = [sys.executable, "-m", "benchmarks.sweep_kills", "--child", str(path), order, "--trials", str(trials)]
        process = subprocess.Popen(child)
        if done == len(pauses):
            process.wait()
            return done, again
        size = path.stat().st_size if path.exists() else 0
        while process.poll() is None and (not path.exists() or path.stat().st_size <= size):
            time.sleep(0.005)  # it works
        time.sleep(pauses[done])
        if process.poll() is not None:
            return done, again
        process.kill()
        process.wait()
        done += 1


def main() -> None:
    """Print a line for each order."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--trials", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", nargs=2)
    given = parser.parse_args()
    if given.child:
        swept(Path(given.child[0]), given.trials, order_of(given.child[1]))
        return
    draw, wrong = random.Random(given.seed), 0
    with tempfile.TemporaryDirectory() as folder:
        for order in ("window", "recorded"):
            path, whole = Path(folder) / order, Path(folder) / f"{order}-whole"
            began = time.monotonic()
            other = swept(whole, given.trials, order_of(order))
            longest = (time.monotonic() - began) / max(given.kills, 1)  # so that they come in half of its time
            pauses = [draw.uniform(0.0, longest) for _ in range(given.kills)]
            kills, again = killed(path, given.trials, order, pauses)
            _, events, _ = logs.read(path.read_bytes(), order)
            table = rows(events)
            lost = given.trials - sum(isinstance(event, Tell) for event in events)
            if order == "recorded":
                other = swept(Path(folder) / "followed", given.trials, Follow(events))
            same = table_digest(rows(other)) == table_digest(table)
            wrong += not same or lost != 0 or kills < given.kills
            whose = "the uninterrupted sweep" if order == "window" else "its replay"
            pruned = sum(row.state == "pruned" for row in table)
            print(
                f"{order:<9} {kills} kills, {given.trials} trials ({pruned} pruned), {lost} lost, {again} begun again; "
                f"table {'identical to' if same else 'DIFFERS from'} that of {whose}",
                flush=True,
            )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
