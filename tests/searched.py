"""An experiment with a sweep of a tenth of a second a trial: `from searched import EXPERIMENT, TRAIN, lock_of`."""

import json
from typing import Any

from repositories import Repository

TRAIN = """\
import json, os, sys
x, act = float(sys.argv[1]), sys.argv[2]
seed = int(os.environ["ML_EXPERIMENT_SEED"])
json.dump({"loss": (x - 2) ** 2 + (act == "tanh") + seed % 97 / 1000, "size": abs(x)}, open("metrics.json", "w"))
"""
EXPERIMENT = """\
experiment: tiny
environment: {lock: requirements.lock}
command: python train.py {x} {act}
seeds: [0, 1]
metric_files: [metrics.json]
metrics: {loss: {goal: minimize}}
resources: {cpus: 1, timeout: 60s}
sweep:
  trials: 6
  parallelism: 2
  objective: {loss: minimize}
  space: {x: {float: [-5, 5]}, act: {choice: [relu, tanh]}}
"""


def lock_of(repository: Repository) -> Any:
    return json.loads((repository.folder / "sweeps" / "tiny.lock.json").read_text())
