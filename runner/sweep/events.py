"""The events of a sweep: what the sampler and the pruner saw, in the order they saw it; one JSON line each."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from experiment.value import Double, Scalar, Value


class Began(Value):
    """The first line: what the study is."""

    event: Literal["began"] = "began"
    version: Literal[1] = 1
    study: str
    digest: str  # of what decides the table, see runner.sweep.lockfile
    machine: str  # CPU and BLAS that the suggestions were made with
    follows: str | None = None  # digest of the table of the record that is followed
    started: str  # ISO 8601, UTC


class Ask(Value):
    """Trial `trial` got its parameters. `attrs` and `study_attrs`: what the sampler noted, as it needs it again."""

    event: Literal["ask"] = "ask"
    trial: int
    params: dict[str, Scalar]
    attrs: dict[str, str] = {}  # each as JSON
    study_attrs: dict[str, str] = {}
    driven: Double = 0.0  # seconds the study was driven until then, over all runs of its driver


class Report(Value):
    """A trial reached a step with a value of the objective, and the pruner saw it."""

    event: Literal["report"] = "report"
    trial: int
    step: int
    value: Double
    attrs: dict[str, str] = {}  # what the pruner noted


class Prune(Value):
    """The pruner ended the trial."""

    event: Literal["prune"] = "prune"
    trial: int


class Result(Value):
    """A trial's runs ended. It is durable from here on, and seen by the sampler only when it is told."""

    event: Literal["result"] = "result"
    trial: int
    values: tuple[Double, ...] | None  # of the objectives, in their order; None where it failed
    constraints: dict[str, Double] = {}  # metric -> how far outside its bound
    reason: str = ""  # why it failed
    runs: tuple[str, ...] = ()  # folders of its runs
    seconds: Double = 0.0
    gpu_seconds: Double = 0.0
    driven: Double = 0.0
    cached: bool = False  # an earlier run stands in for one of its runs


class Tell(Value):
    """The sampler saw the trial's end."""

    event: Literal["tell"] = "tell"
    trial: int
    state: Literal["complete", "pruned", "failed"]
    study_attrs: dict[str, str] = {}
    attrs: dict[str, str] = {}


Event = Ask | Report | Prune | Result | Tell
_ADAPTER: TypeAdapter[Began | Event] = TypeAdapter(
    Annotated[Began | Ask | Report | Prune | Result | Tell, Field(discriminator="event")]
)


def to_line(event: "Began | Event") -> bytes:
    """One line with its end."""
    return event.model_dump_json().encode() + b"\n"


def from_line(line: bytes) -> "Began | Event":
    """The event of a line. ValueError (pydantic's is one) where it is none."""
    return _ADAPTER.validate_json(line)
