"""Ray Tune's Optuna search, for benchmarks/sweeps.py: runs in an environment of its own, on a Ray of its own.

    python ray_tune.py TRIALS WORKERS SECONDS.json

The file holds how long each trial sleeps. Prints one JSON object: seconds of the search alone, and the table.
"""

import json
import logging
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_AUTH_MODE": "disabled",
}


def main(trials: int, workers: int, seconds: list[float]) -> None:
    """One search."""
    os.environ.update(_QUIET)
    warnings.simplefilter("ignore")
    import optuna
    import ray
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)

    def objective(config: dict[str, float]) -> dict[str, float]:
        number = int(tune.get_context().get_trial_id().rpartition("_")[2])
        time.sleep(seconds[number % len(seconds)])
        return {"loss": (config["x"] - 2) ** 2 + (config["y"] + 1) ** 2}

    space: dict[str, Any] = {"x": tune.uniform(-5, 5), "y": tune.uniform(-5, 5)}
    search = OptunaSearch(metric="loss", mode="min", sampler=optuna.samplers.TPESampler(seed=0))
    tuner = tune.Tuner(
        objective,
        param_space=space,
        tune_config=tune.TuneConfig(search_alg=search, num_samples=trials, max_concurrent_trials=workers),
        run_config=tune.RunConfig(verbose=0, storage_path=str(Path(sys.argv[3]).parent)),
    )
    began = time.perf_counter()
    tuner.fit()
    took = time.perf_counter() - began
    study: Any = search._ot_study
    table = [[trial.number, sorted((n, float(v).hex()) for n, v in trial.params.items())] for trial in study.trials]
    print(json.dumps({"seconds": took, "trials": len(study.trials), "table": table}))
    ray.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text()))
