"""Removes, at the start, what earlier sessions left in the engine; never what lives, and never what is not ours."""

import contextlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.container import data_mark
from runner.container.labels import DATA, SESSION, Owner, mark_of, owner_of
from runner.container.lease import State, seen
from runner.container.removal import NotRemoved, remove_session

if TYPE_CHECKING:
    from docker import DockerClient

UNUSED_S = 30 * 24 * 3600.0
"""A data volume that nobody used for this long is removed."""
_WITHIN_S = 30.0


@dataclass(frozen=True)
class Reaped:
    """What was done: sessions cleaned up after, data volumes removed, and what could not be (for a person)."""

    sessions: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def reap(client: "DockerClient", now: float) -> Reaped:
    """Remove what sessions left whose lease is free, or, where that cannot be seen from here, whose deadline is over.

    `now`: seconds since 1970. Raises what docker-py raises where the engine does not answer at all.
    """
    sessions: list[str] = []
    failed: list[str] = []
    for session, owners in _sessions(client).items():
        latest = max(owners, key=lambda owner: owner.deadline)
        with seen(latest) as state:
            if state is State.LIVING or (state is State.UNSEEN and now <= latest.deadline):
                continue
            try:
                remove_session(client, session, _WITHIN_S)
            except NotRemoved as error:
                failed.append(str(error))
                continue
            sessions.append(session)
            if state is State.OVER:
                with contextlib.suppress(OSError):
                    latest.lease.unlink(missing_ok=True)
    return Reaped(tuple(sessions), tuple(_data(client, now)), tuple(failed))


def _sessions(client: "DockerClient") -> dict[str, list[Owner]]:
    wanted = {"label": SESSION}
    labels: list[Mapping[str, str] | None] = [
        found["Labels"]
        for found in (
            *client.api.containers(all=True, filters=wanted),
            *(client.api.volumes(filters=wanted)["Volumes"] or ()),
            *client.api.networks(filters=wanted),
        )
    ]
    found = defaultdict(list)
    for owner in map(owner_of, filter(None, labels)):
        if owner is not None:
            found[owner.session].append(owner)
    return found


def _data(client: "DockerClient", now: float) -> list[str]:
    """Remove data volumes that are incomplete or unused; one that a container uses stays, by the engine's refusal."""
    from docker.errors import APIError

    removed = []
    for volume in client.api.volumes(filters={"label": DATA})["Volumes"] or ():
        labels = volume["Labels"] or {}
        owner, mark = owner_of(labels), mark_of(labels)
        if owner is None or mark is None:
            continue
        with seen(owner) as filler:
            if filler is State.LIVING:
                continue
            unused = data_mark.unused_s(mark, now)
            incomplete = data_mark.is_filling(mark) or now > owner.deadline
            due = incomplete if unused is None else unused > UNUSED_S
            if not due:
                continue
            with contextlib.suppress(APIError):
                client.api.remove_volume(volume["Name"])
                data_mark.forget(mark)
                removed.append(str(volume["Name"]))
    return removed
