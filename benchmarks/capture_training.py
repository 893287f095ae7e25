"""The training that `capture.py` measures: an MLP in NumPy, 3,000 steps with two metrics each, as people write it.

    python capture_training.py LOGGER STEPS PARTS

LOGGER says where the points go besides the printed lines and metrics.csv: none, sklearn (computed by scikit-learn's own
functions), mlflow, sacred, dvclive. PARTS is how many batches one step takes: the size of the work between two points.
The last line on standard error is the processor time, in seconds, when the first step began.
"""

import csv
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

LOGGER, STEPS, PARTS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
if LOGGER == "sklearn":
    from sklearn.metrics import accuracy_score, log_loss  # type: ignore[import-not-found]

Log = Callable[[str, float, int], Any]


def train(log: Log, end_step: Callable[[], Any]) -> None:
    """All steps; `log(name, value, step)` for every point."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4096, 64))
    y = (x[:, :8].sum(1) + rng.normal(size=4096) > 0).astype(int)
    test_x, test_y = x[:256], y[:256]
    w1, w2 = rng.normal(size=(64, 128)) / 8, rng.normal(size=128) / 11
    print(time.process_time(), file=sys.stderr)
    with open("metrics.csv", "w", newline="") as file:  # noqa: PTH123
        rows = csv.writer(file)
        rows.writerow(["step", "loss", "acc"])
        for step in range(1, STEPS + 1):
            for _ in range(PARTS):
                batch = rng.integers(0, len(x), 256)
                hidden = np.tanh(x[batch] @ w1)
                error = (1 / (1 + np.exp(-hidden @ w2)) - y[batch]) / len(batch)
                w1 -= 0.5 * x[batch].T @ (np.outer(error, w2) * (1 - hidden**2))
                w2 -= 0.5 * hidden.T @ error
            chance = np.clip(1 / (1 + np.exp(-np.tanh(test_x @ w1) @ w2)), 1e-12, 1 - 1e-12)
            if LOGGER == "sklearn":
                loss = log_loss(test_y, chance)
                acc = accuracy_score(test_y, chance > 0.5)
            else:
                loss = float(-np.mean(test_y * np.log(chance) + (1 - test_y) * np.log(1 - chance)))
                acc = float(np.mean((chance > 0.5) == test_y))
            rows.writerow([step, loss, acc])
            print(f"step {step} loss: {loss:.6f} acc: {acc:.4f}")
            log("loss", loss, step)
            log("acc", acc, step)
            end_step()


def nothing(*_: object) -> None:
    """For the runs that log nowhere else."""


def main() -> None:
    """Train with the tracker asked for, by the call its own tutorial shows."""
    if LOGGER == "mlflow":
        import mlflow

        mlflow.set_tracking_uri("sqlite:///mlflow.db")
        with mlflow.start_run():
            train(lambda name, value, step: mlflow.log_metric(name, value, step=step), nothing)
    elif LOGGER == "dvclive":
        from dvclive import Live  # type: ignore[import-not-found]

        with Live(save_dvc_exp=False) as live:
            train(lambda name, value, _step: live.log_metric(name, value), live.next_step)
    elif LOGGER == "sacred":
        from sacred import Experiment  # type: ignore[import-not-found]
        from sacred.observers import FileStorageObserver  # type: ignore[import-not-found]

        experiment = Experiment("benchmark", save_git_info=False)
        experiment.observers.append(FileStorageObserver("sacred"))
        experiment.main(lambda _run: train(_run.log_scalar, nothing))
        experiment.run()
    else:
        train(nothing, nothing)


main()
