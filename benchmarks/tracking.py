"""What it costs to get runs into MLflow: our batch import against `mlflow.log_metric` per point, in one go.

    python benchmarks/tracking.py [--runs 10] [--points 6000] [--calls 2000] [--pairs 3]

Both write to SQLite. Ours is the whole import as a user waits for it, process start, import of MLflow, artifacts and a
new database included; per call is the bare loop inside a run that is open already. Times are wall clock.
"""

import argparse
import math
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from run_folders import a_run_folder

from runner import tracking

METRICS = ("train/loss", "test/loss", "test/accuracy")


def main() -> None:
    """Print seconds for both ways, per pair, and the median of the pairs' ratios per point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--points", type=int, default=6000, help="per run, over all metrics")
    parser.add_argument("--calls", type=int, default=2000, help="points logged one by one")
    parser.add_argument("--pairs", type=int, default=3)
    asked = parser.parse_args()
    ratios = []
    for pair in range(1, asked.pairs + 1):
        with tempfile.TemporaryDirectory() as folder:
            start_s, import_s = ours(Path(folder), asked.runs, asked.points)
            cached_s = again(Path(folder))
            call_s = per_call(Path(folder), asked.calls)
        per_point, per_call_point = import_s / (asked.runs * asked.points), call_s / asked.calls
        ratios.append(per_call_point / per_point)
        print(
            f"pair {pair}: import of {asked.runs} runs x {asked.points} points {import_s:.2f} s "
            f"({per_point * 1e3:.3f} ms a point; the caller waits {start_s * 1e3:.0f} ms for its start, "
            f"{cached_s * 1e3:.1f} ms when all is imported); "
            f"log_metric {per_call_point * 1e3:.3f} ms a point; ratio {ratios[-1]:.1f}"
        )
    print(f"median: mlflow.log_metric costs {statistics.median(ratios):.1f} times the import, per point")


def ours(folder: Path, runs: int, points: int) -> tuple[float, float]:
    """Seconds until `start` returned, and until everything was in the store."""
    steps = range(points // len(METRICS))
    folders = [
        a_run_folder(folder / "runs", seed, {name: [math.sin(step + seed) for step in steps] for name in METRICS})
        for seed in range(runs)
    ]
    began = time.perf_counter()
    under_way = tracking.start(folders, tracking.destination_for("benchmark", folder, {}))
    started = time.perf_counter()
    notes = under_way.finish(600)
    if notes:
        raise SystemExit("\n".join(notes))
    return started - began, time.perf_counter() - began


def again(folder: Path) -> float:
    """Seconds for an import that finds everything done."""
    began = time.perf_counter()
    folders = sorted((folder / "runs").iterdir())
    tracking.start(folders, tracking.destination_for("benchmark", folder, {})).finish(0)
    return time.perf_counter() - began


def per_call(folder: Path, calls: int) -> float:
    """Seconds for the loop as tutorials write it."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{folder / 'calls.db'}")
    mlflow.set_experiment("benchmark")
    with mlflow.start_run():
        began = time.perf_counter()
        for call in range(calls):
            mlflow.log_metric(METRICS[call % 3], math.sin(call), step=call // 3)
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
