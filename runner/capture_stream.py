"""Reads the event files a recorder left. Whoever wrote them may be hostile: all is bounded, nothing is trusted."""

import json
import math
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

MAX_FILES = 10_000
MAX_BYTES = 1 << 30  # over all files of a run
MAX_LINE = 64 * 1024
MAX_EVENTS = 20_000_000
_FIELDS: dict[str, tuple[type, ...]] = {
    "start": (dict,),
    "metric": (str, str, str, int, float),
    "param": (str, str, str),
    "seeded": (str,),
    "seed": (str, str, str),
    "read": (str,),
    "write": (str,),
    "list": (str,),
    "mkdir": (str,),
    "library": (dict,),
    "gpu": (int,),
    "failed": (str, str),
}


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a stream: `time` in seconds since 1970, `fields` of the types its kind has."""

    kind: str
    time: float
    fields: tuple[Any, ...]


def files(stream: Path) -> list[Path]:
    """The event files of a run, oldest first; empty where there is no folder."""
    try:
        names = sorted(entry.name for entry in os.scandir(stream) if entry.name.endswith(".jsonl"))
    except OSError:
        return []
    return [stream / name for name in names[:MAX_FILES]]


def open_regular(path: Path) -> BinaryIO | None:
    """Open a file of the stream, or None for a link, a pipe, a device, and what is gone."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return None
    return os.fdopen(fd, "rb")


def events(stream: Path) -> Iterator[tuple[int, Event]]:
    """All events with the number of their file (one a process), each file in the order it was written."""
    left, count = MAX_BYTES, 0
    for process, path in enumerate(files(stream)):
        file = open_regular(path)
        if file is None:
            continue
        with file:
            while left > 0 and count < MAX_EVENTS and (line := file.readline(MAX_LINE)):
                left -= len(line)
                event = parse(line)
                if event is not None:
                    count += 1
                    yield process, event


def parse(line: bytes) -> Event | None:
    """One line as an event, or None for what is torn, garbage, or not of the form its kind has."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or len(found) < 2 or not isinstance(found[0], str):
        return None
    kind, time, *fields = found
    wanted = _FIELDS.get(kind)
    if wanted is None or len(fields) != len(wanted) or not _is(time, float) or not math.isfinite(time):
        return None
    if not all(_is(value, kind_of) for value, kind_of in zip(fields, wanted, strict=True)):
        return None
    return Event(kind, float(time), tuple(printable(value) if isinstance(value, str) else value for value in fields))


def printable(text: str) -> str:
    """`text` as UTF-8 can carry it: file names may hold bytes that are none."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _is(value: object, wanted: type) -> bool:
    if isinstance(value, bool):
        return False
    if wanted is float:
        return isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**53)
    if wanted is int:
        return isinstance(value, int) and abs(value) < 2**63
    return isinstance(value, wanted)
