"""`ml-experiment.yaml` as a value: what is run, in which environment, and how its result is judged."""

import re
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, StringConstraints, field_validator, model_validator

from experiment import names
from experiment.command import check as check_placeholders
from experiment.command import variable
from experiment.names import (
    EXPERIMENT_NAME,
    MODEL_ALIAS,
    ArgumentName,
    MetricName,
    NotNegative,
    ParamName,
    Positive,
    RelativePath,
    Seed,
    Sha256,
)
from experiment.search import Sweep, check_against, check_registration
from experiment.units import Duration, Size
from experiment.value import Scalar, Value

FILE_NAME = "ml-experiment.yaml"

Goal = names.Goal  # where those who judge metrics look for it


class Build(Value):
    """How the Dockerfile is built."""

    args: dict[ArgumentName, str] = {}
    """Build arguments; `--build-arg NAME=VALUE` on the command line overrides them."""
    network: Literal["default", "none", "host"] = "default"
    """What the build reaches: the engine's own network, nothing, or all that the machine reaches."""
    context: RelativePath = "."
    """The folder COPY copies from, relative to the experiment's. Only files that git knows are in it."""
    target: str | None = None
    """The stage to build; without it the last one."""


class EnvironmentSpec(Value):
    """Where the command runs: exactly one of an image, a Dockerfile or a lock, unless `prefer` chooses."""

    image: str | None = None
    """A container image, pulled by digest (`name@sha256:…`); a tag without a digest is refused."""
    dockerfile: RelativePath | None = None
    """A Dockerfile that is built; every FROM pinned by digest."""
    build: Build = Build()
    """How the Dockerfile is built: arguments, network, context, stage."""
    lock: RelativePath | None = None
    """A hash-locked requirements file, `uv.lock` or `pylock.toml`: a virtual environment, no container engine."""
    prefer: Literal["image", "dockerfile", "lock"] | None = None
    """Which one to use where several are given."""
    variables: tuple[str, ...] = ()
    """Names of environment variables handed to the run besides PATH, HOME and the locale; their values are recorded."""

    @model_validator(mode="after")
    def _exactly_one(self) -> "EnvironmentSpec":
        given = [name for name in ("image", "dockerfile", "lock") if getattr(self, name) is not None]
        if not given:
            raise ValueError("no environment: give one of image, dockerfile or lock")
        if self.prefer is None and len(given) > 1:
            names = f"{', '.join(given[:-1])} and {given[-1]}"
            both = "both" if len(given) == 2 else "all"
            raise ValueError(f"{names} are {both} given; keep one, or add 'prefer: {given[0]}'")
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
    """Where the file lies, relative to the experiment's folder."""
    sha256: Sha256 | None = None
    """SHA-256 of the whole file, 64 lower-case hexadecimal digits; `ml-experiment pin` writes it."""


class Tolerance(Value):
    """How far equal-seed values may lie apart and still count as numeric noise: `|c - b| <= abs + rel * |b|`."""

    abs: NotNegative = 0.0
    """Allowed distance in units of the metric."""
    rel: NotNegative = 0.0
    """Allowed distance as a fraction of the baseline's value."""


class Metric(Value):
    """One metric: which way is good, what would not be minded, and whether it gates."""

    goal: Goal | None = None
    """Which way is good. Without it a difference is only ever `changed`, never `improved` or `regressed`."""
    margin: Positive | None = None
    """What you would not mind losing, in units of the metric. Without it: two standard deviations of seed noise."""
    tolerance: Tolerance | None = None
    """How far values of equal seeds may differ and still be numeric noise; default: rel 1e-6."""
    gate: bool = True
    """Whether the metric can fail the check; `false`: it is only shown."""
    last: Annotated[int, Field(ge=1)] | None = None
    """Use the mean of the last N points of the curve instead of its last point: for noisy curves."""
    quantum: Positive | None = None
    """The grid the metric lives on, 1 / N for an accuracy over N test examples: noise is never taken to be smaller."""
    series: Annotated[int, Field(ge=1)] | None = None
    """Which training counts in a script that trains more than once, from 1; default: the last."""
    pattern: str | None = None
    """Regular expression searched in each line of output, with a group `value` and perhaps a group `step`."""

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
    """The command that scores the model; the same placeholders as `command`."""
    data: tuple[DataFile, ...] = ()
    """Held-out files that only this command sees."""


class Resources(Value):
    """What one run may use."""

    gpus: Annotated[int, Field(ge=0)] | Annotated[FiniteFloat, Field(gt=0, lt=1)] = 0
    """GPUs of one run; `0.5`: two runs share one, whose memory nobody divides for them."""
    cpus: Annotated[int, Field(ge=1)] | None = None
    """Processors of one run; without it a run gets all of them and runs go one after another."""
    memory: Size | None = None
    """Memory of one run: `16GiB`. Seeds run side by side only as far as it allows; a container enforces it."""
    shm: Size | None = None
    """Shared memory (/dev/shm) in a container: `2GiB`; data loaders need it."""
    disk: Size | None = None
    """Space for files the run writes, enforced in a container: `20GiB`."""
    timeout: Duration = 6 * 3600.0
    """Wall time of one run: `90s`, `30min`, `2h`. More than this ends it as `timeout`."""
    network: Literal["none", "host"] | tuple[str, ...] = "none"
    """What a container may reach: nothing, all that the machine reaches, or the listed host names."""


