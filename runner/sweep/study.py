"""An Optuna study in memory, moved only by events: made by asking and telling, or built again from a log."""

import json
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from experiment.search import Sweep
from experiment.spec import Goal
from experiment.value import Scalar
from runner.sweep.events import Ask, Event, Prune, Report, Result, Tell
from runner.sweep.samplers import Samplers, distribution, pruner

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy

_DIRECTIONS: dict[Goal, Literal["minimize", "maximize"]] = {Goal.MINIMIZE: "minimize", Goal.MAXIMIZE: "maximize"}
_NAME = "sweep"  # Hyperband's brackets depend on the study's name


class Study:
    """What sampler and pruner see. Each of `ask`, `report` and `tell` gives the event that `insert` does again.

    `pruned_at`: trial -> step, in place of a pruner's judgement: that of a record of which only a part is made again,
    so that trials the pruner compared with then are not there now.
    """

    def __init__(
        self, sweep: Sweep, start: Mapping[str, Scalar] | None = None, pruned_at: Mapping[int, int] | None = None
    ) -> None:
        import optuna

        self._sweep = sweep
        self._samplers = Samplers(sweep)
        self._start = start
        self._pruned_at = pruned_at
        self._results: dict[int, Result] = {}
        self._pruned: set[int] = set()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.optuna: OptunaStudy = optuna.create_study(directions=directions(sweep), study_name=_NAME)
        self._storage = self.optuna._storage
        # when a trial is told, samplers evaluate constraints, which we have, or end a grid's `optimize`
        self._silent = optuna.samplers.RandomSampler(seed=0)

    def ask(self, trial: int) -> Ask:
        """Parameters for the next trial, whose number has to be `trial`."""
        before = self._study_attrs()
        self.optuna.sampler = self._samplers.of(trial)
        if trial == 0 and self._start is not None:
            self.optuna.enqueue_trial(dict(self._start))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = self.optuna.ask()
            assert made.number == trial
            params: dict[str, Scalar] = {}
            for name, range_ in self._sweep.space.items():
                if range_.active(params):
                    params[name] = made._suggest(name, distribution(range_))
        return Ask(
            trial=trial, params=params, attrs=_changed({}, self._trial_attrs(trial)), study_attrs=self._new(before)
        )

    def prepare(self, trial: int) -> None:
        """Do what the ask for `trial` needs and no event decides."""
        self._samplers.prepare(trial)

    def report(self, trial: int, step: int, value: float) -> tuple[Report, bool]:
        """A point of a running trial, and whether the pruner ends it there."""
        before = self._trial_attrs(trial)
        self._storage.set_trial_intermediate_value(trial, step, value)
        if self._pruned_at is not None:
            return Report(trial=trial, step=step, value=value), self._pruned_at.get(trial) == step
        found = self.optuna.get_trials(deepcopy=False)[trial]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ends = pruner(self._sweep).prune(self.optuna, found)
        noted = _changed(before, self._trial_attrs(trial))
        return Report(trial=trial, step=step, value=value, attrs=noted), bool(ends)

    def tell(self, result: Result) -> Tell:
        """The trial's end, as the sampler sees it."""
        from optuna.trial import TrialState

        before, noted = self._study_attrs(), self._trial_attrs(result.trial)
        pruned = result.trial in self._pruned
        # a pruned trial may have come to its end all the same, or not: nothing may depend on that
        for name, excess in () if pruned else result.constraints.items():
            self._storage.set_trial_system_attr(result.trial, f"constraints:{name}", excess)
        state = "pruned" if pruned else "failed" if result.values is None else "complete"
        told = {"pruned": TrialState.PRUNED, "failed": TrialState.FAIL, "complete": TrialState.COMPLETE}[state]
        values = None if state != "complete" else list(result.values or ())
        self.optuna.sampler = self._silent
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.optuna.tell(result.trial, values, state=told)
        changed = _changed(noted, self._trial_attrs(result.trial))
        return Tell.model_validate(
            {"trial": result.trial, "state": state, "study_attrs": self._new(before), "attrs": changed}
        )

    def insert(self, event: Event) -> None:
        """Do an event again that was read from a log, without asking sampler or pruner."""
        match event:
            case Ask():
                self._insert_trial(event)
            case Report():
                self._storage.set_trial_intermediate_value(event.trial, event.step, event.value)
            case Prune():
                self._pruned.add(event.trial)
            case Result():
                self._results[event.trial] = event
            case Tell():
                self._insert_end(event)
        for name, text in (event.attrs if isinstance(event, Report) else {}).items():
            self._storage.set_trial_system_attr(event.trial, name, json.loads(text))
        for name, text in (event.study_attrs if isinstance(event, (Ask, Tell)) else {}).items():
            self._storage.set_study_system_attr(self.optuna._study_id, name, json.loads(text))

    def _insert_trial(self, event: Ask) -> None:
        from optuna.trial import FrozenTrial, TrialState

        attrs = {name: json.loads(text) for name, text in event.attrs.items()}
        if event.trial == 0 and self._start is not None:
            self._start = None
        template = FrozenTrial(
            number=-1, trial_id=-1, state=TrialState.RUNNING, value=None, datetime_start=None, datetime_complete=None,
            params=dict(event.params), user_attrs={}, system_attrs=attrs, intermediate_values={},
            distributions={name: distribution(self._sweep.space[name]) for name in event.params},
        )  # fmt: skip
        self._storage.create_new_trial(self.optuna._study_id, template_trial=template)
        known = self._storage._studies[self.optuna._study_id].param_distribution  # type: ignore[attr-defined]
        known.update(template.distributions)

    def _insert_end(self, event: Tell) -> None:
        from optuna.trial import TrialState

        for name, text in event.attrs.items():
            self._storage.set_trial_system_attr(event.trial, name, json.loads(text))
        if event.state == "complete":
            result = self._results[event.trial]
            self._storage.set_trial_state_values(event.trial, TrialState.COMPLETE, list(result.values or ()))
        elif event.state == "pruned":
            points = self.optuna.get_trials(deepcopy=False)[event.trial].intermediate_values
            last = [points[max(points)]] if points else None
            self._storage.set_trial_state_values(event.trial, TrialState.PRUNED, last)
        else:
            self._storage.set_trial_state_values(event.trial, TrialState.FAIL)

    def _trial_attrs(self, trial: int) -> Mapping[str, Any]:
        return self._storage.get_trial_system_attrs(trial)

    def _study_attrs(self) -> Mapping[str, Any]:
        return self._storage.get_study_system_attrs(self.optuna._study_id)

    def _new(self, before: Mapping[str, Any]) -> dict[str, str]:
        return _changed(before, self._study_attrs())


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    """What was noted since, as JSON. Optuna's storage never changes what it gave: it puts another in its place."""
    other = {name: value for name, value in after.items() if name not in before or before[name] is not value}
    found = {name: json.dumps(value) for name, value in other.items()}
    return {name: text for name, text in found.items() if name not in before or json.dumps(before[name]) != text}


def directions(sweep: Sweep) -> list[Literal["minimize", "maximize"]]:
    """Of the objectives, as Optuna calls them."""
    return [_DIRECTIONS[goal] for goal in sweep.objective.values()]


def maximized(sweep: Sweep) -> list[bool]:
    """Which objectives are better when they are higher, in their order."""
    return [goal is Goal.MAXIMIZE for goal in sweep.objective.values()]
