"""The output of a run: every line heard once, and a log that keeps head and tail however much is printed."""

from collections import deque
from collections.abc import Callable
from typing import BinaryIO

HEAD_BYTES = 512 * 1024
TAIL_BYTES = 512 * 1024
_CHUNK = 64 * 1024
_MAX_LINE = 64 * 1024


class BoundedLog:
    """The first HEAD_BYTES and the last TAIL_BYTES of what was printed, and how much was left out between them."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self.total = 0

    def add(self, data: bytes) -> None:
        """Append what was printed next."""
        self.total += len(data)
        room = HEAD_BYTES - len(self._head)
        self._head += data[: max(0, room)]
        if rest := data[max(0, room) :]:
            self._tail.append(rest)
            self._tail_size += len(rest)
            while self._tail_size - len(self._tail[0]) >= TAIL_BYTES:
                self._tail_size -= len(self._tail.popleft())

    def content(self) -> bytes:
        """The log as it is written: all of it, or head, a line that says how much is missing, and tail."""
        tail = b"".join(self._tail)[-TAIL_BYTES:]
        missing = self.total - len(self._head) - len(tail)
        gap = f"\n[… {missing} bytes left out by ml-experiment …]\n".encode() if missing else b""
        return bytes(self._head) + gap + tail

    def last_lines(self, count: int) -> str:
        """The last `count` lines as text."""
        end = (bytes(self._head[-8192:]) + b"".join(self._tail))[-8192:]
        return "\n".join(end.decode(errors="replace").replace("\r", "\n").rstrip("\n").split("\n")[-count:])


def follow(pipe: BinaryIO, log: BoundedLog, hear: Callable[[str], None]) -> None:
    """Read the pipe to its end into `log`; `hear` gets each whole line, cut at 64 KiB."""
    begun = b""
    while data := pipe.read1(_CHUNK) if hasattr(pipe, "read1") else pipe.read(_CHUNK):
        log.add(data)
        *lines, begun = (begun + data).split(b"\n")
        for line in lines:
            hear(line[:_MAX_LINE].decode(errors="replace"))
        if len(begun) > _MAX_LINE:
            begun = begun[-_MAX_LINE:]
    if begun:
        hear(begun[:_MAX_LINE].decode(errors="replace"))
