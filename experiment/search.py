"""The sweep of an experiment file: a space, what is wanted of it, and how it is searched; impossible ones refused."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator

from experiment.command import placeholders, variable
from experiment.names import Goal, MetricName, ParamName, Positive, Seed
from experiment.registration import Registration
from experiment.sweep_policy import First, Limits
from experiment.units import Duration
from experiment.value import Scalar, Value

Sampler = Literal["tpe", "gp", "cmaes", "nsga2", "nsga3", "qmc", "random", "grid"]
SEVERAL_OBJECTIVES = ("tpe", "gp", "nsga2", "nsga3", "qmc", "random", "grid")
CONSTRAINED = ("tpe", "gp", "nsga2", "nsga3")
MOST_POINTS = 100_000
CONDITIONAL = ("tpe", "random", "nsga2", "nsga3")


class WrongSpace(ValueError):
    """What a sweep asks for cannot be done. `where` is its key in the file."""

    def __init__(self, what: str, *where: str) -> None:
        super().__init__(what)
        self.where = where


class Range(Value):
    """A dimension of a search space: `float: [low, high]`, `int: [low, high]` or `choice: [...]`."""

    float_: Annotated[tuple[FiniteFloat, FiniteFloat] | None, Field(alias="float")] = None
    """Lowest and highest number."""
    int_: Annotated[tuple[int, int] | None, Field(alias="int")] = None
    """Lowest and highest whole number, both possible."""
    choice: Annotated[tuple[Scalar, ...], Field(min_length=1)] | None = None
    """The values to choose from."""
    log: bool = False
    """Whether equal factors are equally likely, instead of equal distances."""
    step: Positive | None = None
    """Distance between neighbouring values; without it every value between the two is possible."""
    when: dict[ParamName, Annotated[tuple[Scalar, ...], Field(min_length=1)]] = {}
    """Only where these parameters of the space have one of these values; elsewhere the value under `params` holds."""

    @model_validator(mode="after")
    def _possible(self) -> "Range":
        given = [d for d in (self.float_, self.int_, self.choice) if d is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of float, int or choice")
        bounds = self.float_ or self.int_
        if bounds is None:
            self._check_choice()
            return self
        low, high = bounds
        if low > high:
            raise ValueError(f"low {low} is above high {high}; a range is [low, high]")
        if self.log and low <= 0:
            raise ValueError(f"log needs a low above 0, not {low}; raise it, or leave log out")
        if self.log and self.step is not None:
            raise ValueError("log and step cannot be combined")
        if self.step is not None:
            self._check_step(low, high, self.step)
        return self

    def _check_choice(self) -> None:
        if self.log or self.step is not None:
            raise ValueError("log and step belong to float or int, not to choice")
        for one, other in itertools.combinations(self.choice or (), 2):
            if one == other:
                raise ValueError(f"choice has {one!r} and {other!r}, which are equal; keep one")

    def _check_step(self, low: float, high: float, step: float) -> None:
        if self.int_ is not None and step != int(step):
            raise ValueError(f"the step between whole numbers is a whole number, not {step}")
        first, last, by = (Fraction(str(number)) for number in (low, high, step))
        if (last - first) % by:
            reached = first + (last - first) // by * by
            raise ValueError(
                f"steps of {step} from {low} do not reach {high}; the last one before it is {float(reached):.15g}"
            )

    @property
    def values(self) -> tuple[Scalar, ...] | None:
        """All values it can take, in order; None where they cannot be counted."""
        if self.choice is not None:
            return self.choice
        if self.int_ is not None:
            return tuple(range(self.int_[0], self.int_[1] + 1, int(self.step or 1)))
        if self.float_ is not None and self.step is not None:
            first, last, by = (Fraction(str(number)) for number in (*self.float_, self.step))
            return tuple(float(first + by * i) for i in range(int((last - first) / by) + 1))
        return None

    @property
    def count(self) -> int | None:
        """How many values it can take; None where they cannot be counted."""
        if self.choice is not None:
            return len(self.choice)
        bounds = self.float_ or self.int_
        assert bounds is not None
        step = self.step or (1 if self.int_ is not None else None)
        if step is None:
            return None
        return int((Fraction(str(bounds[1])) - Fraction(str(bounds[0]))) / Fraction(str(step))) + 1

    def holds(self, value: Scalar) -> bool:
        """Whether the value lies in it."""
        if self.choice is not None:
            return any(type(value) is type(one) and value == one for one in self.choice)
        if isinstance(value, (bool, str)):
            return False
        bounds = self.float_ or self.int_
        assert bounds is not None
        inside = bounds[0] <= value <= bounds[1] and (self.int_ is None or isinstance(value, int))
        if not inside or self.step is None:
            return inside
        return (Fraction(str(value)) - Fraction(str(bounds[0]))) % Fraction(str(self.step)) == 0

    def active(self, chosen: Mapping[str, Scalar]) -> bool:
        """Whether it is searched where the parameters before it have the values `chosen`."""
        return all(name in chosen and chosen[name] in values for name, values in self.when.items())


class Bound(Value):
    """What a metric must keep for a trial to count as possible: `min`, `max` or both."""

    min: FiniteFloat | None = None
    """The lowest value that is allowed."""
    max: FiniteFloat | None = None
    """The highest value that is allowed."""

    @model_validator(mode="after")
    def _says_something(self) -> "Bound":
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self

    def excess(self, value: float) -> float:
        """How far `value` lies outside, in units of the metric; 0 or less inside."""
        over = [value - self.max] if self.max is not None else []
        under = [self.min - value] if self.min is not None else []
        return max(over + under)


class Sweep(Value):
    """A hyper-parameter study."""

    trials: Annotated[int, Field(ge=1)] = 50
    """Number of trials."""
    time: Duration | None = None
    """No new trial is begun after this time: `8h`."""
    gpu_hours: Positive | None = None
    """No new trial is begun once the trials used so many GPU-hours."""
    parallelism: Annotated[int, Field(ge=1)] = 1
    """Trials that run side by side, as far as `resources` let them."""
    sampler: Sampler = "tpe"
    """How the next trial is chosen (Optuna's samplers)."""
    pruner: Literal["none", "median", "halving", "hyperband"] = "none"
    """How a trial that goes badly is ended early (Optuna's pruners), judged by the objective's curve."""
    order: Literal["recorded", "window"] = "recorded"
    """How results are told to the sampler, so that a study can be repeated."""
    seed: Seed = 0
    """Seed of the study: of what the sampler draws, and of every trial's own seed."""
    seeds: Annotated[int, Field(ge=1, le=100)] = 1
    """Runs of each trial, each with a seed of its own; their mean is the trial's value."""
    start: Literal["sampler", "params", "baseline"] = "sampler"
    """What the first trial is: the sampler's choice, the values under `params`, or those of the stored baseline."""
    objective: Annotated[dict[MetricName, Goal], Field(min_length=1)]
    """Metric and direction; several make a multi-objective study."""
    constraints: dict[MetricName, Bound] = {}
    """Metrics and the bounds they must keep: the best trial is looked for among those that do."""
    space: Annotated[dict[ParamName, Range], Field(min_length=1)]
    """Parameter and its range; `{parameter}` may then stand in the command."""
    on_pull_request: Literal["none", "best", "all"] | First = "none"
    """What a pull request makes again: nothing, the best trial, or besides all trials of the record."""
    limits: Limits = Limits()
    """The most that a sweep started by hand on GitHub may take, as the default branch has it."""
    register_: Annotated[Registration | None, Field(alias="register")] = None
    """Put the best trial's model into MLflow's registry."""

    @model_validator(mode="after")
    def _can_be_done(self) -> "Sweep":
        several = len(self.objective) > 1
        if several and self.sampler not in SEVERAL_OBJECTIVES:
            raise WrongSpace(
                f"{self.sampler} searches for one objective, {len(self.objective)} are given; "
                f"samplers for several: {_listed(SEVERAL_OBJECTIVES)}", "sweep", "sampler",
            )  # fmt: skip
        if several and self.pruner != "none":
            raise WrongSpace(
                "a pruner judges one objective, several are given; leave it out, or search for one", "sweep", "pruner"
            )
        if self.pruner != "none" and self.seeds > 1:
            raise WrongSpace(
                "a pruner judges the curve of one run; a trial has several (sweep.seeds)", "sweep", "pruner"
            )
        if self.constraints and self.sampler not in CONSTRAINED:
            raise WrongSpace(
                f"{self.sampler} does not know constraints; samplers that do: {_listed(CONSTRAINED)}",
                "sweep",
                "sampler",
            )
        self._check_sampler()
        self._check_conditions()
        return self

    def _check_sampler(self) -> None:
        for name, range_ in self.space.items():
            if range_.when and self.sampler not in CONDITIONAL:
                raise WrongSpace(
                    f"{self.sampler} cannot search a parameter that is not always there ('when'); "
                    f"samplers that can: {_listed(CONDITIONAL)}", "sweep", "space", name,
                )  # fmt: skip
            if self.sampler == "grid" and range_.count is None:
                what = "grid needs a countable range: add a step, or list the values as choice"
                raise WrongSpace(what, "sweep", "space", name)
        if self.sampler == "grid" and self.grid_size > MOST_POINTS:
            what = f"the grid has {self.grid_size:.3g} points, more than {MOST_POINTS}; take fewer values, or a sampler"
            raise WrongSpace(what, "sweep", "space")
        if self.sampler == "cmaes" and all(range_.choice is not None for range_ in self.space.values()):
            raise WrongSpace("cmaes searches numbers, and every parameter is a choice", "sweep", "sampler")

    def _check_conditions(self) -> None:
        before: set[str] = set()
        for name, range_ in self.space.items():
            for parent, values in range_.when.items():
                where = ("sweep", "space", name, "when", parent)
                if parent not in before:
                    what = "a parameter of the space that stands above this one"
                    raise WrongSpace(f"'when' names {what}; found: {_listed(sorted(before)) or 'none'}", *where)
                allowed = self.space[parent].choice
                wrong = next((v for v in values if allowed is None or v not in allowed), None)
                if allowed is None or wrong is not None:
                    raise WrongSpace(f"{parent} never is {wrong!r}; 'when' names values of a choice", *where)
            before.add(name)

    @property
    def grid_size(self) -> int:
        """Number of points of the grid (sampler grid alone)."""
        size = 1
        for range_ in self.space.values():
            size *= range_.count or 1
        return size


def _listed(names: Collection[str]) -> str:
    return ", ".join(names)


def check_registration(sweep: Sweep, artifacts: Sequence[str]) -> None:
    """Whether there is one best trial, and one file of it to register. Raises WrongSpace."""
    if sweep.register_ is None:
        return
    if len(sweep.objective) > 1:
        raise WrongSpace("several objectives have a front and no best trial to register", "sweep", "register")
    try:
        sweep.register_.chosen(artifacts)
    except ValueError as error:
        raise WrongSpace(str(error), "sweep", "register") from None


def check_against(sweep: Sweep, params: Mapping[str, Scalar], command: str) -> None:
    """Whether the space goes together with fixed parameters and the command. Raises WrongSpace.

    A parameter may stand in both: its fixed value is what runs outside the sweep take, so it has to be a possible one.
    """
    taken = {variable(name): name for name in params}
    used = placeholders(command)
    for name, range_ in sweep.space.items():
        where = ("sweep", "space", name)
        if name == "seed":
            raise WrongSpace("'seed' is not a parameter: how many runs a trial has is 'sweep.seeds'", *where)
        other = taken.setdefault(variable(name), name)
        if other != name:
            raise WrongSpace(f"{other} and {name} would share the environment variable {variable(name)}", *where)
        if name in params and not range_.holds(params[name]):
            raise WrongSpace(
                f"params.{name} is {params[name]!r}, which is outside this range; widen the range, or change or remove "
                "the fixed value", *where,
            )  # fmt: skip
        if range_.when and name in used and name not in params:
            raise WrongSpace(
                f"{{{name}}} has no value in trials without it; give one under params, or read "
                f"the environment variable {variable(name)} in place of the placeholder", *where,
            )  # fmt: skip
    if sweep.start == "params":
        absent = [name for name, range_ in sweep.space.items() if name not in params and not range_.when]
        if absent:
            raise WrongSpace(f"no fixed value for {_listed(absent)}; add it under params", "sweep", "start")
