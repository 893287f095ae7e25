"""The way out of a container: only listed places, bytes unharmed, refusals with their reason, an end when it ends."""

import ast
import contextlib
import hashlib
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from relayed import FRAME, Echo, Files, Way, pattern, served, way_out

from runner.container import relay
from runner.container.allowed import parse
from runner.container.egress import PROXY, VARIABLES, Egress, RelayFailed
from runner.container.relay import MOST_STREAMS, WINDOW, Kind, Refused

HEADER = struct.Struct(">BII")


def on_loopback(host: str, port: int) -> Sequence[str]:
    """Every name leads to this machine."""
    return ["127.0.0.1"]


@contextmanager
def way_to(port: int) -> Iterator[Way]:
    """A way out to `data.test` at a port of this machine."""
    with way_out(Egress(parse([f"data.test:{port}", f"127.0.0.1:{port}"]), on_loopback)) as way:
        yield way


def test_a_listed_host_is_reached_by_a_tunnel_and_by_an_http_address() -> None:
    with served(Files) as port, way_to(port) as way:
        plain = way.asked(b"GET http://data.test:%d/9 HTTP/1.1\r\nProxy-Connection: keep-alive\r\n\r\n" % port)
        with way.tunnel(f"data.test:{port}") as tunnel:
            tunnel.sendall(b"GET /9 HTTP/1.1\r\nHost: data.test\r\nConnection: close\r\n\r\n")
            tunnelled = b"".join(iter(lambda: tunnel.recv(65536), b""))
    assert plain.startswith(b"HTTP/1.1 200 ")
    assert f"X-Host: data.test:{port}\r\n".encode() in plain
    assert plain.endswith(pattern(9))
    assert tunnelled.endswith(pattern(9))
    assert set(way.record.reached) == {f"data.test:{port}"}
    assert way.record.reached[f"data.test:{port}"] > len(plain) + len(tunnelled)
    assert (way.record.refused, way.record.failed, way.record.broken) == ({}, {}, "")


def test_a_host_that_is_not_listed_is_refused_with_the_line_that_would_allow_it() -> None:
    with way_to(1) as way:
        answers = [way.asked(b"GET http://x.example/ HTTP/1.1\r\n\r\n") for _ in range(2)]
        tunnelled = way.asked(b"CONNECT x.example:8443 HTTP/1.1\r\n\r\n")
    head, _, body = answers[0].partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403 x.example:80 is not in resources.network\r\n")
    assert body == (
        b"x.example:80 may not be reached from this run: ml-experiment.yaml does not list it\n"
        b"  resources: {network: [x.example]} would allow it (on a pull request, in the base commit)\n"
    )
    assert b"{network: ['x.example:8443']}" in tunnelled
    assert way.record.refused == {"x.example:80": 2, "x.example:8443": 1}
    assert way.record.reached == {}


def test_a_listed_name_that_leads_to_this_machine_is_refused_and_its_service_not_touched() -> None:
    touched = threading.Event()

    class Secret(Echo):
        def handle(self) -> None:
            touched.set()

    with served(Secret) as port, way_out(Egress(parse([f"data.test:{port}"]), on_loopback)) as way:
        for host in ("data.test", "127.0.0.1", "localhost", "[::1]", "0.0.0.0"):
            assert way.asked(f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode()).startswith(b"HTTP/1.1 403 ")
    assert not touched.is_set()
    assert way.record.refused[f"data.test:{port}"] == 1


def test_a_name_without_an_address_and_a_port_without_a_server_say_so() -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        if host == "gone.test":
            raise socket.gaierror(-2, "Name or service not known")
        return ["127.0.0.1"]

    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with way_out(Egress(parse(["gone.test", f"data.test:{port}", f"127.0.0.1:{port}"]), unknown)) as way:
        gone = way.asked(b"CONNECT gone.test:443 HTTP/1.1\r\n\r\n")
        refused = way.asked(b"CONNECT data.test:%d HTTP/1.1\r\n\r\n" % port)
    assert gone.startswith(b"HTTP/1.1 502 gone.test:443 cannot be reached\r\n")
    assert b"Name or service not known" in gone
    assert refused.startswith(b"HTTP/1.1 502 ")
    assert set(way.record.failed) == {"gone.test:443", f"data.test:{port}"}


