"""The inner end of a way out without a container: the relay's own protocol in a thread, framed as the engine does."""

import asyncio
import http.server
import socket
import socketserver
import struct
import threading
from array import array
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from runner.container.egress import Egress, EgressRecord
from runner.container.relay import Kind, Link, Proxy

FRAME = struct.Struct(">BxxxL")


class Framing(asyncio.StreamWriter):
    """Writes as the engine passes a container's standard output on."""

    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        for start in range(0, len(data), 1000):
            part = data[start : start + 1000]
            super().write(FRAME.pack(1, len(part)) + part)


async def inner(pipe: socket.socket, port: "Future[int]") -> None:
    """What relay.main does, over a socket, at any port."""
    reader, writer = await asyncio.open_connection(sock=pipe)
    framing = Framing(writer.transport, writer.transport.get_protocol(), reader, asyncio.get_running_loop())
    link = Link(reader, framing)
    assert (await link.receive())[0] is Kind.HELLO
    server = await asyncio.start_server(Proxy(link).serve, "127.0.0.1", 0, limit=64 * 1024)
    port.set_result(server.sockets[0].getsockname()[1])
    link.send(Kind.READY)
    await link.run(lambda stream, _: stream.reset())
    server.close()
    writer.close()


class Way:
    """A proxy at `port`, and the record of it once it is over."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.record = EgressRecord()

    def asked(self, request: bytes) -> bytes:
        """The whole answer to a request."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def tunnel(self, place: str) -> socket.socket:
        """A connection to `host:port` through it."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sendall(f"CONNECT {place} HTTP/1.1\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        assert head.startswith(b"HTTP/1.1 200 "), head
        return connection


@contextmanager
def way_out(egress: Egress) -> Iterator[Way]:
    """A relay in this process, served by `egress`."""
    ours, theirs = socket.socketpair()
    port: Future[int] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(inner(theirs, port)))
    thread.start()
    with ours:
        egress.start(ours)
        way = Way(port.result())
        try:
            yield way
        finally:
            way.record = egress.stop()
            thread.join()


class Echo(socketserver.BaseRequestHandler):
    """Sends back what it gets."""

    def handle(self) -> None:
        while block := self.request.recv(65536):
            self.request.sendall(block)


class Files(http.server.BaseHTTPRequestHandler):
    """Answers with so many bytes as the path says, a pattern that shows a lost or doubled block."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = pattern(int(self.path.strip("/") or 0))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Host", self.headers["Host"])
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def pattern(size: int) -> bytes:
    """Bytes in which no two places look alike."""
    return array("I", range(-(-size // 4))).tobytes()[:size]


class Server(socketserver.ThreadingTCPServer):
    """At a port of its own, on every address of this machine."""

    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True


@contextmanager
def served(handler: type[socketserver.BaseRequestHandler], address: str = "127.0.0.1") -> Iterator[int]:
    """A server of the test's own; its port."""
    with Server((address, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
