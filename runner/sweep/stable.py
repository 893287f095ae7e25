"""Optuna's TPE sampler with stable sorts: what NumPy's default sort makes of equal numbers depends on the processor.

The modules that sort are loaded a second time, for us alone, with a NumPy whose `argsort` is stable: nobody else's
Optuna is changed. Sorts elsewhere in what we use of Optuna are Python's, which is stable, or their result does not
depend on the order of equals: `np.unique`, percentiles, and the sorts inside a hypervolume, where the width between
equals is 0.
"""

import importlib.util
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.samplers import TPESampler


def _stable_numpy() -> ModuleType:
    """NumPy in all but `argsort`, which leaves equal numbers in their order."""
    import numpy as np

    def argsort(values: Any, **options: Any) -> Any:
        return np.argsort(values, **{**options, "kind": "stable"})

    made = ModuleType("numpy")
    made.__dict__.update({**vars(np), "argsort": argsort})
    return made


@cache
def tpe_sampler() -> "type[TPESampler]":
    """The class."""
    estimator, subset = _own("optuna.samplers._tpe.parzen_estimator"), _own("optuna._hypervolume.hssp")
    for module in (estimator, subset):
        module.np = _stable_numpy()  # type: ignore[attr-defined]
    sampler = _own("optuna.samplers._tpe.sampler")
    sampler._ParzenEstimator = estimator._ParzenEstimator  # type: ignore[attr-defined]
    sampler._solve_hssp = subset._solve_hssp  # type: ignore[attr-defined]
    made: type[TPESampler] = sampler.TPESampler
    return made


def _own(name: str) -> ModuleType:
    """A module of Optuna loaded again, under the same name but for us alone."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
