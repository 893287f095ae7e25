"""The outer end of the allow-listed network: what a run without a network may reach is decided and connected here.

A relay in the container (relay.py) asks through one attached pipe for `host:port`. Names are resolved here, the
address that was checked is the one connected to, and whatever is not listed is refused and counted. What comes out of
the pipe is a stranger's: it is bounded, and one that breaks the protocol is cut off.
"""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from experiment.errors import InfrastructureFailed
from runner.container import relay
from runner.container.allowed import USUAL_PORTS, Address, Allowed, Place, place_of
from runner.container.relay import Broken, Kind, Link, Stream, carry

PROXY = "http://{}:{}".format(*relay.ADDRESS)
_LOCAL = "localhost,127.0.0.1,::1"
VARIABLES: Mapping[str, str] = {
    name: value
    for upper, value in (("HTTP_PROXY", PROXY), ("HTTPS_PROXY", PROXY), ("ALL_PROXY", PROXY), ("NO_PROXY", _LOCAL))
    for name in (upper, upper.lower())
}
"""What programs in the container find the proxy by."""

Resolve = Callable[[str, int], Sequence[str]]
"""Host and port to addresses; OSError where there are none."""

_RESOLVE_S = 15
_CONNECT_S = 10
_MOST_ADDRESSES = 4
_MOST_PLACES = 1000
_OTHERS = "others"
_FRAME = struct.Struct(">BxxxL")
_STDOUT = 1
_BLOCK = 64 * 1024
_MOST_SAID = 2000


class Closable(Protocol):
    """A socket, or the reader that docker-py makes of one."""

    def close(self) -> object:
        """Let go of it."""


