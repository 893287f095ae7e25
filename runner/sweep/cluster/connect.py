"""The connection to a Ray cluster: quiet, bounded in time, and never one that Ray would start by itself."""

import atexit
import contextlib
import importlib.util
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from runner.sweep.cluster.hand import about
from runner.sweep.cluster.pulse import Pulse
from runner.sweep.cluster.refusals import (
    ClusterLost,
    NotInTheCluster,
    OtherVersions,
    RayMissing,
    TokenRefused,
    Unreachable,
    WrongAddress,
)

if TYPE_CHECKING:
    import grpc

WAIT_S = 10.0
_PULSE_S = 5.0
_LOOK_S = 0.5
_CLIENT = "ray://"
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_SCHEDULER_EVENTS": "0",
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # else `uv run` makes Ray upload the working directory
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "GRPC_VERBOSITY": "NONE",
}
_GCS = "/ray.rpc.NodeInfoGcsService/GetClusterId"
_SERVER = "/ray.rpc.RayletDriver/ClusterInfo"
_SERVERS = 3
_OURS = "pip install 'ml-experiment[ray]'"


def check_address(address: str) -> str:
    """The address. Raises WrongAddress."""
    host, _, port = address.removeprefix(_CLIENT).rpartition(":")
    if re.fullmatch(r"[A-Za-z0-9.\-]+|\[[0-9A-Fa-f:]+\]", host) and port.isdigit() and 0 < int(port) < 65536:
        return address
    raise WrongAddress(
        f"ray-address: {address!r} is not the address of a Ray cluster\n"
        "  give HOST:PORT of its head on a machine that is a node of it (6379 unless it was started otherwise),\n"
        "  or ray://HOST:10001 from elsewhere\nnothing was run"
    )


@contextlib.contextmanager
def connected(address: str, say: Callable[[str], None]) -> Iterator[Pulse]:
    """While it lasts `ray` speaks to the cluster at `address`; whether that is still there.

    `say` gets a line before the wait, which where Ray has to be asked again is minutes, and one each time it is.
    Raises WrongAddress, RayMissing, Unreachable, TokenRefused, OtherVersions, NotInTheCluster.
    """
    check_address(address)
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    if importlib.util.find_spec("ray") is None or importlib.util.find_spec("grpc") is None:
        raise RayMissing(
            f"{address}: Ray is not installed beside ml-experiment\n"
            f"  {_OURS}, with the version of Ray that the cluster has; the image of the Action has none: there,\n"
            "  install it in a step of the workflow and run: ml-experiment sweep --executor ray --ray-address ADDRESS\n"
            "nothing was run"
        )
    _knock(address)
    say(f"connecting to the cluster {address}")
    if not address.startswith(_CLIENT):
        _check_home(address)
    _join(address, say)
    pulse = Pulse(lambda: _answers(address))
    try:
        with pulse:
            yield pulse
    finally:
        _leave(pulse)


def _join(address: str, say: Callable[[str], None]) -> None:
    """Ray's own connection. Raises what `connected` raises.

    Behind ray:// the head forks a server for each client, from a process of many threads: in what gRPC does around a
    fork that can die, by SIGSEGV or SIGABRT, before it is a server. Ray 2.60: the first of a head 12 times of 40, with
    GRPC_ENABLE_FORK_SUPPORT=0 where the head was started 0 of 40, later ones 1 of 57. The next one lives. What the head
    says of it depends on when it died; ConnectionAbortedError, which Ray raises for nothing else, is all of that.
    """
    import ray

    for left in reversed(range(_SERVERS)):
        try:
            with _silent():
                ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL, configure_logging=False)
            return
        except Exception as error:
            ray.shutdown()  # a client that failed is still half on: the next connection would be an AssertionError
            if not left or not isinstance(error, ConnectionAbortedError):
                raise _explained(address, error) from None
        say(f"{address}: its head did not get a server for us started; it is asked again")


def _check_home(address: str) -> None:
    """Raises NotInTheCluster where no node of any cluster is here: Ray looks for a minute, then says something else."""
    from ray._private.services import find_node_ids

    until = time.monotonic() + WAIT_S  # one that was started just now may not be there yet
    while not find_node_ids():  # type: ignore[no-untyped-call]
        if time.monotonic() > until:
            raise _no_node(address)
        time.sleep(_LOOK_S)


