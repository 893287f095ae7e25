"""scikit-learn: scores and errors that the user's code asks for, named after the variable they are assigned to."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from .guard import failed
from .metrics import Metrics, scalar
from .places import Places
from .stream import Stream

# Where the functions are defined: replaced there before anyone imports them, each has one identity and pickles as ever.
METRIC_MODULES = (
    "sklearn.metrics._classification",
    "sklearn.metrics._ranking",
    "sklearn.metrics._regression",
    "sklearn.metrics.cluster._supervised",
    "sklearn.metrics.cluster._unsupervised",
)
_SUFFIXES = ("_score", "_error", "_loss", "_deviance")
_OTHERS = ("auc", "matthews_corrcoef")

SCORING_CLASSES = {
    "sklearn.base": ("ClassifierMixin", "RegressorMixin"),
    "sklearn.pipeline": ("Pipeline",),
    "sklearn.model_selection._search": ("BaseSearchCV",),
    "sklearn.feature_selection._rfe": ("RFE",),
    "sklearn.cluster._kmeans": ("_BaseKMeans",),
    "sklearn.decomposition._pca": ("PCA",),
    "sklearn.mixture._base": ("BaseMixture",),
    "sklearn.multioutput": ("MultiOutputClassifier",),
    "sklearn.semi_supervised._self_training": ("SelfTrainingClassifier",),
    "sklearn.linear_model._glm.glm": ("_GeneralizedLinearRegressor",),
    "sklearn.dummy": ("DummyClassifier", "DummyRegressor"),
}


class Sklearn:
    """Hooks for the modules above."""

    def __init__(self, stream: Stream, metrics: Metrics, places: Places) -> None:
        self._stream, self._metrics, self._places = stream, metrics, places

    def metrics_imported(self, module: Any) -> None:
        """Wrap the functions that give one number."""
        for name, function in list(vars(module).items()):
            public = callable(function) and not name.startswith("_") and not isinstance(function, type)
            here = getattr(function, "__module__", None) == module.__name__
            if public and here and (name.endswith(_SUFFIXES) or name in _OTHERS):
                setattr(module, name, self._wrap(function, _Named(name)))

    def classes_imported(self, module: Any) -> None:
        """Wrap `score` of the module's classes."""
        for kind in (getattr(module, name, None) for name in SCORING_CLASSES[module.__name__]):
            if kind is None:
                continue
            native = kind.__dict__.get("score")
            if hasattr(native, "fn"):  # a method that is there only if the inner estimator has it
                native.fn = self._wrap(native.fn, _estimator)
            elif native is not None:
                kind.score = self._wrap(native, _estimator)

    def _wrap(self, native: Callable[..., Any], fallback: Callable[[tuple[Any, ...]], str]) -> Callable[..., Any]:
        @functools.wraps(native)
        def score(*args: Any, **kwargs: Any) -> Any:
            result = native(*args, **kwargs)
            try:
                frame = sys._getframe(1)
                if self._places.user_file(frame) is not None and scalar(result) is not None:
                    name = self._places.assigned_name(frame) or fallback(args)
                    self._metrics.point("sklearn", "", *self._places.curve_point(frame, name), result)
            except Exception as error:
                failed(self._stream, "scikit-learn scores", error)
            return result

        return score


class _Named:
    """The name for a metric function's result that is assigned to nothing: the function's."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, _args: tuple[Any, ...]) -> str:
        return self._name


def _estimator(args: tuple[Any, ...]) -> str:
    return f"{type(args[0]).__name__}.score"