@pytest.mark.parametrize(
    "request_",
    [
        *(b"GET / HTTP/1.1", b"GET https://x.example/ HTTP/1.1", b"HELLO", b"CONNECT x HTTP/1.1"),
        *(b"CONNECT a\tb:1 HTTP/1.1", b"CONNECT \xff\xfe:1 HTTP/1.1", b"GET http:///x HTTP/1.1"),
    ],
)
def test_what_is_no_request_to_a_proxy_is_answered_as_one(request_: bytes) -> None:
    with way_to(1) as way:
        assert way.asked(request_ + b"\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_a_request_without_an_end_is_dropped_and_harms_no_other() -> None:
    with served(Files) as port, way_to(port) as way:
        with contextlib.suppress(ConnectionError):
            assert way.asked(b"GET http://" + b"x" * 200_000) == b""
        assert way.asked(b"GET http://data.test:%d/4 HTTP/1.1\r\n\r\n" % port).endswith(pattern(4))


def test_many_bytes_arrive_intact_both_ways_at_once() -> None:
    sent = os.urandom(5_000_000)
    with served(Echo) as port, way_to(port) as way, way.tunnel(f"data.test:{port}") as tunnel:

        def write() -> None:
            tunnel.sendall(sent)
            tunnel.shutdown(socket.SHUT_WR)

        writing = threading.Thread(target=write)
        writing.start()
        back = b"".join(iter(lambda: tunnel.recv(65536), b""))
        writing.join()
    assert hashlib.sha256(back).digest() == hashlib.sha256(sent).digest()
    assert way.record.reached == {f"data.test:{port}": 2 * len(sent)}


def test_a_connection_that_nobody_reads_holds_up_no_other() -> None:
    with served(Files) as port, way_to(port) as way:
        with way.tunnel(f"data.test:{port}") as stalled:
            stalled.sendall(b"GET /50000000 HTTP/1.1\r\nHost: x\r\n\r\n")
            for size in (1, 100_000, 3_000_000):
                answer = way.asked(b"GET http://data.test:%d/%d HTTP/1.1\r\n\r\n" % (port, size))
                assert answer.endswith(pattern(size))
        assert way.record.reached == {}
    # what the stalled one had under way is bounded by windows and the buffers of the system, far below what was asked
    assert way.record.reached[f"data.test:{port}"] < 40_000_000


def test_connections_side_by_side_do_not_mix() -> None:
    def one(number: int) -> bool:
        size = 10_000 * number + 7
        answer = way.asked(b"GET http://data.test:%d/%d HTTP/1.1\r\n\r\n" % (port, size))
        return answer.endswith(b"\r\n\r\n" + pattern(size))

    with served(Files) as port, way_to(port) as way, ThreadPoolExecutor(20) as pool:
        assert all(pool.map(one, range(40)))


def test_beyond_the_most_connections_one_is_told_to_come_later() -> None:
    with served(Echo) as port, way_to(port) as way:
        tunnels = [way.tunnel(f"data.test:{port}") for _ in range(MOST_STREAMS)]
        assert way.asked(b"CONNECT data.test:%d HTTP/1.1\r\n\r\n" % port).startswith(b"HTTP/1.1 503 ")
        for tunnel in tunnels:
            tunnel.close()
        until = time.monotonic() + 60
        while not way.asked(b"GET http://x.example/ HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 403 "):
            assert time.monotonic() < until


def test_the_end_ends_open_connections_and_a_name_server_that_does_not_answer() -> None:
    asleep = threading.Event()

    def slow(host: str, port: int) -> Sequence[str]:
        asleep.wait(60)
        return []

    with served(Echo) as port:
        egress = Egress(parse(["slow.test", f"127.0.0.1:{port}"]), slow)
        with way_out(egress) as way:
            tunnel = way.tunnel(f"127.0.0.1:{port}")
            waiting = socket.create_connection(("127.0.0.1", way.port))
            waiting.sendall(b"CONNECT slow.test:443 HTTP/1.1\r\n\r\n")
        with tunnel, waiting:
            assert not asleep.is_set()
            assert tunnel.recv(1) == b""
        asleep.set()
    assert way.record.broken == ""


def frames(kind: int, number: int, payload: bytes = b"") -> bytes:
    """One frame of the relay, as the engine passes it on."""
    inner = HEADER.pack(kind, number, len(payload)) + payload
    return FRAME.pack(1, len(inner)) + inner


@pytest.mark.parametrize(
    ("hostile", "says"),
    [
        (frames(99, 1), "a frame of kind 99"),
        (FRAME.pack(1, 9) + HEADER.pack(Kind.DATA, 1, 1 << 31), "a frame of 2147483648 bytes"),
        (frames(Kind.OPEN, 1, b"s.test:443") * 2, "more streams than may be"),
        (b"".join(frames(Kind.OPEN, n, b"s.test:443") for n in range(2000)), "more (streams|connections) than may be"),
        (
            frames(Kind.OPEN, 1, b"s.test:443") + frames(Kind.DATA, 1, bytes(60_000)) * (WINDOW // 60_000 + 1),
            "more bytes than may be under way",
        ),
        (frames(Kind.OPEN, 1, b"s.test:443") + frames(Kind.HELLO, 1), "a frame that has no place here: HELLO"),
        (FRAME.pack(2, 12) + b"fell over \x1b\n", r"has ended: fell over \\x1b"),
        (b"", "has ended"),
    ],
)
def test_a_relay_that_breaks_the_protocol_is_cut_off_and_the_reason_kept(hostile: bytes, says: str) -> None:
    released = threading.Event()

    def slow(host: str, port: int) -> Sequence[str]:
        released.wait(30)
        return []

    ours, theirs = socket.socketpair()
    egress = Egress(parse(["s.test"]), slow)
    with ours, theirs:
        theirs.sendall(frames(Kind.READY, 0))
        egress.start(ours)
        theirs.sendall(hostile)
        theirs.shutdown(socket.SHUT_WR)
        while theirs.recv(65536):
            pass
        released.set()
        with pytest.raises(AssertionError, match=says):
            raise AssertionError(egress.stop().broken)


@given(st.lists(st.binary(max_size=200), max_size=20))
@settings(max_examples=30)
def test_whatever_comes_out_of_the_pipe_the_end_comes(noise: list[bytes]) -> None:
    ours, theirs = socket.socketpair()
    egress = Egress(parse(["s.test"]), on_loopback)
    with ours, theirs:
        theirs.sendall(frames(Kind.READY, 0))
        egress.start(ours)
        with contextlib.suppress(BrokenPipeError):  # cut off
            for part in noise:
                theirs.sendall(FRAME.pack(1, len(part)) + part)
        assert egress.stop().reached == {}


def test_a_container_without_a_relay_is_an_error_that_says_what_the_image_needs() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(FRAME.pack(2, 26) + b"python3: No such command\n\n")
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(RelayFailed) as failed:
            Egress(parse([])).start(ours)
    assert str(failed.value) == (
        "resources.network: the listed hosts cannot be made reachable: "
        "the relay in the container has ended: python3: No such command\n"
        "  the image needs a python3 of 3.8 or newer for that; with network: none it needs none"
    )


@pytest.mark.parametrize("within_s", [0, 0.1])
def test_a_relay_that_stays_silent_is_not_waited_for_for_ever(within_s: float) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(RelayFailed, match="no answer from the container in"):
        Egress(parse([])).start(ours, within_s=within_s)


@pytest.mark.parametrize(
    ("head", "place", "first"),
    [
        (b"CONNECT a.b:443 HTTP/1.1\r\nHost: x", b"a.b:443", b""),
        (b"GET http://a.b HTTP/1.1", b"a.b:80", b"GET / HTTP/1.1\r\nHost: a.b\r\n"),
        (
            b"POST HTTP://u:p@a.b:81/c?d=/e HTTP/1.0\r\nHost: other\r\nAccept: */*\r\nProxy-Authorization: secret",
            b"a.b:81",
            b"POST /c?d=/e HTTP/1.0\r\nHost: a.b:81\r\nAccept: */*\r\n",
        ),
        (b"GET http://a.b?q=/ HTTP/1.1", b"a.b:80", b"GET /?q=/ HTTP/1.1\r\nHost: a.b\r\n"),
        (b"GET http://[::1] HTTP/1.1", b"[::1]:80", b"GET / HTTP/1.1\r\nHost: [::1]\r\n"),
        (b"GET http://[::1]:8/ HTTP/1.1", b"[::1]:8", b"GET / HTTP/1.1\r\nHost: [::1]:8\r\n"),
    ],
)
def test_a_request_goes_to_the_place_in_its_address(head: bytes, place: bytes, first: bytes) -> None:
    assert relay.request(head + b"\r\n\r\n") == (place, first and first + b"Connection: close\r\n\r\n")


@given(st.binary(max_size=300))
def test_any_head_is_understood_or_refused(head: bytes) -> None:
    with contextlib.suppress(Refused):
        _, first = relay.request(head + b"\r\n\r\n")
        assert first == b"" or first.endswith(b"\r\nConnection: close\r\n\r\n")


def test_the_variables_that_programs_look_for_name_the_proxy_in_both_cases() -> None:
    assert {name for name, value in VARIABLES.items() if value == PROXY} == {
        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy",
    }  # fmt: skip
    assert VARIABLES["NO_PROXY"] == VARIABLES["no_proxy"] == "localhost,127.0.0.1,::1"


def test_the_relay_parses_as_the_oldest_python_and_needs_nothing_of_ours() -> None:
    text = Path(relay.__file__).read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 8))
    assert "import runner" not in text
    assert "from runner" not in text
