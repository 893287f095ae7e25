"""MLflow: what the script logs itself, seen where the fluent interface, the client and autologging all pass."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from .guard import failed
from .metrics import Metrics
from .stream import Stream

CLIENT_MODULE = "mlflow.tracking._tracking_service.client"
MODEL_MODULE = "mlflow.models.model"


class Mlflow:
    """Hooks for the modules above; MLflow's own work goes on as the script set it up, and first."""

    def __init__(self, stream: Stream, metrics: Metrics) -> None:
        self._stream, self._metrics = stream, metrics
        self._thread = threading.local()

    def models_imported(self, module: Any) -> None:
        """Storing a model (MLflow 3) logs the run's metrics of one step again, for the model: no points of a curve."""
        native = module.Model.log.__func__

        @functools.wraps(native)
        def log(*args: Any, **kwargs: Any) -> Any:
            self._thread.stores_model = True
            try:
                return native(*args, **kwargs)
            finally:
                self._thread.stores_model = False

        module.Model.log = classmethod(log)

    def client_imported(self, module: Any) -> None:
        """Listen to the client that hands everything to the tracking store."""
        client = module.TrackingServiceClient
        for name, record in (("log_metric", self._metric), ("log_batch", self._batch), ("log_param", self._param)):
            setattr(client, name, self._wrap(getattr(client, name), record))

    def _wrap(self, native: Callable[..., Any], record: Callable[..., None]) -> Callable[..., Any]:
        @functools.wraps(native)
        def log(self_: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                record(*args, **kwargs)
            except Exception as error:
                failed(self._stream, "MLflow calls", error)
            return native(self_, *args, **kwargs)

        return log

    def _metric(
        self, run_id: str, key: str, value: Any, _timestamp: Any = None, step: Any = None, *_args: Any, **_: Any
    ) -> None:
        known = getattr(self._thread, "stores_model", False)
        if not known and not key.startswith("system/"):  # MLflow's own readings of the machine
            self._metrics.point("mlflow", run_id, key, int(step or 0), value)

    def _batch(self, run_id: str, metrics: Any = (), params: Any = (), *_args: Any, **_: Any) -> None:
        for metric in metrics:
            self._metric(run_id, metric.key, metric.value, None, metric.step)
        for parameter in params:
            self._param(run_id, parameter.key, parameter.value)

    def _param(self, _run_id: str, key: str, value: Any, *_args: Any, **_: Any) -> None:
        self._metrics.parameter("mlflow", key, value)
