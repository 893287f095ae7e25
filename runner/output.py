"""The output of a run: every line heard once, and a log that keeps head and tail however much is printed."""

import select
import threading
from collections.abc import Callable
from typing import BinaryIO

HEAD_BYTES = 512 * 1024
TAIL_BYTES = 512 * 1024
_CHUNK = 64 * 1024
_MAX_LINE = 64 * 1024
_POLL_MS = 100
_MOST_AFTER_THE_END = 1024 * 1024  # what a pipe may hold; a process that got away could go on for ever


class BoundedLog:
    """The first HEAD_BYTES and the last TAIL_BYTES of what was printed, and how much was left out between them."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def add(self, data: bytes) -> None:
        """Append what was printed next."""
        self.total += len(data)
        room = HEAD_BYTES - len(self._head)
        self._head += data[: max(0, room)]
        if rest := data[max(0, room) :]:
            self._tail += rest
            if len(self._tail) > 2 * TAIL_BYTES:  # seldom, so that a byte is moved once
                del self._tail[:-TAIL_BYTES]

    def content(self) -> bytes:
        """The log as it is written: all of it, or head, a line that says how much is missing, and tail."""
        tail = bytes(self._tail[-TAIL_BYTES:])
        missing = self.total - len(self._head) - len(tail)
        gap = f"\n[… {missing} bytes left out by ml-experiment …]\n".encode() if missing else b""
        return bytes(self._head) + gap + tail

    def last_lines(self, count: int) -> str:
        """The last `count` lines as text."""
        end = (self._head[-8192:] + self._tail[-8192:])[-8192:]
        return "\n".join(end.decode(errors="replace").replace("\r", "\n").rstrip("\n").split("\n")[-count:])


class Lines:
    """Takes output as it comes: all of it into `log`, and each line that is not empty, cut at 64 KiB, to `hear`.

    A carriage return ends a line too: progress bars never end theirs otherwise.
    """

    def __init__(self, log: BoundedLog, hear: Callable[[str], None]) -> None:
        self._log = log
        self._hear = hear
        self._begun = bytearray()

    def feed(self, data: bytes) -> None:
        """What was printed next."""
        self._log.add(data)
        *ends, rest = data.replace(b"\r", b"\n").split(b"\n")
        for line in ends:
            self._begun += line[: _MAX_LINE - len(self._begun)]
            self.end()
        self._begun += rest[: _MAX_LINE - len(self._begun)]

    def end(self) -> None:
        """The line that was begun is all there will be of it."""
        if self._begun:
            self._hear(self._begun.decode(errors="replace"))
            self._begun.clear()


def follow(pipe: BinaryIO, lines: Lines, ended: threading.Event) -> None:
    """Read the unbuffered pipe to its end.

    Once `ended` is set only what the pipe holds is still read: a process that got away may keep it open.
    """
    ready = select.poll()
    ready.register(pipe, select.POLLIN)
    late = 0
    while late < _MOST_AFTER_THE_END:
        over = ended.is_set()
        if not ready.poll(0 if over else _POLL_MS):
            if over:
                break
            continue
        if not (data := pipe.read(_CHUNK)):
            break
        late += len(data) if over else 0
        lines.feed(data)
    lines.end()
