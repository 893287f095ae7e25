"""Asks the engine which digest an image's tag has in its registry now. Nothing is pulled."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiment.errors import InfrastructureFailed, Refused

if TYPE_CHECKING:
    import docker

TIMEOUT_S = 60

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_UNREACHABLE = re.compile(r"dial tcp|no such host|timeout|timed out|connection refused|TLS|x509|EOF", re.IGNORECASE)
_DENIED = re.compile(r"unauthorized|denied|authentication required|no basic auth", re.IGNORECASE)


class NoEngine(InfrastructureFailed):
    """No container engine answers, and only an engine can ask a registry."""

    def __init__(self, said: str) -> None:
        super().__init__(
            f"no container engine answers: {said}\n"
            "  start it (systemctl start docker), or say where it is: DOCKER_HOST; then: ml-experiment doctor\n"
            "nothing was changed"
        )


class RegistryUnreachable(InfrastructureFailed):
    """The engine could not reach the image's registry, or got no sensible answer from it."""

    def __init__(self, where: str, image: str, said: str) -> None:
        super().__init__(
            f"{where}: {image}: its registry cannot be reached: {said}\n"
            "  check the network, and the engine's proxy and certificates\nnothing was changed"
        )


class RegistryDenied(InfrastructureFailed):
    """The registry does not show the image to us."""

    def __init__(self, where: str, image: str, said: str) -> None:
        host = image.partition("/")[0] if "." in image.partition("/")[0] or ":" in image.partition("/")[0] else ""
        super().__init__(
            f"{where}: {image}: the registry refuses to show it: {said}\n"
            f"  if the name is right, log in: docker login {host}".rstrip()
            + "\nnothing was changed"
        )


class ImageUnknown(Refused):
    """The registry has no image of this name and tag."""

    def __init__(self, where: str, image: str, said: str) -> None:
        super().__init__(
            f"{where}: {image}: no such image in its registry: {said}\n"
            "  correct the name or the tag\nnothing was changed"
        )


@dataclass(frozen=True)
class Name:
    """An image's name in its parts: `repository:tag@digest`; what is not written is empty."""

    repository: str
    tag: str
    digest: str

    @staticmethod
    def of(image: str) -> "Name":
        """`image` taken apart."""
        named, _, digest = image.partition("@")
        slash, colon = named.rfind("/"), named.rfind(":")
        repository, tag = (named[:colon], named[colon + 1 :]) if colon > slash else (named, "")
        return Name(repository, tag, digest)

    @property
    def tagged(self) -> str:
        """`repository:tag`; where no tag is written it is `latest`, as for every builder."""
        return f"{self.repository}:{self.tag or 'latest'}"


class Registry:
    """What registries say, through the engine, which knows their certificates, mirrors and passwords."""

    def __init__(self, client: "docker.DockerClient") -> None:
        self._client = client
        self._known: dict[str, str] = {}

    def digest(self, image: str, where: str) -> str:
        """`sha256:…` of `repository:tag` now; of an index where there are several platforms. Asked once a name.

        `where` says in messages who names it: "Dockerfile:1".
        Raises ImageUnknown, RegistryDenied, RegistryUnreachable or NoEngine.
        """
        if image not in self._known:
            self._known[image] = self._asked(image, where)
        return self._known[image]

    def _asked(self, image: str, where: str) -> str:
        import requests
        from docker.errors import APIError, DockerException

        try:
            told = self._client.api.inspect_distribution(image)
        except APIError as error:
            raise _explained(where, image, error.status_code, str(error.explanation or error)) from None
        except requests.exceptions.RequestException as error:
            raise NoEngine(_one_line(error)) from None
        except DockerException as error:
            raise ImageUnknown(where, image, _one_line(error)) from None
        digest = str(told.get("Descriptor", {}).get("digest"))
        if not _DIGEST.fullmatch(digest):
            raise RegistryUnreachable(where, image, f"it gives {digest} for a digest")
        return digest


@contextlib.contextmanager
def connected() -> Iterator[Registry]:
    """Registries by way of the engine that DOCKER_HOST names, or the one of this machine. Raises NoEngine."""
    import docker
    import requests
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=TIMEOUT_S)
        client.ping()
    except (DockerException, requests.exceptions.RequestException) as error:
        raise NoEngine(_one_line(error)) from None
    with contextlib.closing(client):
        yield Registry(client)


def _explained(where: str, image: str, status: int | None, said: str) -> Exception:
    words = said.strip().split("\n")[0]
    if _UNREACHABLE.search(words):
        return RegistryUnreachable(where, image, words)
    if status in (401, 403) or _DENIED.search(words):
        return RegistryDenied(where, image, words)
    if status in (400, 404):
        return ImageUnknown(where, image, words)
    return RegistryUnreachable(where, image, words)


def _one_line(error: Exception) -> str:
    return str(error).split("\n")[0]