def _leave(pulse: Pulse) -> None:
    """Say good-bye. Where the cluster is gone, Ray would wait for its answer, and crash when Python ends."""
    import ray

    if pulse.lost:
        atexit.register(os._exit, ClusterLost.exit_code)  # the first thing when Python ends, and the last
    else:
        ray.shutdown()


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Ray says on standard error, past Python, that it was told to be quiet."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _ask(address: str, timeout_s: float) -> None:
    """An empty question. Raises grpc.RpcError, and AuthenticationError where there is no token to show."""
    from ray._private.grpc_utils import init_grpc_channel

    with init_grpc_channel(address.removeprefix(_CLIENT)) as channel:
        channel.unary_unary(_SERVER if address.startswith(_CLIENT) else _GCS)(b"", timeout=timeout_s)


def _answers(address: str) -> bool:
    """Whether anybody is there, whatever they say."""
    import grpc

    try:
        _ask(address, _PULSE_S)
    except grpc.RpcError as error:
        return error.code() not in _silence()
    return True


def _silence() -> "tuple[grpc.StatusCode, ...]":
    import grpc

    return grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED


def _knock(address: str) -> None:
    """Ask, once, whether Ray answers and lets us in: Ray's own way takes minutes, and talks to the terminal."""
    import grpc
    from ray.exceptions import AuthenticationError

    client = address.startswith(_CLIENT)
    try:
        _ask(address, WAIT_S)
    except AuthenticationError:
        raise _token(address, "RAY_AUTH_MODE is token here, and there is no token") from None
    except grpc.RpcError as error:
        code = error.code()
        if code is grpc.StatusCode.UNAUTHENTICATED:
            asks = "it asks for a token, and " + ("this is not it" if _has_token() else "none is given")
            raise _token(address, asks) from None
        if client and code is grpc.StatusCode.NOT_FOUND:
            return  # to an empty question there is no answer; who is let in hears that
        if code in _silence():
            within = f" within {WAIT_S:g} s" if code is grpc.StatusCode.DEADLINE_EXCEEDED else ""
            raise _unreachable(address, f"nothing answers there{within}") from None
        raise _unreachable(address, f"what answers there is no Ray ({code.name})") from None


def _has_token() -> bool:
    return os.environ.get("RAY_AUTH_MODE") == "token"


def _token(address: str, what: str) -> TokenRefused:
    return TokenRefused(
        f"ray-address: {address}: {what}\n"
        "  set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN (or RAY_AUTH_TOKEN_PATH) to the token of the cluster\n"
        "nothing was run"
    )


def _unreachable(address: str, why: str) -> Unreachable:
    return Unreachable(
        f"ray-address: {address}: {why}\n"
        "  is the cluster up (ray status), is this the port of its head, does a firewall let it through?\n"
        "  no cluster is started in its place\nnothing was run"
    )


def _no_node(address: str) -> NotInTheCluster:
    return NotInTheCluster(
        f"ray-address: {address}: the cluster answers, but this machine is no node of it\n"
        f"  make it one (ray start --address={address} --num-cpus=0), or give ray://HOST:10001\nnothing was run"
    )


def _explained(address: str, error: Exception) -> Exception:
    text = str(error.__cause__ or error)
    if "ersion mismatch" in text:
        told = re.findall(r"(Ray|Python): (\S+)", text)  # of the cluster, then of this process: to the last digit
        return other_versions(address, dict(told[:2]), {**about(), **dict(told[2:])})
    if "No node info found" in text:
        return _no_node(address)
    if isinstance(error, ConnectionAbortedError):
        return Unreachable(
            f"ray-address: {address}: its head did not get a server for us started, {_SERVERS} times:\n"
            f"  {_last_line(text)[:300]}\n"
            "  what its logs say is in ray_client_server*.err there, below /tmp/ray/session_latest/logs;\n"
            "  if nothing, start the head with GRPC_ENABLE_FORK_SUPPORT=0 in its environment: fork is where it dies;\n"
            "  a machine that is a node of the cluster needs none: give HOST:PORT there\nnothing was run"
        )
    return _unreachable(address, f"Ray cannot connect: {type(error).__name__}: {' '.join(text.split())[:300]}")


def _last_line(text: str) -> str:
    """Of a traceback, what it is about."""
    return (text.strip().splitlines() or [""])[-1].strip()


def other_versions(where: str, there: dict[str, str], here: dict[str, str]) -> OtherVersions:
    """The refusal that names what differs; `there` and `here` as `about` gives them, or a part of it."""
    differs = [name for name in ("Python", "Ray", "ml-experiment") if there.get(name, here[name]) != here[name]]
    told = "".join(f"\n    {name}: {there[name]} there, {here[name]} here" for name in differs)
    lacks = there.get("ml-experiment") == "none"
    remedy = f"install it there, in the Python that runs `ray start`: {_OURS}" if lacks else "install the same on both"
    return OtherVersions(f"{where}: not what runs here:{told}\n  {remedy}\nnothing was run")
