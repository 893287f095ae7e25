"""What a finished sweep claims of its best trial, and what became of the claim when it was made again."""

from collections.abc import Collection
from enum import StrEnum
from itertools import count, islice
from typing import Annotated

from pydantic import Field, model_validator

from experiment.names import Goal
from experiment.snapshot import RunSummary
from experiment.value import Double, Scalar, Value


class Claim(Value):
    """The best trial's parameters on seeds that no trial used: for each seed the objective's value, and all it left."""

    trial: int
    metric: str
    goal: Goal
    seeds: Annotated[tuple[int, ...], Field(min_length=1)]
    values: Annotated[tuple[Double, ...], Field(min_length=1)]
    results: Annotated[tuple[str, ...], Field(min_length=1)]  # `experiment.record.result_digest` of the run

    @model_validator(mode="after")
    def _one_of_each(self) -> "Claim":
        if not len({*self.seeds}) == len(self.seeds) == len(self.values) == len(self.results):
            raise ValueError("not one value and one result for each seed")
        return self


class MadeAgain(Value):
    """The first `asked` trials of a record, made again. Without a difference and a problem they are all the same."""

    asked: int
    of: int  # trials the record has
    difference: str = ""  # the first one: trial, parameter or value, expected, found
    elsewhere: bool = False  # the record was made on another processor or with other libraries, which may explain it
    problem: str = ""  # why they could not be made again


class NoClaim(StrEnum):
    """Why there is no claim to judge."""

    NO_RECORD = "there is no record of a sweep"
    UNREADABLE = "the record of the sweep cannot be read"
    NOT_MADE = "the run left no sound verification of the sweep"
    SEVERAL = "a study of several objectives has a front, and no single best trial that claims a value"
    BADLY = "the record has no claim: no trial ended well, or the best one did not on fresh seeds"


class Verification(Value):
    """A sweep's record held against new runs. `claim` None: `no_claim` says why there is none to judge."""

    record: str  # path of the record, below the experiment's folder
    params: dict[str, Scalar] = {}  # of the best trial, as they were run
    claim: Claim | None = None
    no_claim: NoClaim | None = None
    why: str = ""  # more about that, where the record cannot be read
    before: Claim | None = None  # the base commit's, where the change brings a record of its own
    runs: tuple[RunSummary, ...] = ()  # on seeds of the claim, and on others that neither claim has
    again: MadeAgain | None = None
    changed: tuple[str, ...] = ()  # keys of the specification that are not as in the record
    lost: str = ""  # why the machine could not make it


def fresh_seeds(wanted: int, used: Collection[int]) -> tuple[int, ...]:
    """The smallest seeds that nobody used yet."""
    return tuple(islice((seed for seed in count() if seed not in used), wanted))
