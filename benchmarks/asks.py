"""What an ask costs: ours, with a fresh sampler for every trial, beside Optuna's with a sampler that is kept.

    .venv/bin/python -m benchmarks.asks [--sizes 100,1000,5000] [--asks 7]

Five numbers are searched. The trials before are made by Optuna (by its random sampler for TPE, which keeps no state in
them), and are the same for both. Printed is the median, in milliseconds.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import optuna

from experiment.search import Sweep
from runner.sweep.events import Result
from runner.sweep.study import Study

NAMES = [f"x{number}" for number in range(5)]
KEPT: dict[str, Callable[[], optuna.samplers.BaseSampler]] = {
    "tpe": lambda: optuna.samplers.TPESampler(seed=0),
    "cmaes": lambda: optuna.samplers.CmaEsSampler(seed=0),
    "nsga2": lambda: optuna.samplers.NSGAIISampler(seed=0),
    "qmc": lambda: optuna.samplers.QMCSampler(seed=0),
    "random": lambda: optuna.samplers.RandomSampler(seed=0),
}


def one(study: optuna.Study) -> None:
    """Ask and tell a trial."""
    trial = study.ask()
    study.tell(trial, sum(trial.suggest_float(name, -5.0, 5.0) ** 2 for name in NAMES))


def kept(name: str, study: optuna.Study, asks: int) -> float:
    """Milliseconds of an ask by a sampler that lives as long as the study."""
    study.sampler = KEPT[name]()
    one(study)
    took = []
    for _ in range(asks):
        began = time.perf_counter()
        trial = study.ask()
        found = [trial.suggest_float(key, -5.0, 5.0) for key in NAMES]
        took.append(time.perf_counter() - began)
        study.tell(trial, sum(x * x for x in found))
    return statistics.median(took) * 1000


def ours(name: str, before: optuna.Study, asks: int) -> float:
    """The same by our study."""
    space = {key: {"float": (-5.0, 5.0)} for key in NAMES}
    given = {"trials": 10**6, "sampler": name, "objective": {"loss": "minimize"}, "space": space}
    study = Study(Sweep.model_validate(given, strict=False))
    study.optuna.add_trials(before.get_trials(deepcopy=False))
    for key, value in before._storage.get_study_system_attrs(before._study_id).items():
        study.optuna._storage.set_study_system_attr(study.optuna._study_id, key, value)
    took, number = [], len(before.get_trials(deepcopy=False))
    for trial in range(number, number + 1 + asks):
        began = time.perf_counter()
        asked = study.ask(trial)
        took.append(time.perf_counter() - began)
        study.tell(Result(trial=trial, values=(sum(float(x) ** 2 for x in asked.params.values()),)))
    return statistics.median(took[1:]) * 1000


def main() -> None:
    """Print a line for each sampler and size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="100,1000,5000")
    parser.add_argument("--asks", type=int, default=7)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for name in KEPT:
        history = optuna.create_study(sampler=KEPT["random" if name == "tpe" else name]())
        for size in map(int, given.sizes.split(",")):
            while len(history.get_trials(deepcopy=False)) < size:
                one(history)
            copy = optuna.create_study()
            copy.add_trials(history.get_trials(deepcopy=False))
            fresh, plain = ours(name, history, given.asks), kept(name, copy, given.asks)
            print(f"{name:<7} {size:>5} trials   ours {fresh:7.1f} ms   kept sampler {plain:7.1f} ms", flush=True)


if __name__ == "__main__":
    main()
