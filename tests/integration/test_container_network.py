"""A container without a network reaches what is listed, through the relay beside it, and nothing else at all."""

import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from pathlib import Path

import docker
import pytest
from container_bed import Bed
from docker.models.containers import Container
from docker.types import LogConfig
from relayed import Echo, Files, pattern, served

from runner.container import relay
from runner.container.allowed import parse
from runner.container.egress import VARIABLES, Egress, EgressRecord, RelayFailed

pytestmark = pytest.mark.docker
SOURCE = Path(relay.__file__).read_text(encoding="utf-8")
FETCH = """
import hashlib, sys, urllib.request
from concurrent.futures import ThreadPoolExecutor

def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return hashlib.sha256(answer.read()).hexdigest()
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.reason} | {error.read().decode()}"
    except OSError as error:
        return repr(error)

with ThreadPoolExecutor(32) as pool:
    for found in pool.map(fetch, sys.argv[1:]):
        print(found)
"""


class Inside:
    """A place without a network beside a relay, where Python runs as training would."""

    def __init__(self, client: docker.DockerClient, image: str, holder: Container, labels: Mapping[str, str]) -> None:
        self.holder = holder
        self.record = EgressRecord()
        self._client = client
        self._image = image
        self._labels = labels

    def python(self, code: str, *args: str) -> str:
        """What a program prints, errors and all."""
        ran = self._client.containers.run(
            self._image,
            ["python3", "-c", code, *args],
            detach=True,
            labels=dict(self._labels),
            environment=dict(VARIABLES),
            network_mode=f"container:{self.holder.id}",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            read_only=True,
            user="65534:65534",
        )
        ran.wait(timeout=120)
        return str(ran.logs().decode())


Beside = Callable[[Egress], AbstractContextManager[Inside]]


@pytest.fixture
def beside(client: docker.DockerClient, bed: Bed, labels: Mapping[str, str]) -> Beside:
    """Start a relay in a container, and serve it by an egress; what there was is in `record` afterwards."""
    return lambda egress: relayed_by(egress, client, bed.base, labels)


