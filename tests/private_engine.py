"""A container engine of a test's own, which may be killed, filled and misconfigured: nobody else's is touched."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import container_bed

_START_S = 60.0


class DoesNotStart(Exception):
    """The engine does not answer; its last words."""


@dataclass
class PrivateEngine:
    """`dockerd` with everything it keeps below `folder`, its images and containers below `data`; no network."""

    folder: Path
    data: Path
    options: Sequence[str] = ()
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def address(self) -> str:
        return f"unix://{self.folder / 'socket'}"

    @property
    def variables(self) -> dict[str, str]:
        """By which commands find it."""
        return {**os.environ, "DOCKER_HOST": self.address}

    def start(self) -> None:
        """Start it, and wait until it answers."""
        (self.folder / "pid").unlink(missing_ok=True)  # of one that was killed
        places = {"data-root": self.data, "exec-root": self.folder / "exec", "pidfile": self.folder / "pid"}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    # a network of its own: with --bridge=none an engine removes docker0, which is another engine's
                    *("unshare", "--net", "--", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", "dockerd"),
                    *(f"--{name}={path}" for name, path in places.items()),
                    *(f"--host={self.address}", "--bridge=none", "--iptables=false", "--shutdown-timeout=1"),
                    *self.options,
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + _START_S
        while self.docker("version", check=False).returncode:
            if self.process.poll() is not None or time.monotonic() > until:
                raise DoesNotStart((self.folder / "log").read_text()[-2000:])
            time.sleep(0.1)

    def kill(self) -> None:
        """As the kernel does when memory is short: nothing is told to anybody."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        helper = self.folder / "exec" / "containerd" / "containerd.pid"
        while _lives(int(helper.read_text())):  # the kernel ends it with its parent
            time.sleep(0.05)
        helper.unlink()  # where nobody reaps it, the next start would take it for living

    def end(self) -> None:
        """Ask it to end, which ends its containers."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(_START_S)

    def docker(self, *command: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """The docker command, talking to this engine."""
        return subprocess.run(
            ["docker", *command], env=self.variables, capture_output=True, text=True, check=check, timeout=_START_S
        )

    def pull(self, image: str) -> None:
        """Fetch an image of the test bed, whose registry this engine does not reach."""
        with self.registry():
            self.docker("pull", "--quiet", image)

    @contextlib.contextmanager
    def registry(self) -> "Iterator[subprocess.Popen[bytes]]":
        """The test bed's registry, for a while, at its usual address in this engine's network."""
        assert self.process is not None
        inside = ["nsenter", f"--net=/proc/{self.process.pid}/ns/net", "--"]
        serve = ["docker-registry", "serve", str(container_bed.answer_file().with_name("registry.yml"))]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen([*inside, *serve], stdout=log, stderr=log)
        try:
            address = container_bed.read().registry
            answers = [*inside, "curl", "--noproxy", "*", "--silent", "--fail", f"http://{address}/v2/"]
            until = time.monotonic() + _START_S
            while subprocess.run(answers, capture_output=True, check=False).returncode:
                if process.poll() is not None or time.monotonic() > until:
                    raise DoesNotStart((self.folder / "log").read_text()[-2000:])
                time.sleep(0.1)
            yield process
        finally:
            process.kill()
            process.wait()


@contextlib.contextmanager
def private_engine(*options: str, data: Path | None = None) -> Iterator[PrivateEngine]:
    """An engine that answers; at the end it is gone with all it made."""
    folder = Path(tempfile.mkdtemp(prefix="ml-experiment-engine-"))  # short: a socket's path has 108 bytes at most
    engine = PrivateEngine(folder, data or folder / "data", options)
    try:
        engine.start()
        yield engine
    finally:
        if engine.process is not None and engine.process.poll() is not None:
            with contextlib.suppress(DoesNotStart):
                engine.start()  # what a killed one left running ends with it
        left = engine.docker("ps", "--quiet", check=False).stdout.split()
        engine.docker("rm", "--force", *left, check=False)
        engine.end()
        _unmount(folder)
        shutil.rmtree(folder)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _unmount(below: Path) -> None:
    """What containers of a killed engine still had mounted."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in reversed([mount for mount in mounts if Path(mount).is_relative_to(below)]):
        subprocess.run(["umount", "--lazy", mount], check=True)
