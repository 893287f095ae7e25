"""How far a sweep may be taken: whoever starts it chooses the code, the default branch how much it may cost."""

from dataclasses import dataclass

from experiment.errors import Refused
from experiment.search import Sweep
from reporting.numbers import duration, plain

_KEYS = ("trials", "parallelism", "time", "gpu_hours")


class NoPolicy(Refused):
    """Nothing on the default branch says how far the sweep may go."""

    def __init__(self, path: str, branch: str, why: str) -> None:
        super().__init__(
            f"{path}: {why}, so nothing says how far a sweep of another branch may go\n"
            f"  expected: the experiment with its sweep on {branch or 'the default branch'}\n"
            "  merge it there first, or start the sweep on that branch\nnothing was run"
        )


@dataclass(frozen=True)
class Capped:
    """The sweep within its limits, and what had to be lowered."""

    sweep: Sweep
    lowered: tuple[str, ...]


def capped(sweep: Sweep, policy: Sweep, branch: str) -> Capped:
    """`sweep` within what the default branch's file allows: `sweep.limits`, else the values of its own sweep."""
    changed: dict[str, float] = {}
    said = []
    for key in _KEYS:
        limit = getattr(policy.limits, key)
        most = getattr(policy, key) if limit is None else limit
        asked = getattr(sweep, key)
        if most is None or (asked is not None and asked <= most):
            continue
        changed[key] = most
        told = "no limit" if asked is None else _shown(key, asked)
        said.append(
            f"{key}: {told} asked, {_shown(key, most)} is the most that {branch} allows (sweep.limits.{key} there)"
        )
    return Capped(sweep.model_copy(update=changed), tuple(said))


def _shown(key: str, value: float) -> str:
    return duration(value) if key == "time" else plain(value)
