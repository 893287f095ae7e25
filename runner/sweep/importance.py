"""How much each parameter of a sweep mattered, by Optuna's PED-ANOVA, and how sure that is, by resampling trials."""

import math
import random
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from experiment.search import Sweep
from experiment.trials import Importances, Row, Share
from runner.sweep.samplers import distribution, to_digits
from runner.sweep.study import directions

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

FEWEST = 10
"""Complete trials below which nothing is said: the best tenth of them would be one trial."""
MOST_RESAMPLES, FEWEST_RESAMPLES = 200, 40
_VALUES = 100_000  # parameters of resampled trials that are looked at, which bounds the time to about a second


def importances(sweep: Sweep, table: Sequence[Row]) -> Importances | None:
    """Shares that sum to 1, from complete trials with finite values; None for fewer than `FEWEST` of them.

    PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023): how far the distribution of a parameter among the best tenth of
    trials is from that among all; with several objectives, among the tenth nearest to the Pareto front; conditional
    parameters as in its conditional form (2026). `low` and `high` are the 5 % and 95 % quantiles over bootstrap
    resamples of the trials. Drawn with a constant seed, and rounded, since the last digits follow the BLAS kernel:
    equal tables give equal shares.
    """
    rows = [row for row in table if row.state == "complete" and row.values and all(map(math.isfinite, row.values))]
    if len(rows) < FEWEST:
        return None
    space = {name: distribution(range_) for name, range_ in sweep.space.items()}
    trials = [_trial(space, row) for row in rows]
    resamples = max(FEWEST_RESAMPLES, min(MOST_RESAMPLES, _VALUES // (len(rows) * len(sweep.space))))
    draw = random.Random(0)
    found = _shares(sweep, trials)
    again = [_shares(sweep, draw.choices(trials, k=len(trials))) for _ in range(resamples)]
    ranked = sorted(sweep.space, key=lambda name: -found.get(name, 0.0))
    return Importances(
        shares={
            name: _share(found.get(name, 0.0), sorted(one.get(name, 0.0) for one in again)) for name in ranked
        },
        trials=len(rows),
        resamples=resamples,
    )  # fmt: skip


def _share(share: float, again: Sequence[float]) -> Share:
    last = len(again) - 1
    low, high = again[math.floor(0.05 * last)], again[math.ceil(0.95 * last)]
    return Share(share=to_digits(share), low=to_digits(low), high=to_digits(high))


def _trial(space: Mapping[str, "BaseDistribution"], row: Row) -> "FrozenTrial":
    from optuna.trial import FrozenTrial, TrialState

    return FrozenTrial(
        number=row.trial, trial_id=row.trial, state=TrialState.COMPLETE, value=None, values=list(row.values or ()),
        datetime_start=None, datetime_complete=None, params=dict(row.params), user_attrs={}, system_attrs={},
        intermediate_values={}, distributions={name: space[name] for name in row.params},
    )  # fmt: skip


def _shares(sweep: Sweep, trials: Sequence["FrozenTrial"]) -> dict[str, float]:
    """Optuna's evaluator over these trials, of which one may be there several times."""
    import copy

    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    told = []
    for number, trial in enumerate(trials):
        one = copy.copy(trial)
        one.number, one._trial_id = number, number  # the evaluator tells trials apart by them
        told.append(one)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of regimes with few trials: that is what the resamples show
        return get_param_importances(_told(sweep, told), evaluator=PedAnovaImportanceEvaluator())


def _told(sweep: Sweep, trials: "list[FrozenTrial]") -> "Study":
    """A study of these trials, without a storage that would copy each of them."""
    import optuna

    class Told(optuna.Study):
        def get_trials(self, deepcopy: bool = True, states: object = None) -> "list[FrozenTrial]":  # noqa: ARG002
            return trials

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    made = optuna.create_study(directions=directions(sweep))
    return Told(made.study_name, made._storage)
