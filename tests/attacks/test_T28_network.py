"""T28: a run reaches nobody; with an allow-list nobody else; and the record says what it tried."""

import json

import pytest
from container_bed import Bed
from container_place import Place, outcome
from unharmed import attack, unharmed

from experiment.errors import Refused
from experiment.record import Status
from experiment.spec import Resources

pytestmark = pytest.mark.docker

REACH = """\
import json, os, socket, urllib.request
found = {}

def attempt(name, what):
    try:
        what()
        found[name] = "done"
    except OSError as error:
        found[name] = str(getattr(error, "reason", error))

def connect(host, port, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as asked:
        asked.settimeout(3)
        asked.connect((host, port))
        asked.send(b"x")

"""
OUT = """
attempt("public address", lambda: connect("1.1.1.1", 443))
attempt("IPv6", lambda: connect("2606:4700:4700::1111", 443))
attempt("metadata", lambda: connect("169.254.169.254", 80))
attempt("engine's bridge", lambda: connect("172.17.0.1", 22))
attempt("private", lambda: connect("10.0.0.1", 80))
attempt("name server", lambda: connect("8.8.8.8", 53, socket.SOCK_DGRAM))
attempt("name", lambda: socket.getaddrinfo("example.org", 80))
attempt("raw packets", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
attempt("frames", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt("hypervisor", lambda: socket.socket(40, socket.SOCK_STREAM).connect((2, 1024)))
"""
TELL = """
found["interfaces"] = sorted(os.listdir("/sys/class/net"))
found["routes"] = len(open("/proc/net/route").read().splitlines()) - 1
print(json.dumps(found)); print("loss 1")
"""


def test_without_a_network_there_is_only_itself(place: Place, bed: Bed) -> None:
    registry = f"attempt('service of this machine', lambda: connect('127.0.0.1', {bed.registry.rpartition(':')[2]}))"
    ran = attack(place, REACH + OUT + registry + TELL)
    assert outcome(ran) == (Status.OK, "")
    found = json.loads(ran.log_tail.splitlines()[0])
    assert found.pop("interfaces") == ["lo"]
    assert found.pop("routes") == 0
    assert "done" not in found.values(), found
    assert found["metadata"] == "[Errno 101] Network is unreachable"
    assert found["raw packets"] == "[Errno 1] Operation not permitted"


def test_its_own_loopback_works(place: Place) -> None:
    script = """\
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).send(b"x")
print(server.accept()[0].recv(1)); print("loss 1")
"""
    assert attack(place, script).log_tail.splitlines()[0] == "b'x'"


def test_abstract_sockets_of_this_machine_are_not_its(place: Place) -> None:
    script = "print(open('/proc/net/unix').read().count('@')); print('loss 1')"
    assert attack(place, script).log_tail.splitlines()[0] == "0"


def test_with_a_list_whatever_is_not_on_it_is_refused_and_recorded(place: Place, bed: Bed) -> None:
    port = bed.registry.rpartition(":")[2]
    script = f"""
attempt("not listed", lambda: urllib.request.urlopen("http://example.org/", timeout=20))
attempt("metadata", lambda: urllib.request.urlopen("http://169.254.169.254/latest/meta-data/", timeout=20))
attempt("by number", lambda: urllib.request.urlopen("http://2130706433:{port}/v2/", timeout=20))
attempt("another port", lambda: urllib.request.urlopen("http://mirror.example.org:22/", timeout=20))
"""
    resources = Resources(network=("mirror.example.org",), timeout=120.0)
    ran = attack(place, REACH + script + OUT + TELL, resources=resources)
    assert outcome(ran) == (Status.OK, "")
    found = json.loads(ran.log_tail.splitlines()[0])
    assert found.pop("interfaces") == ["lo"]
    assert "done" not in [text for name, text in found.items() if name != "routes"], found
    assert {"example.org:80", "169.254.169.254:80", "mirror.example.org:22"} <= ran.record.refused.keys()
    assert ran.record.reached == {}


@pytest.mark.parametrize("entry", ["169.254.169.254", "[fd00:ec2::254]", "*.169.254.169.254", "2852039166", "0.0.0.0"])
def test_a_list_with_a_metadata_address_is_refused_before_anything_is_run(place: Place, entry: str) -> None:
    place.write("train.py", "print('loss 1')")
    with unharmed(place), pytest.raises(Refused) as refused:
        place.run("print('loss 1')", resources=Resources(network=(entry,)))
    assert str(refused.value).startswith("ml-experiment.yaml: resources.network: ")
    assert str(refused.value).endswith("nothing was run")
