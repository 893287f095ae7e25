"""How patiently the forge is asked: pure decisions on what an answer means, when to ask again, and when to give up."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum

MOST_TRIES = 5
LONGEST_WAIT_S = 120.0
LONGEST_IN_ALL_S = 300.0
SECONDARY_S = 60.0
"""What GitHub asks for where a secondary limit names no time."""
BETWEEN_WRITES_S = 1.0
"""GitHub's own advice; 80 writes a minute are the limit."""

_MAKES = ("POST",)  # asked twice, it makes two
_SERVER_FAULTS = range(500, 600)


@dataclass(frozen=True)
class Answer:
    """What came back. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def message(self) -> str:
        """What the forge says of it, in a line."""
        try:
            tree = json.loads(self.body)
        except ValueError:
            tree = None
        said = tree.get("message") if isinstance(tree, dict) else None
        return f"{self.status} {said}" if isinstance(said, str) else str(self.status)


@dataclass(frozen=True)
class NoAnswer:
    """The connection broke, or time ran out."""

    why: str


class Meaning(Enum):
    """What an answer comes to when it is not asked again."""

    DONE = "done"
    MAY_NOT = "may not"
    NOT_THERE = "not there"
    CONFLICT = "conflict"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Again:
    """Ask again after so many seconds."""

    wait_s: float


@dataclass(frozen=True)
class Stop:
    """Do not ask again. `wait_s`: what was asked for, when that was too long."""

    meaning: Meaning
    wait_s: float = 0.0


def decide(verb: str, found: Answer | NoAnswer, tries: int, waited_s: float, now_s: float) -> Again | Stop:
    """What follows from an answer to the `tries`-th try (from 1) after `waited_s` seconds of waiting in all.

    `now_s` is the time of day in seconds since 1970, used where the answer has no date.
    """
    if isinstance(found, NoAnswer) or found.status in _SERVER_FAULTS:
        if verb in _MAKES:
            return Stop(Meaning.UNKNOWN)  # it may have been done before the answer was lost
        return _again(2.0 ** (tries - 1), tries, waited_s, Meaning.UNREACHABLE)
    if is_limited(found):
        wanted = _asked_wait(found, now_s)
        return _again(wanted, tries, waited_s, Meaning.BUSY)
    return Stop(_MEANINGS.get(found.status, Meaning.DONE if found.status < 400 else Meaning.CONFLICT))


_MEANINGS = {401: Meaning.MAY_NOT, 403: Meaning.MAY_NOT, 404: Meaning.NOT_THERE, 410: Meaning.NOT_THERE}


def is_limited(found: Answer) -> bool:
    """Whether this refusal is about how often, not about what: 429, or 403 that says so. Nothing was done then."""
    if found.status == 429:
        return True
    if found.status != 403:
        return False
    said = found.body.lower()
    return (
        "retry-after" in found.headers
        or found.headers.get("x-ratelimit-remaining") == "0"
        or "rate limit" in said
        or "abuse detection" in said
    )


def _again(wait_s: float, tries: int, waited_s: float, otherwise: Meaning) -> Again | Stop:
    if tries >= MOST_TRIES or wait_s > LONGEST_WAIT_S or waited_s + wait_s > LONGEST_IN_ALL_S:
        return Stop(otherwise, wait_s)
    return Again(wait_s)


def _asked_wait(found: Answer, now_s: float) -> float:
    """Seconds the forge asks to wait: by `Retry-After`, by the reset of the primary limit, else a minute."""
    said = found.headers.get("retry-after", "").strip()
    if said.isdigit() and len(said) < 10:
        return float(said)
    reset = found.headers.get("x-ratelimit-reset", "").strip()
    if found.headers.get("x-ratelimit-remaining") == "0" and reset.isdigit() and len(reset) < 16:
        return max(1.0, float(reset) - _date(found, now_s) + 1.0)
    return SECONDARY_S


def _date(found: Answer, now_s: float) -> float:
    """The forge's own clock, so that ours may be wrong."""
    try:
        return parsedate_to_datetime(found.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return now_s
