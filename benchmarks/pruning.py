"""What a pruner saves in each order: wall time of a sweep with the median pruner, beside the same without one.

    .venv/bin/python -m benchmarks.pruning [--trials 40] [--workers 4]

A trial has twenty points, 20 ms apart; a pruned one is stopped where it is. In window, tables of 1, 2, 4 and 8 workers
are compared too.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from experiment.search import Sweep
from experiment.trials import table_digest
from experiment.value import Scalar
from runner.sweep.crew import Crew, Hear
from runner.sweep.drive import Driving, Wish, drive
from runner.sweep.events import Began, Result
from runner.sweep.log import opened
from runner.sweep.orders import Free, Order, Point, Window
from runner.sweep.study import Study
from runner.sweep.table import rows

POINTS = 20
STEP_S = 0.02


def make(trial: int, params: Mapping[str, Scalar], _worker: int, hear: Hear, ended: threading.Event) -> Result:
    """A trial of 0.4 s, unless it is ended."""
    value = (float(params["x"]) - 2) ** 2 + (float(params["y"]) + 1) ** 2
    for step in range(1, POINTS + 1):
        if ended.wait(STEP_S):
            break
        hear(Point(step, value + 3.0 / step))
    return Result(trial=trial, values=(value,))


def swept(trials: int, workers: int, order: Order, pruner: str) -> tuple[float, str, int]:
    """Seconds, digest of the table, points that were seen by the pruner."""
    space = {"x": {"float": (-5.0, 5.0)}, "y": {"float": (-5.0, 5.0)}}
    given = {"trials": trials, "parallelism": 4, "objective": {"loss": "minimize"}, "space": space, "pruner": pruner}
    sweep = Sweep.model_validate(given, strict=False)
    began = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        opened(Path(folder) / "log") as log,
        Crew[int](range(workers), make) as crew,
    ):
        log.append(Began(study="s", digest="d", machine="m", started=""))
        driving = Driving(sweep, Study(sweep), log, order, crew, lambda: Wish.GO_ON, lambda _event: None)
        table = rows(drive(driving))
    return time.perf_counter() - began, table_digest(table), sum(row.state == "pruned" for row in table)


def main() -> None:
    """Print a line for each order and pruner."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--workers", type=int, default=4)
    given = parser.parse_args()
    for name in ("recorded", "window"):
        base = 0.0
        for pruner in ("none", "median"):
            order: Order = Free() if name == "recorded" else Window(4)
            took, _, pruned = swept(given.trials, given.workers, order, pruner)
            base = base or took
            ratio = f"{took / base:4.2f} × unpruned"
            print(f"{name:<9} {pruner:<7} {took:6.1f} s   {ratio}   {pruned} of {given.trials} pruned", flush=True)
    tables = {swept(given.trials, workers, Window(4), "median")[1] for workers in (1, 2, 4, 8)}
    print(f"window    median: {len(tables)} table of 1, 2, 4 and 8 workers")


if __name__ == "__main__":
    main()
