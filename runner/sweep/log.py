"""The event log: the truth of a sweep. One line an event, in the order they happened; one driver at a time.

A log cut off anywhere is the log of a sweep that was killed there, and goes on to the same table. So nothing has to
wait for the disk but the record that is made of the whole: a thread syncs what was appended as soon as it can, together
with all that came meanwhile (a sync takes 1 to 7 ms, several times what the event itself does).
"""

import contextlib
import fcntl
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from experiment.atomic import write_whole
from runner.sweep.events import Ask, Began, Event, from_line, to_line
from runner.sweep.refusals import AnotherDriver, CannotLog, DamagedLog

_GATHER_S = 0.01  # a sync is for all that is appended in this time


def read(data: bytes, name: str) -> tuple[Began | None, list[Event], int]:
    """The first line, the events, and how many bytes of `data` they are: a last line that is torn is not one.

    Raises DamagedLog for a line in the middle that is no event.
    """
    began: Began | None = None
    events: list[Event] = []
    asked = whole = 0
    lines = data.split(b"\n")[:-1]
    for number, line in enumerate(lines, 1):
        try:
            found = from_line(line)
            if not (number == 1 if isinstance(found, Began) else _follows(found, number, asked)):
                raise ValueError("out of place")
        except (ValidationError, ValueError):
            if number == len(lines):  # the disk may have kept the end of a line and not its middle
                break
            raise DamagedLog(
                f"{name}:{number}: not an event of a sweep\n"
                "  the file was changed by something else; restore it, or remove it to begin the study anew\n"
                "nothing was run"
            ) from None
        whole += len(line) + 1
        if isinstance(found, Began):
            began = found
        else:
            asked += isinstance(found, Ask)
            events.append(found)
    return began, events, whole


def _follows(event: Event, line: int, asked: int) -> bool:
    """Whether it can be there: trials are asked for in the order of their numbers, before anything else of them."""
    return line > 1 and (event.trial == asked if isinstance(event, Ask) else 0 <= event.trial < asked)


@dataclass(frozen=True)
class Log:
    """An open log. `began` and `events` are what it held when it was opened."""

    path: Path
    fd: int
    began: Began | None
    events: tuple[Event, ...]
    disk: "_Disk"

    def anew(self, aside: Path) -> "Log":
        """The log emptied, what it held kept in `aside`. Raises CannotLog."""
        try:
            write_whole(aside, self.path.read_bytes())
            os.ftruncate(self.fd, 0)
        except OSError as error:
            raise CannotLog(f"{aside}: cannot be written: {error.strerror}\nnothing was run") from None
        return replace(self, began=None, events=())

    def append(self, event: Began | Event) -> None:
        """Write the event: being killed does not lose it, and a power cut does not a moment later. Raises CannotLog."""
        data = to_line(event)
        if self.disk.failed is not None:
            raise self._cannot(self.disk.failed)
        try:
            start = os.fstat(self.fd).st_size
            try:
                while data:
                    data = data[os.write(self.fd, data) :]
            except OSError:
                os.ftruncate(self.fd, start)
                raise
        except OSError as error:
            raise self._cannot(error) from None
        self.disk.changed.set()

    def sync(self) -> None:
        """Wait until all that was appended is on the disk. Raises CannotLog."""
        self.disk.changed.clear()  # the other thread need not do it too
        try:
            os.fsync(self.fd)
        except OSError as error:
            raise self._cannot(error) from None

    def _cannot(self, error: OSError) -> CannotLog:
        return CannotLog(
            f"{self.path}: cannot be written: {error.strerror or error}\n"
            "  all before it is kept; make room, then run the same command again: it goes on from there"
        )


class _Disk:
    """Syncs a file in a thread of its own whenever it `changed`. A context; `failed` is why it cannot."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.changed = threading.Event()
        self.failed: OSError | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        missing = self.changed.is_set()
        self._closing.set()
        self.changed.set()
        self._thread.join()
        if missing:
            with contextlib.suppress(OSError):
                os.fsync(self._fd)

    def _serve(self) -> None:
        while not self._closing.is_set():
            self.changed.wait()
            if self._closing.is_set():
                return
            self.changed.clear()
            try:
                os.fsync(self._fd)
            except OSError as error:
                self.failed = error
                return
            self._closing.wait(_GATHER_S)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Log]:
    """The log at `path`, made if it is not there, for this process alone. A torn last line is cut off.

    Raises AnotherDriver, DamagedLog, CannotLog.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise CannotLog(f"{path}: cannot be opened: {error.strerror}\nnothing was run") from None
    owner = path.with_name(f"{path.name}.driver")
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            with contextlib.suppress(OSError):
                who = owner.read_text(encoding="utf-8").strip()
            raise AnotherDriver(
                f"{path}: another ml-experiment works on this study: {who or 'an unknown process'}\n"
                "  wait for it, or end it; this study then goes on where it stopped\nnothing was run"
            ) from None
        owner.write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8")
        data = path.read_bytes()
        began, events, whole = read(data, str(path))
        if whole < len(data):
            os.ftruncate(fd, whole)
        with _Disk(fd) as disk:
            yield Log(path, fd, began, tuple(events), disk)
    except OSError as error:
        raise CannotLog(f"{path}: {error.strerror}\n  make room or permit writing") from None
    finally:
        os.close(fd)