class RelayFailed(InfrastructureFailed):
    """The way out of the container could not be made."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"resources.network: the listed hosts cannot be made reachable: {why}\n"
            "  the image needs a python3 of 3.8 or newer for that; with network: none it needs none"
        )


@dataclass(frozen=True)
class EgressRecord:
    """What a run reached and what it tried: `host:port` to bytes both ways, to refused attempts, to why it failed.

    `broken`: why the way out ended before it was told to; empty where it did not.
    """

    reached: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    broken: str = ""


def system_resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as this machine knows them."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Egress:
    """The way out of one container, served by a thread from `start` to `stop`."""

    def __init__(self, allowed: Allowed, resolve: Resolve = system_resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._reached: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._failed: dict[str, str] = {}
        self._broken = ""
        self._settled = threading.Event()
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._connections: set[asyncio.Task[None]] = set()

    def start(self, attached: Closable, within_s: float = 20) -> None:
        """Serve the relay in a container whose streams are `attached`: what docker-py's `attach_socket` gives.

        It is taken over, and closed by `stop`. Returns when programs in the container can use the proxy. Raises
        RelayFailed.
        """
        pipe = getattr(attached, "_sock", attached)
        if not isinstance(pipe, socket.socket) or isinstance(pipe, ssl.SSLSocket):
            raise RelayFailed("it takes an engine that is reached by its socket or plain TCP")
        self._loop = asyncio.new_event_loop()  # here, so that `stop` can always tell it to end
        self._thread = threading.Thread(target=self._serve, args=(self._loop, pipe.dup()), name="egress", daemon=True)
        attached.close()
        pipe.close()  # docker-py's reader and its socket are two
        self._thread.start()
        if not self._settled.wait(within_s):
            self.stop()
            raise RelayFailed(f"no answer from the container in {within_s:g} s")
        if self._broken:
            raise RelayFailed(self.stop().broken)

    def stop(self) -> EgressRecord:
        """End all connections and the pipe, by which the relay ends too; what there was. Before the container goes."""
        if self._loop is not None and self._thread is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
        return EgressRecord(dict(self._reached), dict(self._refused), dict(self._failed), self._broken)

    def _serve(self, loop: asyncio.AbstractEventLoop, pipe: socket.socket) -> None:
        try:
            loop.run_until_complete(self._until_stopped(pipe))
        except OSError as error:
            self._broken = str(error)
        finally:
            self._settled.set()
            loop.close()

    async def _until_stopped(self, pipe: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=pipe)
        source = _Attached(reader)
        serving = asyncio.ensure_future(self._relay(Link(source, writer)))
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            self._broken = _why(serving.exception(), source.said)
        tasks = [serving, stopping, *self._connections]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(OSError):
            pipe.shutdown(socket.SHUT_RDWR)
        writer.transport.abort()
        await asyncio.sleep(0)

    async def _relay(self, link: Link) -> None:
        link.send(Kind.HELLO)
        if (await link.receive())[0] is not Kind.READY:
            raise Broken("it does not say that it is ready")
        self._settled.set()

        def asked(stream: Stream, place: bytes) -> None:
            if len(self._connections) >= 2 * relay.MOST_STREAMS:
                raise Broken("more connections than may be")
            task = asyncio.ensure_future(self._connection(link, stream, place))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

        await link.run(asked)

    async def _connection(self, link: Link, stream: Stream, asked: bytes) -> None:
        try:
            place = place_of(asked.decode("ascii", "replace"))
            if place is None:
                self._count(self._refused, "no host and port")
                raise relay.Refused(b"400 No host and port\na host name or address, a colon, a port\n")
            reader, writer = await self._connect(place)
        except relay.Refused as refused:
            link.send(Kind.REFUSED, stream.number, refused.args[0])
            with contextlib.suppress(ConnectionError):
                await link.drain()
            stream.hear(Kind.RESET, b"")
            return
        link.send(Kind.OPENED, stream.number)
        self._count(self._reached, str(place), 0)
        await carry(reader, writer, stream, lambda size: self._count(self._reached, str(place), size))

    async def _connect(self, place: Place) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if not self._allowed.permits(place):
            self._count(self._refused, str(place))
            raise _not_listed(place)
        try:
            found = await self._addresses(place)
        except OSError as error:
            raise self._unreachable(place, error.strerror or "no name server answers") from None
        addresses = [address for address in found if self._allowed.reaches(place, address)]
        if not addresses:
            self._count(self._refused, str(place))
            raise _not_at(place, found)
        why = ""
        for address in addresses[:_MOST_ADDRESSES]:
            try:
                async with asyncio.timeout(_CONNECT_S):
                    return await asyncio.open_connection(str(address), place.port)
            except OSError as error:  # a TimeoutError is one
                why = error.strerror or f"no answer in {_CONNECT_S} s"
        raise self._unreachable(place, why)

    async def _addresses(self, place: Place) -> list[Address]:
        """In a thread that nobody waits for: a name server that does not answer must not hold up the end of a run."""
        if place.address is not None:
            return [place.address]
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Sequence[str] | OSError] = loop.create_future()

        def look() -> None:
            try:
                answer: Sequence[str] | OSError = self._resolve(place.host, place.port)
            except (OSError, UnicodeError) as error:
                answer = error if isinstance(error, OSError) else OSError(str(error))
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(settle, answer)

        def settle(answer: Sequence[str] | OSError) -> None:
            if not found.done():
                found.set_result(answer)

        threading.Thread(target=look, name="egress-name", daemon=True).start()
        async with asyncio.timeout(_RESOLVE_S):
            answer = await found
        if isinstance(answer, OSError):
            raise answer
        return [ipaddress.ip_address(address) for address in answer]

    def _unreachable(self, place: Place, why: str) -> relay.Refused:
        if str(place) in self._failed or len(self._failed) < _MOST_PLACES:
            self._failed[str(place)] = why
        return relay.Refused(f"502 {place} cannot be reached\n{place} is listed, but: {why}\n".encode())

    def _count(self, counts: Counter[str], place: str, more: int = 1) -> None:
        counts[place if place in counts or len(counts) < _MOST_PLACES else _OTHERS] += more


def _not_listed(place: Place) -> relay.Refused:
    entry = f"'{place}'" if place.port not in USUAL_PORTS else place.host
    return relay.Refused(
        f"403 {place} is not in resources.network\n"
        f"{place} may not be reached from this run: ml-experiment.yaml does not list it\n"
        f"  resources: {{network: [{entry}]}} would allow it (on a pull request, in the base commit)\n".encode()
    )


def _not_at(place: Place, found: Sequence[Address]) -> relay.Refused:
    where = ", ".join(map(str, found[:_MOST_ADDRESSES])) or "no address"
    return relay.Refused(
        f"403 {place} leads to an address that is not in resources.network\n"
        f"{place} is listed, but leads to {where}: not a public address\n"
        "  list the name itself and not by *, or the address; link-local ones are never reached\n".encode()
    )


class _Attached:
    """The container's standard output, out of the frames in which the engine mixes it with standard error."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._waiting = bytearray()
        self.said = b""

    async def readexactly(self, n: int) -> bytes:
        """So many bytes of standard output. Raises IncompleteReadError."""
        while len(self._waiting) < n:
            kind, length = _FRAME.unpack(await self._reader.readexactly(_FRAME.size))
            while length:
                block = await self._reader.read(min(length, _BLOCK))
                if not block:
                    raise asyncio.IncompleteReadError(b"", n)
                length -= len(block)
                if kind == _STDOUT:
                    self._waiting += block
                else:
                    self.said = (self.said + block)[-_MOST_SAID:]
        block = bytes(self._waiting[:n])
        del self._waiting[:n]
        return block


def _why(error: BaseException | None, said: bytes) -> str:
    """Why the relay ended: it broke the protocol, or what it said last, which is a stranger's text."""
    if isinstance(error, Broken):
        return f"the relay in the container breaks its protocol: {error}"
    last = said.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return f"the relay in the container has ended{f': {ascii(last)[1:-1]}' if last else ''}"
