"""What a run asks of the place it is made in, and what it gets back: processes in a venv and containers alike."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from experiment.record import Outcome, Usage
from experiment.spec import Resources
from runner.capture import Captured
from runner.capture_tail import Logged
from runner.output import BoundedLog
from runner.source import SourceTree


@dataclass(frozen=True)
class Slot:
    """The share of the machine one run gets: processors it is bound to, GPUs it sees. None: all of them."""

    cpus: tuple[int, ...] | None = None
    gpus: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Task:
    """One run to be made: the tree it sees, and what is done there. Paths are relative to the root of the tree.

    `linked`: files that are not copied but linked (data, often large). `variables` come on top of the runtime's own.
    `metric_files` and `artifacts` are what is wanted back.
    """

    tree: SourceTree
    linked: tuple[str, ...]
    data: Mapping[str, str]  # those of `linked` with a digest: path -> SHA-256
    command: str  # placeholders filled
    variables: Mapping[str, str]
    seed: int
    determinism: str
    metric_files: tuple[str, ...]
    artifacts: tuple[str, ...]
    resources: Resources


@dataclass(frozen=True)
class Ears:
    """Who hears of a run while it goes on. `hear` gets each line printed; `tick`, about every half second, the seconds
    since the start and the points the recorder wrote since the last tick; `again` says that the run begins anew: what
    was heard is void.
    """

    hear: Callable[[str], None]
    tick: Callable[[float, Sequence[Logged]], None]
    again: Callable[[], None]


@dataclass(frozen=True, eq=False)
class Left:
    """What a run left. `root` is a folder here, laid out as the tree was, with at least the wanted files it wrote.

    `untouched`: metric files that are still the source tree's own. `retried`: why earlier attempts did not count.
    `reached`, `refused`: of a network with an allow-list, `host:port` -> bytes, and -> attempts in vain.
    """

    outcome: Outcome
    usage: Usage
    log: BoundedLog
    captured: Captured
    root: Path
    untouched: frozenset[str]
    retried: tuple[str, ...] = ()
    reached: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)


class Runtime(Protocol):
    """Makes runs in one environment; several threads may ask at once."""

    def run(self, task: Task, slot: Slot, work: Path, ears: Ears, cancelled: threading.Event) -> Left:
        """Make one run in the empty folder `work`. Raises CannotStore, CannotStart and other InfrastructureFailed."""

    def close(self) -> None:
        """Let go of everything that is held between runs."""
