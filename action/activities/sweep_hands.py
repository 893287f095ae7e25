"""Who makes the runs of a sweep: this machine, share by share, or the workers of a cluster."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from action.activities.session import Cache, Made, Session
from runner.schedule import slots, usable_processors
from runner.sweep.bay import Bay, Here
from runner.sweep.crew import Crew, Make
from runner.sweep.drive import Executor


class Hands(Protocol):
    """They run trials, and after them the best one on fresh seeds."""

    @property
    def many(self) -> int:
        """How many runs are made side by side, as far as that is known now."""

    @property
    def machines(self) -> tuple[str, ...]:
        """Hardware classes of other machines that runs are made on; none where all is made on this one."""

    def executor(self, make: Make[Bay]) -> AbstractContextManager[Executor]:
        """What runs trials, each made by `make`; at its end nothing runs."""

    def runs(self, session: Session, seeds: Sequence[int], reuse: Cache, note: str) -> list[Made]:
        """A run for each seed, as `Session.runs` makes them."""


@dataclass(frozen=True)
class OwnHands:
    """Shares of this machine."""

    bays: tuple[Here, ...]
    machines: tuple[str, ...] = ()

    @property
    def many(self) -> int:
        """As many as there are shares."""
        return len(self.bays)

    def executor(self, make: Make[Bay]) -> AbstractContextManager[Executor]:
        """A thread for each share."""
        return Crew[Bay](self.bays, make)

    def runs(self, session: Session, seeds: Sequence[int], reuse: Cache, note: str) -> list[Made]:
        """A run for each seed."""
        return session.runs(seeds, reuse, note)


def own_hands(session: Session, most: int) -> OwnHands:
    """As many shares as there are, and at most `most`."""
    shares = slots(session.experiment.resources, session.prepared.hardware, usable_processors())
    return OwnHands(tuple(Here(session.store, share) for share in shares[:most]))
