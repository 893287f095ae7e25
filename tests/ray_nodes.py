"""Ray clusters of several nodes on this machine: each node with a raylet, a home and a cache of its own."""

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from repositories import ROOT
from waiting import wait_for

RAY = str(Path(sys.executable).with_name("ray"))
TESTS = ROOT / "tests"


def free_port() -> int:
    """A port that nobody listens on, below those that the system hands out: it stays free until Ray takes it."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def running(needle: str) -> dict[int, str]:
    """Processes with `needle` in their command line, and what it is."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if needle in command:
                    found[int(entry.name)] = command
    return found


@dataclass
class RayNode:
    """One node. `folder` holds its home, its cache and what Ray writes."""

    folder: Path
    process: "subprocess.Popen[bytes]"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def left(self) -> list[Path]:
        """What workers left there that is not kept from sweep to sweep."""
        return list((self.cache / "offices").glob("*"))

    def kill(self) -> None:
        """As if the machine's power went: the raylet and all of Ray on this node, at once; all are dead after it."""
        self._kill_all()
        self.process.kill()
        self.process.wait()
        wait_for(lambda: not self._kill_all())

    def _kill_all(self) -> set[int]:
        """Kill what lives; gives what that was."""
        found = running(str(self.folder / "ray"))
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return set(found)


@dataclass
class RayCluster:
    """A head without processors, and nodes. On its folders nothing is shared."""

    folder: Path
    port: int
    client_port: int
    environ: Mapping[str, str]
    head: RayNode
    nodes: list[RayNode] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @contextmanager
    def client(self) -> Iterator[str]:
        """The address for who is no node. One at a time on this machine: the servers that heads start for clients take
        ports from 23000 on, and two heads that look for a free one at once take the same; one client is in the other's
        cluster then (Ray 2.60).
        """
        with (Path(tempfile.gettempdir()) / "ml-experiment-tests-ray-client.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield f"ray://127.0.0.1:{self.client_port}"

    def fall_silent(self) -> None:
        """Stop what keeps the nodes together (GCS). Killed, its node would go too, and who is connected there."""
        (pid,) = (pid for pid, command in running(str(self.head.folder / "ray")).items() if "gcs_server" in command)
        os.kill(pid, signal.SIGSTOP)

    def add(self, *options: str, environ: Mapping[str, str] | None = None) -> RayNode:
        """A node; it is there when this returns."""
        folder = self.folder / f"n{len(self.nodes)}"
        node = _started(folder, ["--address", self.address, *options], {**self.environ, **(environ or {})})
        self.nodes.append(node)
        return node

    def wait_for(self, nodes: int) -> None:
        """Until so many nodes are alive; the head is one."""
        code = (
            f"import ray, time; ray.init({self.address!r}, logging_level=50, log_to_driver=False)\n"
            f"while sum(node['Alive'] for node in ray.nodes()) < {nodes}: time.sleep(0.1)\n"
        )
        command = [sys.executable, "-W", "ignore", "-c", code]
        environ = {**os.environ, **self.environ, "RAY_USAGE_STATS_ENABLED": "0"}
        subprocess.run(command, env=environ, check=True, timeout=300, capture_output=True)


def _started(folder: Path, options: list[str], environ: Mapping[str, str]) -> RayNode:
    (folder / "home").mkdir(parents=True)
    variables = {
        **os.environ, "PYTHONPATH": f"{ROOT}:{TESTS}", "HOME": str(folder / "home"),
        "ML_EXPERIMENT_CACHE": str(folder / "cache"), "RAY_USAGE_STATS_ENABLED": "0",
        "GRPC_ENABLE_FORK_SUPPORT": "0",  # as docs/sweeps.md says; else a head's first client may cost 40 s
        **environ,
    }  # fmt: skip
    command = [
        RAY, "start", "--block", "--disable-usage-stats", "--temp-dir", str(folder / "ray"),
        "--min-worker-port", "0", "--max-worker-port", "0", "--dashboard-agent-listen-port", "0",
        "--object-store-memory", "80000000", *options,
    ]  # fmt: skip
    log = (folder / "start.log").open("wb")
    with log:
        process = subprocess.Popen(
            command, env=variables, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    return RayNode(folder, process)


@contextmanager
def ray_cluster(
    folder: Path, environ: Mapping[str, str] | None = None, grows: Callable[[int], Mapping[str, object]] | None = None
) -> Iterator[RayCluster]:
    """A cluster with its head up; all of it is gone at the end. `folder` has a short path: sockets are in it.

    `grows` gives the configuration of Ray's autoscaler for the head's port.
    """
    port, client = free_port(), free_port()
    options = ["--head", "--port", str(port), "--ray-client-server-port", str(client), "--num-cpus", "0"]
    if grows is not None:
        (folder / "autoscaler.json").write_text(json.dumps(grows(port)))
        options += ["--autoscaling-config", str(folder / "autoscaler.json")]
    head = _started(folder / "head", [*options, "--include-dashboard", "false"], environ or {})
    made = RayCluster(folder, port, client, environ or {}, head)
    try:
        until = time.monotonic() + 300
        while not (_answers(port) and _answers(client)):
            assert head.process.poll() is None, (head.folder / "start.log").read_text()
            assert time.monotonic() < until
            time.sleep(0.1)
        yield made
    finally:
        for node in [*made.nodes, head]:
            node.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
