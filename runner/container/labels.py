"""What is written on every object made in the engine: whose it is and until when; and how that is read back."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SESSION = "ml-experiment.session"
"""On what belongs to one session and goes with it: containers, volumes, networks."""
DATA = "ml-experiment.data"
"""On data volumes, which outlive their session: the digest of what is in them."""
_LEASE = "ml-experiment.lease"
_BOOT = "ml-experiment.boot"
_DEADLINE = "ml-experiment.deadline"
_ROLE = "ml-experiment.role"
_FILLED_BY = "ml-experiment.filled-by"
_MARK = "ml-experiment.mark"


@dataclass(frozen=True)
class Owner:
    """The session an object belongs to: its lease file, on the machine (boot) that has it, and the end of its patience.

    `deadline`: seconds since 1970. It counts only where nobody can see whether the lease is held.
    """

    session: str
    lease: Path
    boot: str
    deadline: float

    def labels(self, role: str) -> dict[str, str]:
        """The labels of an object of this session; `role` is for people who look."""
        return {SESSION: self.session, _ROLE: role, **self._whereabouts()}

    def data_labels(self, digest: str, mark: Path) -> dict[str, str]:
        """The labels of a data volume that this session fills; the session's end leaves it alone."""
        return {DATA: digest, _ROLE: "data", _FILLED_BY: self.session, _MARK: str(mark), **self._whereabouts()}

    def _whereabouts(self) -> dict[str, str]:
        return {_LEASE: str(self.lease), _BOOT: self.boot, _DEADLINE: str(int(self.deadline))}


def owner_of(labels: Mapping[str, str]) -> Owner | None:
    """Who made an object that has these labels; None where we did not."""
    session = labels.get(SESSION) or labels.get(_FILLED_BY)
    try:
        owner = Owner(str(session), Path(labels[_LEASE]), labels[_BOOT], float(int(labels[_DEADLINE])))
    except (KeyError, ValueError):
        return None
    # images may bring labels of their own: a lease has its session's name, or it is none of ours
    return owner if session and owner.lease.is_absolute() and owner.lease.name == f"{session}.lease" else None


def mark_of(labels: Mapping[str, str]) -> Path | None:
    """The file that says whether a data volume is complete, and when it was last used."""
    mark = labels.get(_MARK, "")
    return Path(mark) if mark.startswith("/") else None
