"""What the report of a sweep of 1,000 trials × 10 parameters costs, beside Optuna's own four plots of the same study.

    python benchmarks/sweep_report.py [--trials 1000] [--pairs 3]

Each side is a fresh Python; times are wall clock and, beside it, processor time (user and system), which a busy machine
does not spoil; start of Python and imports included, bytecode compiled before. Ours
ends with sweep.md, sweep.html and the figures of both on disk, importances with their resamples included. Beside it
Optuna's matplotlib plots of history, parallel coordinates, importances and slices, saved as PNG.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # what is timed is imported where it is timed
    from experiment.search import Sweep
    from experiment.trials import Row

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

LIMIT_S = 3.0
PARAMETERS = 10


def main() -> None:
    """Print both times of each pair and the median ratio; exit 1 above the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--one", choices=["ours", "optuna"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        {"ours": ours, "optuna": plain}[asked.one](asked.folder, asked.trials)
        return
    costs: list[Cost] = []
    ratios = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for side in ("ours", "optuna"):
            fresh(side, folder, asked.trials)
        for pair in range(1, asked.pairs + 1):
            one, other = (fresh(side, folder, asked.trials) for side in ("ours", "optuna"))
            costs.append(one)
            ratios.append(other.cpu_s / one.cpu_s)
            print(f"pair {pair}: report {one}, Optuna's four plots {other}, ratio of processor time {ratios[-1]:.2f}")
        size = (folder / "sweep.html").stat().st_size
    median = statistics.median(cost.wall_s for cost in costs)
    used = statistics.median(cost.cpu_s for cost in costs)
    print(f"median: report {Cost(median, used)} (limit {LIMIT_S:.0f} s)")
    print(f"Optuna's plots take {statistics.median(ratios):.2f} times its processor time")
    print(f"page {size / 1e6:.1f} MB; load {os.getloadavg()[0]:.1f}")
    sys.exit(median > LIMIT_S)


class Cost(NamedTuple):
    """What a process took, in seconds."""

    wall_s: float
    cpu_s: float

    def __str__(self) -> str:
        return f"{self.wall_s:.2f} s, processor {self.cpu_s:.2f} s"


def fresh(side: str, folder: Path, trials: int) -> Cost:
    """One side in its own Python."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, __file__, "--one", side, "--folder", str(folder), "--trials", str(trials)]
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, env={**kept, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.perf_counter() - began, used)


def table(trials: int) -> "tuple[Sweep, list[Row]]":
    """A study of numbers, logarithmic and not, and choices."""
    import random

    from experiment.search import Sweep
    from experiment.trials import Row

    kinds = ({"float": (1e-4, 1.0), "log": True}, {"float": (0.0, 1.0)}, {"int": (1, 100)}, {"choice": ("a", "b", "c")})
    space = {f"p{i}": kinds[i % len(kinds)] for i in range(PARAMETERS)}
    sweep = Sweep.model_validate({"trials": trials, "objective": {"loss": "minimize"}, "space": space}, strict=False)
    draw, rows = random.Random(0), []
    for trial in range(trials):
        params = {
            name: 10 ** draw.uniform(-4, 0) if range_.log
            else draw.uniform(0, 1) if range_.float_
            else draw.randint(1, 100) if range_.int_
            else draw.choice("abc")
            for name, range_ in sweep.space.items()
        }  # fmt: skip
        value = float(params["p0"]) + (float(params["p1"]) - 0.3) ** 2 + draw.gauss(0, 0.02)
        rows.append(Row(trial=trial, state="complete", params=params, values=(value,), seconds=1.0))
    return sweep, rows


def ours(folder: Path, trials: int) -> None:
    """From the table to the pages on disk."""
    from action.activities.publish import write_pages
    from reporting.study import Study
    from reporting.sweep_report import build
    from runner.sweep.importance import importances

    sweep, rows = table(trials)
    study = Study("study", sweep, rows, (0.1, 0.12), importances(sweep, rows), wall_s=100.0)
    write_pages(build(study), folder / "sweep.md", folder / "sweep.html", folder / "figures")


def plain(folder: Path, trials: int) -> None:
    """The same four figures by Optuna's matplotlib backend."""
    import warnings

    warnings.simplefilter("ignore")
    import matplotlib as mpl

    mpl.use("Agg")
    import optuna
    from optuna.visualization import matplotlib as plots

    from runner.sweep.samplers import distribution

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sweep, rows = table(trials)
    study = optuna.create_study()
    distributions = {name: distribution(range_) for name, range_ in sweep.space.items()}
    study.add_trials(
        [
            optuna.trial.create_trial(
                params=dict(row.params), distributions=distributions, values=list(row.values or ())
            )
            for row in rows
        ]
    )
    for plot in ("optimization_history", "parallel_coordinate", "param_importances", "slice"):
        axes = getattr(plots, f"plot_{plot}")(study)
        first = axes.flat[0] if hasattr(axes, "flat") else axes
        first.figure.savefig(folder / f"{plot}.png", dpi=200)


if __name__ == "__main__":
    main()
