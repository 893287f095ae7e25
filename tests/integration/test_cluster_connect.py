"""Reaching a cluster: each way it cannot be reached has its own text, and comes at once."""

import contextlib
import functools
import platform
import re
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from ray_nodes import RayCluster, free_port, ray_cluster
from repositories import Repository

from action.activities.sweep_open import NoAddress, NotACluster, cluster_address
from runner.sweep.cluster import connect
from runner.sweep.cluster.connect import check_address, connected, other_versions
from runner.sweep.cluster.refusals import NotInTheCluster, OtherVersions, RayMissing, Unreachable, WrongAddress

TOKEN = "a-token-of-a-cluster-in-a-test-0123456789"


def test_which_cluster_is_said_once_and_said() -> None:
    assert cluster_address(None, None, {"RAY_ADDRESS": "h:1"}) is None
    assert cluster_address(None, "h:1", {}) == cluster_address("ray", None, {"RAY_ADDRESS": "h:1"}) == "h:1"
    with pytest.raises(NoAddress, match="of which cluster"):
        cluster_address("ray", None, {})
    with pytest.raises(NotACluster, match="exclude each other"):
        cluster_address("local", "h:1", {})


@pytest.mark.parametrize("wrong", ["local", "auto", "head", "ray://head", "head:0", "head:99999", "x://h:1", "a b:1"])
def test_an_address_that_is_none_is_refused_before_ray_would_start_a_cluster_of_its_own(wrong: str) -> None:
    with pytest.raises(WrongAddress, match="is not the address of a Ray cluster"):
        check_address(wrong)
    assert check_address("head.example.org:6379")
    assert check_address("ray://[::1]:10001")


def test_without_ray_it_says_what_to_install_and_what_to_do_in_the_action(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RayMissing) as refused, connected("head:6379", print):
        pass
    assert "pip install 'ml-experiment[ray]'" in str(refused.value)
    assert "the image of the Action has none" in str(refused.value)


def test_a_node_without_ml_experiment_is_told_from_one_with_another() -> None:
    here = {"Python": "3.11", "Ray": "2.60.0", "ml-experiment": "0.1.0 (aaa)"}
    lacks = str(other_versions("node n", {**here, "ml-experiment": "none"}, here))
    assert "node n: not what runs here:\n    ml-experiment: none there, 0.1.0 (aaa) here" in lacks
    assert "install it there, in the Python that runs `ray start`" in lacks
    other = str(other_versions("node n", {**here, "Python": "3.12"}, here))
    assert "    Python: 3.12 there, 3.11 here\n  install the same on both" in other


@pytest.mark.ray
@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_nothing_at_the_address(form: str) -> None:
    with pytest.raises(Unreachable, match=r"nothing answers there\n"), connected(form.format(free_port()), print):
        pass


@pytest.mark.ray
@pytest.mark.parametrize("elsewhere", [set(), {"0" * 56}], ids=["no node here", "a node of another cluster here"])
def test_a_machine_that_is_no_node_of_the_cluster_is_told_so(
    two_nodes: RayCluster, monkeypatch: pytest.MonkeyPatch, elsewhere: set[str]
) -> None:
    from ray._private import services

    monkeypatch.setattr(connect, "WAIT_S", 1.0)
    monkeypatch.setattr(services, "find_node_ids", lambda: elsewhere)
    patient = services.get_node_to_connect_for_driver  # for a minute
    monkeypatch.setattr(services, "get_node_to_connect_for_driver", functools.partial(patient, timeout_seconds=1))
    with pytest.raises(NotInTheCluster) as refused, connected(two_nodes.address, print):
        pass
    assert "the cluster answers, but this machine is no node of it" in str(refused.value)
    assert f"ray start --address={two_nodes.address} --num-cpus=0" in str(refused.value)
    monkeypatch.undo()
    with connected(two_nodes.address, print) as pulse:
        assert not pulse.lost


@pytest.mark.ray
@pytest.mark.parametrize("client", [False, True], ids=["node", "client"])
def test_another_ray_than_the_clusters_is_named_with_both_versions_and_nothing_that_is_the_same(
    two_nodes: RayCluster, monkeypatch: pytest.MonkeyPatch, *, client: bool
) -> None:
    monkeypatch.setattr("ray.__version__", "2.59.1")
    with contextlib.ExitStack() as turn:
        address = turn.enter_context(two_nodes.client()) if client else two_nodes.address
        with pytest.raises(OtherVersions) as refused, connected(address, print):
            pass
    assert f"{address}: not what runs here:\n    Ray: 2.60.0 there, 2.59.1 here\n  install the same" in str(
        refused.value
    )


