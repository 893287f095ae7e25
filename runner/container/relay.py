"""The inner end of the allow-listed network: a proxy on the loopback whose connections all go through one pipe.

It runs inside a container that has no network, decides nothing and connects to nothing: it asks the other end of the
pipe (egress.py), which uses this module's protocol too. Standard library only, Python 3.8 or newer, nothing of ours.

Frames are kind (1 byte), stream (4), length (4), payload; both ends may have `WINDOW` bytes under way on each stream
and more only as the other end has taken them, so a stream that nobody reads holds up no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import struct
import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

ADDRESS = ("127.0.0.1", 3128)
MOST_STREAMS = 256
WINDOW = 256 * 1024
_CHUNK = 32 * 1024
_HEAD_BYTES = 64 * 1024
_HEAD_S = 60
_HEADER = struct.Struct(">BII")
_CREDIT = struct.Struct(">I")


class Kind(enum.IntEnum):
    """What a frame says."""

    HELLO = 1  # outside: begin
    READY = 2  # inside: the proxy listens
    OPEN = 3  # inside: "host:port" is asked for
    OPENED = 4  # outside: connected
    REFUSED = 5  # outside: an HTTP status line's code and reason, a line feed, a body
    DATA = 6
    END = 7  # no more bytes from here
    RESET = 8  # forget this stream
    CREDIT = 9  # so many bytes more may be sent


class Broken(Exception):
    """The other end does not keep to the protocol."""


class Refused(Exception):
    """The other end does not connect, for the reason in its argument."""


class Source(Protocol):
    """Where frames come from."""

    async def readexactly(self, n: int) -> bytes:
        """So many bytes; IncompleteReadError at the end."""


class Link:
    """Many streams over one pair of pipes."""

    def __init__(self, source: Source, writer: asyncio.StreamWriter) -> None:
        self.streams: dict[int, Stream] = {}
        self._source = source
        self._writer = writer
        self._draining = asyncio.Lock()  # before Python 3.11 only one task may wait
        self._numbers = 0
        self._over = False

    def send(self, kind: Kind, number: int = 0, payload: bytes = b"") -> None:
        """Queue a frame. Whoever sends many awaits `drain` between them."""
        self._writer.write(_HEADER.pack(kind, number, len(payload)) + payload)

    async def drain(self) -> None:
        """Until the pipe takes more."""
        async with self._draining:
            await self._writer.drain()

    async def receive(self) -> tuple[Kind, int, bytes]:
        """The next frame. Raises Broken, IncompleteReadError."""
        kind, number, length = _HEADER.unpack(await self._source.readexactly(_HEADER.size))
        if length > 2 * _CHUNK:
            raise Broken(f"a frame of {length} bytes")
        payload = await self._source.readexactly(length)
        try:
            return Kind(kind), number, payload
        except ValueError:
            raise Broken(f"a frame of kind {kind}") from None

    async def open(self, place: bytes) -> Stream:
        """A new stream to `host:port`. Raises Refused, ConnectionError."""
        if self._over:
            raise ConnectionResetError
        self._numbers += 1
        stream = self.streams[self._numbers] = Stream(self, self._numbers)
        self.send(Kind.OPEN, stream.number, place)
        await stream.opened()
        return stream

    async def run(self, asked: Callable[[Stream, bytes], object]) -> None:
        """Hand on frames until the pipe ends; `asked` hears of each stream the other end opens. Raises Broken."""
        try:
            while True:
                kind, number, payload = await self.receive()
                if kind is Kind.OPEN:
                    # twice: one that the other end has forgotten may be known here still
                    if number in self.streams or len(self.streams) >= 2 * MOST_STREAMS:
                        raise Broken("more streams than may be")
                    self.streams[number] = Stream(self, number)
                    asked(self.streams[number], payload)
                elif number in self.streams:  # else a late frame of a stream that was reset
                    self.streams[number].hear(kind, payload)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._over = True
            for stream in list(self.streams.values()):
                stream.hear(Kind.RESET, b"")


class Stream:
    """One connection within a link."""

    def __init__(self, link: Link, number: int) -> None:
        self.number = number
        self._link = link
        self._arrived = bytearray()
        self._credit = WINDOW
        self._answer: bytes | None = None
        self._heard_end = self._said_end = self._reset = False
        self._changed = asyncio.Event()

    def hear(self, kind: Kind, payload: bytes) -> None:
        """A frame of this stream. Raises Broken."""
        if kind is Kind.DATA and not self._heard_end:
            self._arrived += payload
            if len(self._arrived) > WINDOW:
                raise Broken("more bytes than may be under way")
        elif kind is Kind.CREDIT and len(payload) == _CREDIT.size:
            self._credit += _CREDIT.unpack(payload)[0]
        elif kind is Kind.END:
            self._heard_end = True
            self._forget()
        elif kind is Kind.RESET:
            self._reset = True
            self._forget()
        elif kind in (Kind.OPENED, Kind.REFUSED) and self._answer is None:
            self._answer = payload
        else:
            raise Broken(f"a frame that has no place here: {kind.name}")
        self._changed.set()

    async def opened(self) -> None:
        """Until the other end has answered. Raises Refused, ConnectionError."""
        while self._answer is None:
            await self._change()
        if self._answer:
            self.reset()
            raise Refused(self._answer)

    async def read(self) -> bytes:
        """Some bytes; none at the end. Raises ConnectionError."""
        while not self._arrived:
            if self._heard_end:
                return b""
            await self._change()
        block = bytes(self._arrived[:_CHUNK])
        del self._arrived[:_CHUNK]
        self._link.send(Kind.CREDIT, self.number, _CREDIT.pack(len(block)))
        await self._link.drain()
        return block

    async def write(self, block: bytes) -> None:
        """Send all of it, as fast as the other end takes it. Raises ConnectionError."""
        while block:
            while self._credit <= 0:
                await self._change()
            if self._reset:
                raise ConnectionResetError
            part = block[: min(_CHUNK, self._credit)]
            block = block[len(part) :]
            self._credit -= len(part)
            self._link.send(Kind.DATA, self.number, part)
            await self._link.drain()

    def end(self) -> None:
        """No more bytes from here; those from there still come."""
        self._said_end = True
        self._link.send(Kind.END, self.number)
        self._forget()

    def reset(self) -> None:
        """Over, whatever is under way."""
        if self._link.streams.get(self.number) is self:
            self._link.send(Kind.RESET, self.number)
        self._reset = True
        self._forget()

    def _forget(self) -> None:
        if self._reset or (self._heard_end and self._said_end):
            self._link.streams.pop(self.number, None)
            self._changed.set()

    async def _change(self) -> None:
        """Until another frame was heard. Raises ConnectionError where none will be."""
        if not self._reset:
            self._changed.clear()
            await self._changed.wait()
        if self._reset:
            raise ConnectionResetError


async def carry(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    stream: Stream,
    passed: Callable[[int], object] = lambda _: None,
) -> None:
    """Bytes both ways until both ends have said that there are no more, or one broke off; then both are closed.

    `passed` hears how many, as they pass.
    """

    async def out() -> None:
        while block := await reader.read(_CHUNK):
            passed(len(block))
            await stream.write(block)
        stream.end()

    async def back() -> None:
        while block := await stream.read():
            passed(len(block))
            writer.write(block)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    ways = [asyncio.ensure_future(out()), asyncio.ensure_future(back())]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_EXCEPTION)
    finally:  # nothing is awaited here: whoever cancels this may do so twice
        whole = all(way.done() and not way.cancelled() and way.exception() is None for way in ways)
        for way in ways:
            way.cancel()
        stream.reset()
        if whole:
            writer.close()
        else:
            writer.transport.abort()  # half an answer must not look like a whole one


class Proxy:
    """HTTP's proxy protocol towards the programs in the container: CONNECT, and `http://` addresses."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a program."""
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _HEAD_S)
            place, first = request(head)
            if len(self._link.streams) >= MOST_STREAMS:
                raise Refused(b"503 Too many connections\nat most %d at one time\n" % MOST_STREAMS)
            stream = await self._link.open(place)
            if first:
                await stream.write(first)
            else:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await carry(reader, writer, stream)
        except Refused as refused:
            await _answer(writer, refused.args[0])
        except (OSError, EOFError, asyncio.LimitOverrunError, asyncio.TimeoutError):  # noqa: UP041  # Python 3.8
            pass
        finally:
            writer.close()


