"""Objects in the engine as a session makes them, for the tests of who removes what; and how many are left."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import hasty_session

from runner.container.labels import DATA, SESSION, Owner


@contextmanager
def session(folder: Path, image: str, *args: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A process that makes a session's objects, and the name of the session; killed at the end if it lives."""
    command = [sys.executable, hasty_session.__file__, str(folder), image, *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            name = process.stdout.readline().strip()
            assert name, "the process ended before it had a session"
            yield process, name
        finally:
            process.kill()


def wait_for(process: "subprocess.Popen[str]", step: str, times: int = 1) -> None:
    """Until the process has said `step` so often."""
    assert process.stdout is not None
    while times:
        line = process.stdout.readline()
        assert line, f"the process ended before it said {step!r}"
        times -= line.strip() == step


def objects(client: docker.DockerClient, label: str) -> list[str]:
    """All that carries the label, sorted."""
    wanted = {"label": label}
    found = [
        *(found["Id"] for found in client.api.containers(all=True, filters=wanted)),
        *(found["Name"] for found in client.api.volumes(filters=wanted)["Volumes"] or ()),
        *(found["Id"] for found in client.api.networks(filters=wanted)),
    ]
    return sorted(found)


def of_session(client: docker.DockerClient, name: str) -> list[str]:
    """All that is left of a session."""
    return objects(client, f"{SESSION}={name}")


def until_gone(client: docker.DockerClient, name: str, patience_s: float = 60) -> float:
    """Wait until nothing of the session is left; seconds that took."""
    began = time.monotonic()
    while left := of_session(client, name):
        assert time.monotonic() - began < patience_s, left
        time.sleep(0.1)
    return time.monotonic() - began


def make(client: docker.DockerClient, image: str, owner: Owner) -> list[str]:
    """A running container with a volume, and a network, of a session that no process of ours holds."""
    labels = owner.labels("test")
    volume = client.volumes.create(labels=labels)
    network = client.networks.create(f"{owner.session}-net", labels=labels)
    mount = {volume.name: {"bind": "/v", "mode": "rw"}}
    running = client.containers.run(
        image, ["sleep", "600"], detach=True, labels=labels, volumes=mount, network_mode="none"
    )
    return [str(running.id), volume.name, str(network.id)]


def data_volume(client: docker.DockerClient, owner: Owner, digest: str, mark: Path) -> str:
    """A data volume as `owner` would fill it."""
    return str(client.volumes.create(labels=owner.data_labels(digest, mark)).name)


def data_volumes(client: docker.DockerClient, digest: str) -> list[str]:
    """Names of the data volumes of this digest."""
    return objects(client, f"{DATA}={digest}")
