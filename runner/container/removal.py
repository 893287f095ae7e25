"""Removes what a session made in the engine: containers, volumes, networks with its label, and nothing else."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from experiment.errors import InfrastructureFailed
from runner.container.labels import SESSION

if TYPE_CHECKING:
    from docker import DockerClient

_PAUSE_S = 0.2
_AT_ONCE = 8


class NotRemoved(InfrastructureFailed):
    """Something of a session is still in the engine when the time for removing it is over."""

    def __init__(self, session: str, left: list[str], why: str) -> None:
        filtered = f"--filter label={SESSION}={session}"
        super().__init__(
            f"not removed from the engine in time: {', '.join(left) or 'nobody knows what'}"
            f"{f' ({why})' if why else ''}\n"
            "  a watchdog goes on trying, and the next start does; by hand: "
            f"docker rm -fv $(docker ps -aq {filtered}); docker volume rm $(docker volume ls -q {filtered}); "
            f"docker network rm $(docker network ls -q {filtered})"
        )


def remove_session(client: "DockerClient", session: str, within_s: float, *, quiet_s: float = 0) -> int:
    """Remove all that has the session's label, and say how many objects there were. Raises NotRemoved.

    Tries again until `within_s` seconds are over: what is in use, half removed, or what the engine does not answer to.
    It is over when nothing was there for `quiet_s` seconds: a request that a killed process left under way may still
    make something. Each call takes as long as the client's own timeout lets it.
    """
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    until, empty_since, removed, left, why = time.monotonic() + within_s, None, set[str](), list[str](), ""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while True:
            try:
                why = ""
                left = _round(client, session, pool, removed)
            except (DockerException, RequestException, OSError) as error:
                left, why = [], " ".join(str(error).split())[:200]
            now = time.monotonic()
            if left or why:
                empty_since = None
            elif now - (empty_since := empty_since or now) >= quiet_s:
                return len(removed)
            if now > until:
                raise NotRemoved(session, left, why)
            time.sleep(_PAUSE_S)


def _round(client: "DockerClient", session: str, pool: ThreadPoolExecutor, removed: set[str]) -> list[str]:
    """Ask once for the removal of each thing there; the names of those that were there. In use comes after its user."""
    found = []
    for things in (_containers, _volumes, _networks):
        batch = dict(things(client, session))
        list(pool.map(_try, batch.values()))
        found += list(batch)
    removed.update(found)
    return found


def _try(remove: Callable[[], object]) -> None:
    """A refusal (gone meanwhile, being removed, in use) is seen in the next round: it is there still, or not."""
    from docker.errors import APIError

    try:
        remove()
    except APIError:
        return


Removals = Iterator[tuple[str, Callable[[], object]]]
"""Name of a thing and what removes it."""


def _containers(client: "DockerClient", session: str) -> Removals:
    for found in client.api.containers(all=True, filters={"label": f"{SESSION}={session}"}):
        yield f"container {found['Id'][:12]}", partial(client.api.remove_container, found["Id"], force=True, v=True)


def _volumes(client: "DockerClient", session: str) -> Removals:
    for found in client.api.volumes(filters={"label": f"{SESSION}={session}"})["Volumes"] or ():
        yield f"volume {found['Name']}", partial(client.api.remove_volume, found["Name"])


def _networks(client: "DockerClient", session: str) -> Removals:
    for found in client.api.networks(filters={"label": f"{SESSION}={session}"}):
        yield f"network {found['Name']}", partial(client.api.remove_network, found["Id"])