@pytest.mark.ray
def test_python_is_told_to_the_digit_that_differs(two_nodes: RayCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    here = platform.python_version()
    monkeypatch.setattr("ray._private.utils.compute_version_info", lambda: (version("ray"), "3.11.99"))
    with pytest.raises(OtherVersions) as refused, connected(two_nodes.address, print):
        pass
    assert f"runs here:\n    Python: {here} there, 3.11.99 here\n  install the same on both" in str(refused.value)


DIES = """\
import os, signal, sys, time

def first(what):
    try:
        os.mkdir(os.path.join({folder!r}, what))
    except FileExistsError:
        return False
    return True

def looked_at(self, look):
    if sys._getframe(2).f_code.co_name == "start_specific_server" and first("under the eyes of the head"):
        os.kill(self.pid, signal.SIGKILL)
        while self.status() != "zombie":
            time.sleep(0.01)
    return look(self)

if "ray.util.client.server" in sys.orig_argv:
    if "--mode=specific-server" in sys.orig_argv:
        if os.path.isdir(os.path.join({folder!r}, "under the eyes of the head")) and first("by itself"):
            os._exit(1)
    else:
        import psutil
        look = psutil.Process.cmdline
        psutil.Process.cmdline = lambda self: looked_at(self, look)
"""


@pytest.mark.ray
def test_where_the_heads_server_for_us_dies_before_it_is_one_another_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    died = tmp_path / "died"
    died.mkdir()
    (tmp_path / "sitecustomize.py").write_text(DIES.format(folder=str(died)))
    environ = {"PYTHONPATH": str(tmp_path), "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "10"}
    monkeypatch.setenv("RAY_CLIENT_RECONNECT_GRACE_PERIOD", "1")  # Ray holds on to a refused connection for so long
    said: list[str] = []
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    with ray_cluster(folder, environ) as cluster, cluster.client() as address:
        with monkeypatch.context() as once:
            once.setattr(connect, "_SERVERS", 1)
            with pytest.raises(Unreachable, match="did not get a server for us started") as refused:
                connected(address, print).__enter__()
        assert re.search(r"times:\n  psutil\S*: PID still exists but it's a zombie", str(refused.value))
        with connected(cluster.address, print) as pulse:  # nothing is left of what failed
            assert not pulse.lost
        with connected(address, said.append) as pulse:
            assert not pulse.lost
    assert {path.name for path in died.iterdir()} == {"under the eyes of the head", "by itself"}
    first, *again = said
    assert first == f"connecting to the cluster {address}"
    assert again
    assert set(again) == {f"{address}: its head did not get a server for us started; it is asked again"}


@pytest.mark.ray
def test_a_head_that_never_gets_a_server_started_is_named_and_where_it_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ConnectionAbortedError("Traceback:\n  File\nRuntimeError: Starting Ray client server failed. See x.err\n")

    monkeypatch.setattr(connect, "_knock", lambda _: None)
    monkeypatch.setattr("ray.init", fails)
    said: list[str] = []
    with pytest.raises(Unreachable) as refused, connected("ray://h:1", said.append):
        pass
    assert len(said) == 3
    assert (
        "did not get a server for us started, 3 times:\n  RuntimeError: Starting Ray client server failed. See x.err\n"
        "  what its logs say is in ray_client_server*.err"
    ) in str(refused.value)
    assert str(refused.value).endswith("nothing was run")


@pytest.fixture
def guarded() -> Iterator[RayCluster]:
    """A cluster that asks for a token."""
    environ = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
    with ray_cluster(Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp")), environ) as cluster:
        cluster.add("--num-cpus", "2")
        cluster.wait_for(2)
        yield cluster


SEES = """\
import json, os
with open("seen.txt", "w") as file:
    file.write(" ".join(sorted(os.environ)) + repr(sorted(os.environ.values())))
json.dump({"loss": float(os.environ["ML_EXPERIMENT_PARAM_X"])}, open("metrics.json", "w"))
"""
EXPERIMENT = """\
experiment: tiny
environment: {lock: requirements.lock}
command: python train.py
seeds: [0]
metric_files: [metrics.json]
artifacts: [seen.txt]
metrics: {loss: {goal: minimize}}
resources: {cpus: 1, timeout: 60s}
sweep: {trials: 1, objective: {loss: minimize}, space: {x: {float: [-5, 5]}}}
"""


@pytest.mark.ray
def test_a_token_lets_in_a_wrong_one_does_not_and_training_never_sees_it(
    guarded: RayCluster, repository: Repository
) -> None:
    repository.write("train.py", SEES)
    repository.write("ml-experiment.yaml", EXPERIMENT)
    client = f"ray://127.0.0.1:{guarded.client_port}"
    for address in (guarded.address, client):
        without = repository.run("sweep", "--ray-address", address)
        assert (without.code, "it asks for a token, and none is given" in without.err) == (2, True), without.err
        wrong = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "another-token-of-some-length-0123456789"}
        refused = repository.run("sweep", "--ray-address", address, environ=wrong)
        assert (refused.code, "it asks for a token, and this is not it" in refused.err) == (2, True), refused.err
        assert "another-token" not in refused.err
    right = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
    done = repository.run("sweep", "--ray-address", guarded.address, environ=right)
    assert done.code == 0, done.err
    for path in repository.state.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes()
    assert list(repository.state.glob("runs/*/artifacts/seen.txt"))