@contextmanager
def relayed_by(
    egress: Egress,
    client: docker.DockerClient,
    image: str,
    labels: Mapping[str, str],
    command: Sequence[str] = ("python3", "-I", "-c", SOURCE),
) -> Iterator[Inside]:
    options = client.api.create_host_config(
        network_mode="none", init=True, pids_limit=64, mem_limit="256m", log_config=LogConfig(type="none")
    )
    made = client.api.create_container(
        image, list(command), stdin_open=True, labels=dict(labels), user="65534:65534", host_config=options
    )["Id"]
    attached = client.api.attach_socket(made, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    client.api.start(made)
    inside = Inside(client, image, client.containers.get(made), labels)
    egress.start(attached)
    try:
        yield inside
    finally:
        inside.record = egress.stop()


def on_loopback(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


def way_to(port: int) -> Egress:
    """To `data.test`, which is a server of the test's own."""
    return Egress(parse([f"data.test:{port}", f"127.0.0.1:{port}"]), on_loopback)


def test_a_listed_host_is_reached_and_fifty_megabytes_arrive_intact(beside: Beside) -> None:
    size = 50_000_000
    with served(Files) as port, beside(way_to(port)) as inside:
        found = inside.python(FETCH, f"http://data.test:{port}/{size}")
    assert found.strip() == sha256(pattern(size)).hexdigest()
    assert inside.record.reached[f"data.test:{port}"] > size
    assert inside.record.broken == ""


def test_as_much_goes_out_intact(beside: Beside) -> None:
    code = """
import http.client, hashlib, os, sys
tunnel = http.client.HTTPConnection("127.0.0.1", 3128)
tunnel.set_tunnel("data.test", int(sys.argv[1]))
tunnel.connect()
import threading
sent = os.urandom(20_000_000)
threading.Thread(target=tunnel.sock.sendall, args=(sent,)).start()
back = b""
while len(back) < len(sent):
    back += tunnel.sock.recv(1 << 20)
print(back == sent)
"""
    with served(Echo) as port, beside(way_to(port)) as inside:
        assert inside.python(code, str(port)) == "True\n"
    assert inside.record.reached[f"data.test:{port}"] == 40_000_000


def test_twenty_side_by_side_do_not_mix(beside: Beside) -> None:
    sizes = [200_000 * number + 3 for number in range(1, 21)]
    with served(Files) as port, beside(way_to(port)) as inside:
        found = inside.python(FETCH, *(f"http://data.test:{port}/{size}" for size in sizes))
    assert found.split() == [sha256(pattern(size)).hexdigest() for size in sizes]


def test_a_host_that_is_not_listed_is_refused_and_a_person_reads_why(beside: Beside) -> None:
    with served(Files) as port, beside(way_to(port)) as inside:
        plain = inside.python(FETCH, "http://x.example/", "http://localhost.example/")
        tunnel = inside.python(FETCH, "https://pypi.example/simple/")
    assert plain.startswith(
        "403 x.example:80 is not in resources.network | "
        "x.example:80 may not be reached from this run: ml-experiment.yaml does not list it\n"
        "  resources: {network: [x.example]} would allow it"
    )
    assert "Tunnel connection failed: 403 pypi.example:443 is not in resources.network" in tunnel
    assert inside.record.refused == {"x.example:80": 1, "localhost.example:80": 1, "pypi.example:443": 1}
    assert inside.record.reached == {}


def test_this_machines_own_services_are_out_of_reach_unless_listed(beside: Beside) -> None:
    with served(Files) as listed, served(Files) as secret, beside(way_to(listed)) as inside:
        hosts = ("data.test", "127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "169.254.169.254")
        code = """
import socket, sys
for place in sys.argv[1:]:
    with socket.create_connection(("127.0.0.1", 3128)) as proxy:
        proxy.sendall(f"CONNECT {place} HTTP/1.1\\r\\n\\r\\n".encode())
        print(proxy.recv(12).decode())
"""
        found = inside.python(code, *(f"{host}:{secret}" for host in hosts), f"127.0.0.1:{listed}")
    assert found.splitlines() == ["HTTP/1.1 403"] * len(hosts) + ["HTTP/1.1 200"]


def test_there_is_no_way_around_the_proxy(beside: Beside) -> None:
    code = """
import os, socket, sys
def attempt(what):
    try:
        what()
    except OSError as error:
        return type(error).__name__
    return "reached"
address, port = sys.argv[1], int(sys.argv[2])
print(attempt(lambda: socket.create_connection((address, port), 5)))
print(attempt(lambda: socket.create_connection(("127.0.0.1", port), 5)))
print(attempt(lambda: socket.getaddrinfo("data.example.org", 443)))
print(attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("8.8.8.8", 53))))
print(attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)))
print(sorted(os.listdir("/sys/class/net")))
"""
    with served(Files, "0.0.0.0") as port, beside(way_to(port)) as inside:
        found = inside.python(code, own_address(), str(port)).splitlines()
    assert found == ["OSError", "ConnectionRefusedError", "gaierror", "OSError", "PermissionError", "['lo']"]


def own_address() -> str:
    """An address of this machine that is not its loopback, where it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "192.0.2.1"
        return str(probe.getsockname()[0])


def test_the_relay_ends_with_the_egress(beside: Beside) -> None:
    with beside(way_to(1)) as inside:
        assert inside.python("print(1)") == "1\n"
    assert inside.holder.wait(timeout=60)["StatusCode"] == 0


def test_the_relay_ends_with_our_process(client: docker.DockerClient, bed: Bed, labels: Mapping[str, str]) -> None:
    code = """
import os, sys
import docker
from runner.container.allowed import parse
from runner.container.egress import Egress
client = docker.from_env()
attached = client.api.attach_socket(sys.argv[1], params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
client.api.start(sys.argv[1])
Egress(parse([])).start(attached)
os.kill(os.getpid(), 9)
"""
    made = client.containers.create(
        bed.base, ["python3", "-I", "-c", SOURCE], stdin_open=True, labels=dict(labels), network_mode="none"
    )
    subprocess.run([sys.executable, "-c", code, str(made.id)], timeout=60, check=False)
    assert made.wait(timeout=60)["StatusCode"] == 0


def test_a_relay_that_dies_is_known_and_its_programs_get_an_error(beside: Beside) -> None:
    with served(Files) as port, beside(way_to(port)) as inside:
        inside.holder.kill()
        inside.holder.wait(timeout=60)
    assert re.match("the relay in the container has ended", inside.record.broken)


def test_an_image_without_a_python_is_an_error_that_says_so(
    client: docker.DockerClient, bed: Bed, labels: Mapping[str, str]
) -> None:
    command = ("sh", "-c", "echo python3: not found >&2; exit 127")
    with (
        pytest.raises(RelayFailed, match=r"has ended: python3: not found\n  the image needs a python3"),
        relayed_by(Egress(parse([])), client, bed.base, labels, command),
    ):
        pytest.fail("nothing runs where the listed hosts cannot be reached")