def request(head: bytes) -> tuple[bytes, bytes]:
    """`host:port` that a request is for, and what to send there first: nothing for CONNECT. Raises Refused.

    A request for an `http://` address goes on as one for its path, on a connection for it alone.
    """
    line, *fields = head[:-4].split(b"\r\n")
    method, _, rest = line.partition(b" ")
    target, _, version = rest.partition(b" ")
    if method == b"CONNECT":
        return target, b""
    if not target.lower().startswith(b"http://") or not version.startswith(b"HTTP/1."):
        raise Refused(b"400 Not a proxy request\nthis is the way out of an experiment's container, not a web server\n")
    place, slash, path = target[len(b"http://") :].partition(b"/")
    place, mark, query = place.partition(b"?")
    place = place.rpartition(b"@")[2]
    path = b"/?" + query + slash + path if mark else b"/" + path
    kept = [field for field in fields if field.partition(b":")[0].strip().lower() not in _BETWEEN_HOPS]
    lines = [b" ".join((method, path, version)), b"Host: " + place, *kept, b"Connection: close", b"", b""]
    has_port = place.rpartition(b"]")[2].count(b":") == 1
    return (place if has_port else place + b":80"), b"\r\n".join(lines)


_BETWEEN_HOPS = {b"host", b"connection", b"keep-alive", b"proxy-connection", b"proxy-authorization", b"upgrade"}


async def _answer(writer: asyncio.StreamWriter, refusal: bytes) -> None:
    status, _, body = refusal.partition(b"\n")
    writer.write(
        b"HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
        % (status, len(body), body)
    )
    with contextlib.suppress(OSError):
        await writer.drain()
    writer.close()


async def main() -> None:
    """Serve until the pipe ends."""
    loop = asyncio.get_running_loop()
    source = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(source), sys.stdin)
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), sys.stdout
    )
    link = Link(source, asyncio.StreamWriter(transport, protocol, None, loop))
    if (await link.receive())[0] is not Kind.HELLO:
        raise Broken("no greeting")
    await asyncio.start_server(Proxy(link).serve, *ADDRESS, limit=_HEAD_BYTES)
    link.send(Kind.READY)
    await link.run(lambda stream, _: stream.reset())


if __name__ == "__main__":
    asyncio.run(main())
