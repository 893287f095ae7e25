"""The connection to the Docker engine, and what it means when the engine does not answer."""

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from experiment.errors import InfrastructureFailed

if TYPE_CHECKING:
    from docker import APIClient, DockerClient
    from docker.tls import TLSConfig

TIMEOUT_S = 60
OLDEST_API = (1, 41)  # engine 20.10


class EngineMissing(InfrastructureFailed):
    """No engine answers where one is needed."""


class EngineFailed(InfrastructureFailed):
    """The engine refuses what every sandbox needs, or went away for good."""


class EngineLost(Exception):
    """The engine went away, or what ran in it did: a run has to be made again."""


def failures() -> tuple[type[Exception], ...]:
    """What docker-py raises where the engine refuses, fails or goes away: its own, and those of what it is made of.

    Where a stream or a socket is read, OSError comes on top.
    """
    from docker.errors import DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    return DockerException, RequestException, HTTPError


@dataclass(frozen=True)
class Engine:
    """An engine that answered once. Each `with engine.api()` is a connection of its own: threads do not share one."""

    address: str
    version: str  # of its API
    tls: "TLSConfig | bool" = field(default=False, repr=False)

    @contextlib.contextmanager
    def api(self, timeout: int = TIMEOUT_S) -> "Iterator[APIClient]":
        """A new connection, which costs no request; `timeout` in seconds is that of each answer."""
        from docker import APIClient

        with contextlib.closing(
            APIClient(base_url=self.address, version=self.version, timeout=timeout, tls=self.tls)
        ) as api:
            yield api

    @contextlib.contextmanager
    def client(self, timeout: int = TIMEOUT_S) -> "Iterator[DockerClient]":
        """The same in docker-py's other form."""
        from docker import DockerClient

        with contextlib.closing(
            DockerClient(base_url=self.address, version=self.version, timeout=timeout, tls=self.tls)
        ) as client:
            yield client


def find(inherited: Mapping[str, str]) -> Engine:
    """The engine that DOCKER_HOST or the docker command's current context names, else the local one.

    Raises EngineMissing.
    """
    from docker import APIClient
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    where = address(inherited)
    try:
        _knock(where)
        tls = _tls(inherited)
        with contextlib.closing(APIClient(base_url=where, version="1.41", timeout=TIMEOUT_S, tls=tls)) as asked:
            found = str(asked.version(api_version=False)["ApiVersion"])
    except (DockerException, RequestException, OSError, ValueError, KeyError) as error:
        raise EngineMissing(
            f"no container engine answers at {where}: {_said(error)}\n"
            "  start it: systemctl start docker; or let this user use it: usermod -aG docker $USER, and log in again\n"
            "  without an engine a declared lock still works: --environment lock; ml-experiment doctor says more\n"
            "nothing was run"
        ) from None
    if tuple(int(part) for part in found.split(".")) < OLDEST_API:
        needed = ".".join(map(str, OLDEST_API))
        raise EngineMissing(
            f"the container engine at {where} speaks API {found}, needed is {needed} (Docker 20.10) or newer\n"
            "  upgrade it\nnothing was run"
        )
    return Engine(where, found, tls)


def address(inherited: Mapping[str, str]) -> str:
    """Where the engine is: DOCKER_HOST, the docker command's current context, or the socket of this machine."""
    if inherited.get("DOCKER_HOST"):
        return inherited["DOCKER_HOST"]
    from docker.context import ContextAPI

    context = ContextAPI.get_current_context() if inherited.get("HOME") == os.environ.get("HOME") else None
    host = context.Host if context is not None else None
    return str(host) if host else "unix:///var/run/docker.sock"


def _knock(where: str) -> None:
    """OSError where nobody listens at a socket of this machine; docker-py would leave its own open."""
    if where.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.connect(where.removeprefix("unix://"))


def _tls(inherited: Mapping[str, str]) -> "TLSConfig | bool":
    from docker.tls import TLSConfig

    if not inherited.get("DOCKER_TLS_VERIFY"):
        return False
    folder = Path(inherited.get("DOCKER_CERT_PATH") or Path.home() / ".docker")
    pair = (str(folder / "cert.pem"), str(folder / "key.pem"))
    return TLSConfig(client_cert=pair, ca_cert=str(folder / "ca.pem"), verify=True)


def _said(error: BaseException) -> str:
    """The innermost reason, in one line: docker-py wraps it three times."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return " ".join(str(error).split())[:200] or type(error).__name__
