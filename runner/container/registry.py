"""Asks the engine which digest an image's tag has in its registry now. Nothing is pulled."""

import re

from experiment.errors import InfrastructureFailed, Refused
from runner.container.engine import Engine, EngineFailed

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_UNREACHABLE = re.compile(r"dial tcp|no such host|timeout|timed out|connection refused|TLS|x509|EOF", re.IGNORECASE)
_DENIED = re.compile(r"unauthorized|denied|authentication required|no basic auth", re.IGNORECASE)


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


class Registry:
    """What registries say, through the engine, which knows their certificates, mirrors and passwords."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, str] = {}

    def digest(self, image: str, where: str) -> str:
        """`sha256:…` of `repository:tag` now; of an index where there are several platforms. Asked once a name.

        `where` says in messages who names it: "Dockerfile:1".
        Raises ImageUnknown, RegistryDenied, RegistryUnreachable or EngineFailed.
        """
        if image not in self._known:
            self._known[image] = self._asked(image, where)
        return self._known[image]

    def _asked(self, image: str, where: str) -> str:
        import requests
        from docker.errors import APIError, DockerException

        try:
            with self._engine.api() as api:
                told = api.inspect_distribution(image)
        except APIError as error:
            raise explained(where, image, error.status_code, str(error.explanation or error)) from None
        except requests.exceptions.RequestException as error:
            said = str(error).split("\n")[0]
            raise EngineFailed(f"{where}: {image}: the engine went away: {said}\nnothing was changed") from None
        except DockerException as error:
            raise ImageUnknown(where, image, str(error).split("\n")[0]) from None
        digest = str(told.get("Descriptor", {}).get("digest"))
        if not _DIGEST.fullmatch(digest):
            raise RegistryUnreachable(where, image, f"it gives {digest} for a digest")
        return digest


def explained(where: str, image: str, status: int | None, said: str) -> Exception:
    """The error that the engine's answer about an image means: HTTP `status`, and what it `said`."""
    words = said.strip().split("\n")[0]
    if _UNREACHABLE.search(words):
        return RegistryUnreachable(where, image, words)
    if status in (401, 403) or _DENIED.search(words):
        return RegistryDenied(where, image, words)
    if status in (400, 404):
        return ImageUnknown(where, image, words)
    return RegistryUnreachable(where, image, words)
