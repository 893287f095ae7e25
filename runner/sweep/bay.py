"""Where the runs of a sweep are made: a share of this machine, or a worker elsewhere that answers like one."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from runner.environment.prepared import Prepared
from runner.execute import Bench, Finished, Job, SeenPoint, execute
from runner.runtime import Slot
from runner.store import Store


class Bay(Protocol):
    """One of the places runs are made in; a run at a time."""

    def prepared(self, own: Prepared, /) -> Prepared:
        """The environment runs get here; `own` is the one of this machine's session."""

    def run(self, job: Job, seen: Callable[[SeenPoint], None], ended: threading.Event) -> Finished:
        """Make the run, and record it in this machine's store; `seen` gets the points of its curves as they come.

        Raises what `execute` raises, and WorkerLost.
        """


@dataclass(frozen=True)
class Here:
    """A share of this machine."""

    store: Store
    slot: Slot

    def prepared(self, own: Prepared) -> Prepared:
        """This machine's own."""
        return own

    def run(self, job: Job, seen: Callable[[SeenPoint], None], ended: threading.Event) -> Finished:
        """Make the run in this share."""
        return execute(job, Bench(self.store, self.slot, lambda _progress: None, ended, seen))
