"""Containers and volumes of ours in the engine: made, checked before anything runs in them, and removed."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from runner.container.engine import EngineFailed
from runner.sandbox import USER, Sandbox, SandboxBreached, excess, request

if TYPE_CHECKING:
    from docker import APIClient

_INODES = 1_000_000
_ENDED = ("removal of container", "is already in progress", "No such")


def create(api: "APIClient", sandbox: Sandbox, name: str) -> str:
    """The id of a new container that has what `sandbox` says and nothing else; it is not started.

    Raises SandboxBreached where the engine made something else, which is gone by then, and docker's APIError.
    """
    made = str(api.create_container_from_config(request(sandbox), name)["Id"])
    try:
        breaches = excess(sandbox, api.inspect_container(made))
        if breaches:
            raise SandboxBreached(
                f"the engine made a container with more than was asked for: {'; '.join(breaches)[:600]}\n"
                "  nothing ran in it; look at the engine's settings (default runtime, swap accounting, userns): "
                "ml-experiment doctor"
            )
    except BaseException:
        remove(api, made)
        raise
    return made


def capped_volume(api: "APIClient", name: str, size: int, labels: Mapping[str, str]) -> None:
    """A volume in memory of at most `size` bytes, which lives as long as a container that has it mounted."""
    user, _, group = USER.partition(":")
    options = {
        "type": "tmpfs",
        "device": "tmpfs",
        "o": f"size={size},nr_inodes={_INODES},uid={user},gid={group},mode=0755",
    }
    api.create_volume(name, driver="local", driver_opts=options, labels=dict(labels))


def remove(api: "APIClient", container: str) -> None:
    """Remove a container, running or not. One that is gone, or being removed by another, is as good."""
    import docker.errors

    with contextlib.suppress(docker.errors.NotFound):
        try:
            api.remove_container(container, force=True, v=True)
        except docker.errors.APIError as error:
            if not any(text in str(error.explanation) for text in _ENDED):
                raise


def remove_volume(api: "APIClient", name: str) -> None:
    """Remove a volume that no container has any more."""
    import docker.errors

    with contextlib.suppress(docker.errors.NotFound):
        api.remove_volume(name, force=True)


@contextlib.contextmanager
def unstarted(api: "APIClient", image: str, mounts: Mapping[str, str], labels: Mapping[str, str]) -> Iterator[str]:
    """A container that is never started: through it files get into volumes. `mounts`: volume -> place inside."""
    config: dict[str, Any] = {
        "Image": image,
        "Entrypoint": ["/never-started"],
        "Labels": dict(labels),
        "NetworkDisabled": True,
        "HostConfig": {
            "NetworkMode": "none",
            "Mounts": [
                {"Type": "volume", "Source": name, "Target": target, "VolumeOptions": {"NoCopy": True}}
                for name, target in mounts.items()
            ],
        },
    }
    made = str(api.create_container_from_config(config, None)["Id"])
    try:
        yield made
    finally:
        remove(api, made)


def put(api: "APIClient", container: str, place: str, packed: Any) -> None:
    """Unpack an archive (bytes, a file, or pieces) at `place`. Raises EngineFailed."""
    import docker.errors

    try:
        api.put_archive(container, place, packed)
    except docker.errors.APIError as error:
        why = str(error.explanation)
        remedy = "raise resources.disk" if "no space" in why else "look at the engine's log"
        raise EngineFailed(f"{place}: the engine does not take the files: {why[:300]}\n  {remedy}") from None
