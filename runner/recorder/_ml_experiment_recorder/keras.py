"""Keras 3 on any backend, tf.keras and Keras 2: the logs each epoch of `fit` ends with, and what `evaluate` gives.

Taken from the list that hands events to callbacks, so that no callback of ours is among the user's, and per batch
nothing happens. Step is the epoch's number from 1, as Keras prints it.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

from .guard import failed, guarded
from .metrics import Metrics, scalar
from .places import Places
from .stream import Stream

CALLBACK_MODULES = (
    "keras.src.callbacks.history",
    "keras.src.callbacks.callback_list",
    "keras.src.callbacks",
    "keras.callbacks",
    "tf_keras.src.callbacks",
    "tensorflow.python.keras.callbacks",
)
SEED_MODULES = ("keras.src.utils.rng_utils", "keras.src.utils.tf_utils", "tf_keras.src.utils.tf_utils")
_TRAINING = "_ml_experiment_training"
_WRAPPED = "_ml_experiment_wrapped"


class Keras:
    """Hooks for the modules above."""

    def __init__(self, stream: Stream, metrics: Metrics, places: Places) -> None:
        self._stream, self._metrics, self._places = stream, metrics, places
        self._in_history: int | None = None  # the epoch that History has just been told of

    def callbacks_imported(self, module: Any) -> None:
        """Listen to the module's CallbackList, and to its History, which comes after the user's callbacks."""
        history, kind = getattr(module, "History", None), getattr(module, "CallbackList", None)
        if history is not None and _WRAPPED not in history.__dict__:
            setattr(history, _WRAPPED, True)
            history.on_epoch_end = self._after(history.on_epoch_end, self._epoch_in_history)
        if kind is not None and _WRAPPED not in kind.__dict__:
            setattr(kind, _WRAPPED, True)
            kind.on_train_begin = self._before(kind.on_train_begin, self._train_begins)
            kind.on_epoch_end = self._after(kind.on_epoch_end, self._epoch_ended)
            kind.on_test_end = self._after(kind.on_test_end, self._test_ended)

    def _before(self, native: Any, record: Any) -> Any:
        @functools.wraps(native)
        def event(self_: Any, *args: Any, **kwargs: Any) -> Any:
            guarded(self._stream, "Keras parameters", record, self_)
            return native(self_, *args, **kwargs)

        return event

    def _after(self, native: Any, record: Any) -> Any:
        @functools.wraps(native)
        def event(self_: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return native(self_, *args, **kwargs)
            finally:  # a callback may raise, to stop the training
                try:
                    record(self_, *args, **kwargs)
                except Exception as error:
                    failed(self._stream, "Keras metrics", error)

        return event

    def _epoch_in_history(self, _history: Any, epoch: int, logs: Any = None) -> None:
        self._in_history = epoch
        self._points(epoch, logs)

    def _epoch_ended(self, _list: Any, epoch: int, logs: Any = None) -> None:
        told, self._in_history = self._in_history == epoch, None
        if not told:
            self._points(epoch, logs)

    def _points(self, epoch: int, logs: Any) -> None:
        for name, value in (logs or {}).items():
            self._metrics.point("keras", "", name, int(epoch) + 1, value)

    def _test_ended(self, callbacks: Any, logs: Any = None) -> None:
        if getattr(callbacks, _TRAINING, False):
            return  # the validation inside fit, which the epoch's logs hold as val_…
        frame: Any = sys._getframe(2)
        while frame is not None and self._places.user_file(frame) is None:
            frame = frame.f_back
        for name, value in (logs or {}).items():
            metric, step = f"evaluate/{name}", 1
            if frame is not None:
                metric, step = self._places.curve_point(frame, metric)
            self._metrics.point("keras", "", metric, step, value)

    def _train_begins(self, callbacks: Any) -> None:
        setattr(callbacks, _TRAINING, True)
        epochs = (getattr(callbacks, "params", None) or {}).get("epochs")
        if epochs is not None:
            self._metrics.parameter("keras", "epochs", epochs)
        model: Any = getattr(callbacks, "model", None) or getattr(callbacks, "_model", None)
        optimizer = getattr(model, "optimizer", None)
        if optimizer is None:
            return
        self._metrics.parameter("keras", "optimizer", getattr(optimizer, "name", type(optimizer).__name__))
        rate = scalar(_number(getattr(optimizer, "learning_rate", None)))
        if rate is not None:
            self._metrics.parameter("keras", "learning_rate", rate)
        if isinstance(getattr(model, "loss", None), str):
            self._metrics.parameter("keras", "loss", model.loss)


def _number(variable: Any) -> Any:
    return variable.numpy() if hasattr(variable, "numpy") else variable
