"""What a repository lets be done with its sweep: how far one may be taken, and what a pull request makes again."""

from typing import Annotated

from pydantic import Field

from experiment.names import Positive
from experiment.units import Duration
from experiment.value import Value


class First(Value):
    """The best trial, and the first trials of the record."""

    first: Annotated[int, Field(ge=1)]
    """How many trials of the record are made again and compared."""


class Limits(Value):
    """The most that a sweep started by hand on GitHub may take. The default branch's file decides."""

    trials: Annotated[int, Field(ge=1)] | None = None
    """Most trials; default: `sweep.trials`."""
    parallelism: Annotated[int, Field(ge=1)] | None = None
    """Most trials side by side; default: `sweep.parallelism`."""
    time: Duration | None = None
    """Longest time; default: `sweep.time`."""
    gpu_hours: Positive | None = None
    """Most GPU-hours; default: `sweep.gpu_hours`."""