class Gate(Value):
    """What fails the check."""

    reproduce: Literal["required", "report"] = "required"
    """Whether a second run of the same commit and seed has to give the same result, or is only reported."""
    baseline: Literal["non-inferior", "equivalent", "report"] = "non-inferior"
    """What the baseline asks. `non-inferior`: not regressed and, where a margin is declared, shown to be within it."""
    no_baseline: Literal["fail", "pass"] = "fail"
    """What happens while there is no baseline: exit code 4 (`fail`) or 0 (`pass`)."""


class Stages(Value):
    """How many runs are spent before looking, and how readily more are."""

    first: Annotated[int, Field(ge=1)] = 1
    """Runs of the first stage. As many as there are seeds, or more: all are run at once."""
    escalate: Annotated[FiniteFloat, Field(gt=0, lt=1)] = 0.2
    """How often an unchanged commit is run on all seeds: 0.2 stops inside what 80 % of such results give."""


class BaselineSpec(Value):
    """Where the stored baseline is: a file (default `baselines/<experiment>.json`) or an MLflow model alias."""

    file: RelativePath | None = None
    """Path of the baseline's file; default `baselines/<experiment>.json`."""
    mlflow: Annotated[str, StringConstraints(pattern=MODEL_ALIAS)] | None = None
    """Alias of a model in MLflow's registry: `models:/primaries@baseline`."""

    @model_validator(mode="after")
    def _not_both(self) -> "BaselineSpec":
        if self.file is not None and self.mlflow is not None:
            raise ValueError("file and mlflow are both given; keep one")
        return self


class Notify(Value):
    """Whom to tell, on which outcomes."""

    on: Annotated[tuple[str, ...], Field(min_length=1)]
    """Verdicts, or `error`."""
    url: str
    """Where to send it; `${NAME}` is taken from the environment."""


class Experiment(Value):
    """The whole experiment file. Paths are relative to the folder it lies in."""

    experiment: Annotated[str, StringConstraints(pattern=EXPERIMENT_NAME)]
    """The experiment's name; default: the folder's."""
    environment: EnvironmentSpec
    """Where the command runs: exactly one of `lock`, `image`, `dockerfile`."""
    command: Annotated[str, StringConstraints(min_length=1)]
    """The shell command of one run. `{seed}` and `{parameter}` are replaced, quoted; `{{name}}` stands for `{name}`."""
    params: dict[ParamName, Scalar] = {}
    """Parameters and their values; each is also in the environment variable `ML_EXPERIMENT_PARAM_<NAME>`."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0, 1, 2, 3, 4)
    """The seeds to run, all different; how many of them are spent is decided as the results come in."""
    stages: Stages = Stages()
    """How many seeds are run first, and when the others are."""
    alpha: Annotated[FiniteFloat, Field(gt=0, lt=1)] = 0.01
    """How often an unchanged commit may be called improved, regressed or changed, over all gated metrics together."""
    pairing: Literal["none", "seed"] = "none"
    """`seed`: compare runs of equal seeds as pairs, where a seed moves both sides alike (same split, same start)."""
    determinism: Literal["strict", "seeds", "off"] = "strict"
    """What is set before the code starts: seeds and deterministic algorithms, seeds alone, or nothing."""
    data: tuple[DataFile, ...] = ()
    """Files the run reads. Files that are read without being declared are reported."""
    metrics: dict[MetricName, Metric] = {}
    """The metrics to judge, by name."""
    metric_files: tuple[RelativePath, ...] = ()
    """JSON, YAML or CSV files with metrics that the command writes."""
    artifacts: tuple[RelativePath, ...] = ()
    """Files the command leaves that belong to its result: they are hashed."""
    evaluate: Evaluate | None = None
    """Scoring by the base commit's code on held-out data."""
    resources: Resources = Resources()
    """What one run may use."""
    gate: Gate = Gate()
    """What fails the check."""
    baseline: BaselineSpec = BaselineSpec()
    """Where the stored baseline is."""
    sweep: Sweep | None = None
    """A hyper-parameter study, run by `ml-experiment sweep`."""
    notify: tuple[Notify, ...] = ()
    """Whom to tell."""
    hooks: tuple[str, ...] = ()
    """Python modules with callbacks (pluggy plugins)."""

    @field_validator("seeds")
    @classmethod
    def _different(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        seen: set[int] = set()
        for seed in seeds:
            if seed in seen:
                raise ValueError(f"seed {seed} is listed twice")
            seen.add(seed)
        return seeds

    @field_validator("params")
    @classmethod
    def _distinct(cls, params: dict[str, Scalar]) -> dict[str, Scalar]:
        taken: dict[str, str] = {}
        for name in params:
            if name == "seed":
                raise ValueError("'seed' is not a parameter: its values are listed under 'seeds'")
            other = taken.setdefault(variable(name), name)
            if other != name:
                raise ValueError(f"{other} and {name} would share the environment variable {variable(name)}")
        return params

    @model_validator(mode="after")
    def _sweep_fits(self) -> "Experiment":
        if self.sweep is not None:
            check_against(self.sweep, self.params, self.command)
            check_registration(self.sweep, self.artifacts)
        return self

    @model_validator(mode="after")
    def _placeholders_are_known(self) -> "Experiment":
        swept = self.sweep.space if self.sweep else {}
        known = list(dict.fromkeys(["seed", *self.params, *swept]))
        check_placeholders(self.command, known)
        if self.evaluate is not None:
            check_placeholders(self.evaluate.command, known, of="evaluate.command")
        return self

    @property
    def baseline_file(self) -> str:
        """Path of the stored baseline, relative to the experiment's folder."""
        return self.baseline.file or f"baselines/{self.experiment}.json"
