"""Puts the recorder together at the start of a process."""

from __future__ import annotations

import atexit
import os
import sys
from typing import Any

from . import audit, keras, mlflow, numpy, sklearn, tensorflow, torch
from .files import Files
from .guard import guarded
from .import_hooks import PostImport
from .libraries import Libraries
from .lineage import Lineage
from .metrics import Metrics
from .places import Places
from .seeds import Seeds
from .settings import Settings

_COMPUTING = ("numpy", "scipy.linalg", "sklearn", "torch", "tensorflow", "jax", "xgboost", "lightgbm")


def start(text: str) -> None:
    """Install everything. `text` is the value of ML_EXPERIMENT_RECORDER."""
    settings = Settings(text)
    stream = settings.stream
    os.makedirs(stream.folder, exist_ok=True)
    lineage = Lineage(stream)
    prefix = sys.prefix if sys.prefix != sys.base_prefix else os.path.dirname(os.__file__)
    facts = {"lineage": lineage.path, "pid": os.getpid(), "prefix": prefix, "determinism": settings.determinism}
    stream.write("start", facts)
    guarded(stream, "child processes", lineage.install)
    places = Places(settings)
    seeds = Seeds(settings, lineage, places)
    if seeds.wanted and "PYTHONHASHSEED" in os.environ:
        seeds.applied("PYTHONHASHSEED")
    guarded(stream, "imports", _hook_imports, settings, places, seeds)
    children = dict.fromkeys(("os.system", "os.posix_spawn"), lineage.child_starts)
    guarded(stream, "files opened", audit.install, stream, {**Files(settings).handlers, **children})


def _hook_imports(settings: Settings, places: Places, seeds: Seeds) -> None:
    stream = settings.stream
    metrics, libraries, hooks = Metrics(stream), Libraries(stream), PostImport(stream)
    hooks.after("random", seeds.random_imported)
    hooks.after("numpy.random", lambda module: numpy.random_imported(module, seeds))
    hooks.after("torch", lambda module: torch.imported(module, seeds))
    hooks.after("tensorflow", lambda module: tensorflow.imported(module, seeds))
    for name in _COMPUTING:
        hooks.after(name, lambda _module: libraries.look())
    of_keras = keras.Keras(stream, metrics, places)
    for name in keras.CALLBACK_MODULES:
        hooks.after(name, of_keras.callbacks_imported)
    for name in keras.SEED_MODULES:
        hooks.after(name, lambda module: _watch_keras_seed(module, seeds))
    of_sklearn = sklearn.Sklearn(stream, metrics, places)
    for name in sklearn.METRIC_MODULES:
        hooks.after(name, of_sklearn.metrics_imported)
    for name in sklearn.SCORING_CLASSES:
        hooks.after(name, of_sklearn.classes_imported)
    of_mlflow = mlflow.Mlflow(stream, metrics)
    hooks.after(mlflow.CLIENT_MODULE, of_mlflow.client_imported)
    hooks.after(mlflow.MODEL_MODULE, of_mlflow.models_imported)
    hooks.install()
    atexit.register(guarded, stream, "libraries in use", libraries.look_closely)
    atexit.register(guarded, stream, "GPU memory", torch.tell_gpu_memory, stream)


def _watch_keras_seed(module: Any, seeds: Seeds) -> None:
    if hasattr(module, "set_random_seed"):
        module.set_random_seed = seeds.watch("keras.utils.set_random_seed", module.set_random_seed)
