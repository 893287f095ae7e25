"""Optuna's samplers and pruners, made so that what they suggest depends on the study, the seed and nothing else.

A fresh sampler with a seed of its own for every trial: there is no sampler state to keep, so a sweep can go on exactly
where it was killed. Kept is only what follows from told trials, and would be found again at some cost.
"""

import hashlib
import importlib.util
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from experiment.search import Range, Sweep
from experiment.value import Scalar
from runner.sweep.refusals import SamplerMissing
from runner.sweep.stable import tpe_sampler

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler, QMCSampler
    from optuna.search_space import IntersectionSearchSpace

DIGITS = 10
"""Significant digits of a suggestion: beyond them CMA-ES and GP follow the BLAS kernel."""


def to_digits(value: float) -> float:
    """Rounded to DIGITS significant digits."""
    return float(f"{value:.{DIGITS - 1}e}")


def seed_of(*parts: object) -> int:
    """A seed of 32 bits for what the parts name: blake2b of them, joined by colons."""
    text = ":".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")


def check_installed(sweep: Sweep) -> None:
    """Raise SamplerMissing where the sampler needs what is not installed."""
    if sweep.sampler == "gp" and importlib.util.find_spec("torch") is None:
        raise SamplerMissing(
            "sweep.sampler: gp needs PyTorch, which is not installed beside ml-experiment\n"
            "  pip install torch in the environment of ml-experiment, or choose another sampler, such as tpe\n"
            "nothing was run"
        )


def distribution(range_: Range) -> "BaseDistribution":
    """A range as Optuna has it."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if range_.choice is not None:
        return CategoricalDistribution(range_.choice)
    if range_.int_ is not None:
        return IntDistribution(*range_.int_, log=range_.log, step=int(range_.step or 1))
    assert range_.float_ is not None
    return FloatDistribution(*range_.float_, log=range_.log, step=range_.step)


def rounded(value: Scalar, range_: Range) -> Scalar:
    """A suggestion to DIGITS significant digits, inside the range; choices, whole and stepped numbers as they are."""
    if range_.float_ is None or range_.step is not None:
        return value
    low, high = range_.float_
    return min(max(to_digits(float(value)), low), high)


class Samplers:
    """Those of a sweep, each trial's its own."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._common: dict[str, IntersectionSearchSpace] = {}  # the parameters that all told trials have
        self._ready: dict[int, BaseSampler] = {}

    def prepare(self, trial: int) -> None:
        """Make the sampler of `trial` now, when nobody waits for it: that takes a fifth of the time of a short ask."""
        if trial not in self._ready:
            self._ready = {trial: self._fresh(trial)}

    def of(self, trial: int) -> "BaseSampler":
        """The sampler that suggests trial `trial`, its suggestions rounded."""
        return self._ready.pop(trial, None) or self._fresh(trial)

    def _fresh(self, trial: int) -> "BaseSampler":
        from optuna.search_space import IntersectionSearchSpace

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # experimental options: what they do is pinned with the version
            made = _raw(self._sweep, trial)
        for name, value in vars(made).items():
            if isinstance(value, IntersectionSearchSpace):
                setattr(made, name, self._common.setdefault(name, value))
        return _rounding()(made, self._sweep.space)


def _raw(sweep: Sweep, trial: int) -> "BaseSampler":
    from optuna import samplers

    seed = seed_of(sweep.seed, trial)
    makers: dict[str, Callable[[], BaseSampler]] = {
        "tpe": lambda: _tpe(sweep, seed),
        "gp": lambda: samplers.GPSampler(seed=seed),
        "cmaes": lambda: samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False),
        "nsga2": lambda: samplers.NSGAIISampler(seed=seed),
        "nsga3": lambda: samplers.NSGAIIISampler(seed=seed),
        "qmc": lambda: _numbered()(sweep, trial),
        "random": lambda: samplers.RandomSampler(seed=seed),
        "grid": lambda: samplers.GridSampler({n: r.values or () for n, r in sweep.space.items()}, seed=sweep.seed),
    }
    return makers[sweep.sampler]()


def _tpe(sweep: Sweep, seed: int) -> "BaseSampler":
    """With Optuna's defaults: constant liar; all parameters together for one objective, each alone for several."""
    conditional = any(range_.when for range_ in sweep.space.values())
    return tpe_sampler()(seed=seed, group=conditional, multivariate=True if conditional else None)


@cache
def _numbered() -> "Callable[[Sweep, int], QMCSampler]":
    """Makes QMC whose sample's number is the trial's: Optuna also counts samples of trials that never came to be."""
    from optuna.samplers import QMCSampler

    class Numbered(QMCSampler):
        def __init__(self, sweep: Sweep, trial: int) -> None:
            super().__init__(seed=sweep.seed, scramble=True, warn_independent_sampling=False)
            self._trial, self._space = trial, {name: distribution(range_) for name, range_ in sweep.space.items()}

        def infer_relative_search_space(self, *_: Any) -> "dict[str, BaseDistribution]":
            return {name: one for name, one in self._space.items() if not one.single()}

        def _find_sample_id(self, *_: Any) -> int:
            return self._trial

    return Numbered


@cache
def _rounding() -> "Callable[[BaseSampler, Mapping[str, Range]], BaseSampler]":
    """Makes of a sampler one whose suggestions are rounded."""
    from optuna.samplers import BaseSampler

    class Rounding(BaseSampler):
        def __init__(self, inner: BaseSampler, space: Mapping[str, Range]) -> None:
            self._inner, self._space = inner, space

        def infer_relative_search_space(self, study: Any, trial: Any) -> "dict[str, BaseDistribution]":
            return self._inner.infer_relative_search_space(study, trial)

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
            found = self._inner.sample_relative(study, trial, search_space)
            made = {name: rounded(value, self._space[name]) for name, value in found.items()}
            note = "tpe:relative_params:0"  # what TPE takes other running trials to be
            if note in study._storage.get_trial_system_attrs(trial._trial_id):
                study._storage.set_trial_system_attr(trial._trial_id, note, json.dumps(made))
                study._storage.set_trial_system_attr(trial._trial_id, "tpe:relative_params:1", "")
            return made

        def sample_independent(self, study: Any, trial: Any, name: str, dist: Any) -> Any:
            return rounded(self._inner.sample_independent(study, trial, name, dist), self._space[name])

        def before_trial(self, study: Any, trial: Any) -> None:
            self._inner.before_trial(study, trial)

        def after_trial(self, study: Any, trial: Any, state: Any, values: Sequence[float] | None) -> None:
            self._inner.after_trial(study, trial, state, values)

    return Rounding


def pruner(sweep: Sweep) -> "BasePruner":
    """A fresh pruner: those of Optuna keep what they found in a study."""
    from optuna import pruners

    match sweep.pruner:
        case "none":
            return pruners.NopPruner()
        case "median":
            return pruners.MedianPruner()
        case "halving":
            return pruners.SuccessiveHalvingPruner()
        case "hyperband":
            return pruners.HyperbandPruner()
