"""`ml-experiment.yaml` as a value: what is run, in which environment, and how its result is judged."""

import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, StringConstraints, field_validator, model_validator

from experiment.command import check as check_placeholders
from experiment.units import Duration, Size
from experiment.value import Scalar, Value

FILE_NAME = "ml-experiment.yaml"

MetricName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./:@%+=\-]{1,64}$")]
"""Names as reports can show them without escaping."""

ParamName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.\-]{0,63}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
RelativePath = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Positive = Annotated[FiniteFloat, Field(gt=0)]
NotNegative = Annotated[FiniteFloat, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


class Goal(StrEnum):
    """Which way is good."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"


class EnvironmentSpec(Value):
    """Where the command runs: exactly one of a pinned image, a Dockerfile, a hash-locked venv, unless `prefer` chooses."""

    image: str | None = None
    dockerfile: RelativePath | None = None
    lock: RelativePath | None = None
    prefer: Literal["image", "dockerfile", "lock"] | None = None
    variables: tuple[str, ...] = ()
    """Names of environment variables handed to the run besides PATH, HOME and the locale; their values are recorded."""

    @model_validator(mode="after")
    def _exactly_one(self) -> "EnvironmentSpec":
        given = [name for name in ("image", "dockerfile", "lock") if getattr(self, name) is not None]
        if not given:
            raise ValueError("no environment: give one of image, dockerfile or lock")
        if self.prefer is None and len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are both given; keep one, or add 'prefer: {given[0]}'")
        if self.prefer is not None and self.prefer not in given:
            raise ValueError(f"prefer names {self.prefer}, which is not given")
        return self

    @property
    def chosen(self) -> Literal["image", "dockerfile", "lock"]:
        """The kind that is used."""
        if self.prefer is not None:
            return self.prefer
        return "image" if self.image is not None else "dockerfile" if self.dockerfile is not None else "lock"


class DataFile(Value):
    """A file the run reads. Without `sha256` its digest is recorded but not enforced."""

    path: RelativePath
    sha256: Sha256 | None = None


class Tolerance(Value):
    """How far equal-seed values may lie apart and still count as numeric noise: |c - b| <= abs + rel * |b|."""

    abs: NotNegative = 0.0
    rel: NotNegative = 0.0


class Metric(Value):
    """One metric: which way is good, what would not be minded, and whether it gates."""

    goal: Goal | None = None
    margin: Positive | None = None  # what you would not mind losing; units of the metric
    tolerance: Tolerance | None = None
    gate: bool = True
    last: Annotated[int, Field(ge=1)] | None = None  # mean of the last N points instead of the last one
    quantum: Positive | None = None  # the grid the metric lives on: 1 / N_test for accuracies
    series: Annotated[int, Field(ge=1)] | None = None  # which training of a script that trains more than once; last
    pattern: str | None = None  # regular expression with a group `value` (and perhaps `step`), searched in each line

    @field_validator("pattern")
    @classmethod
    def _has_a_value_group(cls, pattern: str | None) -> str | None:
        if pattern is None:
            return None
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        if "value" not in compiled.groupindex:
            raise ValueError("the pattern needs a group named value: (?P<value>[-+.0-9eE]+)")
        return pattern


class Evaluate(Value):
    """Sealed evaluation: the base commit's code scores the model on held-out data."""

    command: str
    data: tuple[DataFile, ...] = ()


class Resources(Value):
    """What one run may use."""

    gpus: Annotated[int, Field(ge=0)] = 0
    cpus: Annotated[int, Field(ge=1)] | None = None  # None: all of them, one run at a time
    memory: Size | None = None
    shm: Size | None = None
    disk: Size | None = None
    timeout: Duration = 6 * 3600.0
    network: Literal["none", "host"] | tuple[str, ...] = "none"


class Gate(Value):
    """What fails the check. `non-inferior`: not regressed and, where a margin is declared, shown to be within it."""

    reproduce: Literal["required", "report"] = "required"
    baseline: Literal["non-inferior", "equivalent", "report"] = "non-inferior"
    no_baseline: Literal["fail", "pass"] = "fail"


class BaselineSpec(Value):
    """Where the stored baseline is: a file (default baselines/<experiment>.json) or an MLflow model alias."""

    file: RelativePath | None = None
    mlflow: Annotated[str, StringConstraints(pattern=r"^models:/[^/@]+@[^/@]+$")] | None = None

    @model_validator(mode="after")
    def _not_both(self) -> "BaselineSpec":
        if self.file is not None and self.mlflow is not None:
            raise ValueError("file and mlflow are both given; keep one")
        return self


class Range(Value):
    """A dimension of a search space: `float: [low, high]`, `int: [low, high]` or `choice: [...]`."""

    float_: Annotated[tuple[FiniteFloat, FiniteFloat] | None, Field(alias="float")] = None
    int_: Annotated[tuple[int, int] | None, Field(alias="int")] = None
    choice: Annotated[tuple[Scalar, ...], Field(min_length=1)] | None = None
    log: bool = False
    step: Positive | None = None

    @model_validator(mode="after")
    def _possible(self) -> "Range":
        given = [d for d in (self.float_, self.int_, self.choice) if d is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of float, int or choice")
        bounds = self.float_ or self.int_
        if bounds is None:
            if self.log or self.step is not None:
                raise ValueError("log and step belong to float or int, not to choice")
            return self
        if bounds[0] > bounds[1]:
            raise ValueError(f"low {bounds[0]} is above high {bounds[1]}")
        if self.log and bounds[0] <= 0:
            raise ValueError(f"log needs a low above 0, not {bounds[0]}")
        if self.log and self.step is not None:
            raise ValueError("log and step cannot be combined")
        return self


class Sweep(Value):
    """A hyper-parameter study."""

    trials: Annotated[int, Field(ge=1)] = 50
    parallelism: Annotated[int, Field(ge=1)] = 1
    sampler: Literal["tpe", "gp", "cmaes", "nsga2", "nsga3", "qmc", "random", "grid"] = "tpe"
    order: Literal["recorded", "window"] = "recorded"
    objective: Annotated[dict[MetricName, Goal], Field(min_length=1)]
    space: Annotated[dict[ParamName, Range], Field(min_length=1)]


class Notify(Value):
    """Whom to tell, on which outcomes."""

    on: Annotated[tuple[str, ...], Field(min_length=1)]
    url: str


_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}$"


class Experiment(Value):
    """The whole experiment file. Paths are relative to the folder it lies in."""

    experiment: Annotated[str, StringConstraints(pattern=_NAME)]
    environment: EnvironmentSpec
    command: Annotated[str, StringConstraints(min_length=1)]
    params: dict[ParamName, Scalar] = {}
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0, 1, 2, 3, 4)
    determinism: Literal["strict", "seeds", "off"] = "strict"
    data: tuple[DataFile, ...] = ()
    metrics: dict[MetricName, Metric] = {}
    metric_files: tuple[RelativePath, ...] = ()
    artifacts: tuple[RelativePath, ...] = ()
    evaluate: Evaluate | None = None
    resources: Resources = Resources()
    gate: Gate = Gate()
    baseline: BaselineSpec = BaselineSpec()
    sweep: Sweep | None = None
    notify: tuple[Notify, ...] = ()
    hooks: tuple[str, ...] = ()

    @field_validator("seeds")
    @classmethod
    def _different(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        twice = next((seed for seed in seeds if seeds.count(seed) > 1), None)
        if twice is not None:
            raise ValueError(f"seed {twice} is listed twice")
        return seeds

    @model_validator(mode="after")
    def _placeholders_are_known(self) -> "Experiment":
        check_placeholders(self.command, self.params)
        return self

    @property
    def baseline_file(self) -> str:
        """Path of the stored baseline, relative to the experiment's folder."""
        return self.baseline.file or f"baselines/{self.experiment}.json"
