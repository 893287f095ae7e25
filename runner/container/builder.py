"""Which command builds a Dockerfile: docker with buildx, or buildx out of an image that is pinned by its digest."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from experiment.errors import InfrastructureFailed, Refused
from runner.container import archive, archive_refusals, objects
from runner.container.engine import Engine, failures
from runner.container.image import REFERENCE
from runner.process import CommandFailed, CommandMissing, run

if TYPE_CHECKING:
    from docker import APIClient

VARIABLE = "ML_EXPERIMENT_BUILDX"
"""Names an image that has the program /buildx, as name@sha256:…; our own image sets it."""
_PROGRAM = "/buildx"
_MOST_BYTES = 512 * 2**20
_BUILDX = ["build", "--load", "--provenance=false"]


class NotPinned(Refused):
    """The image that buildx shall be taken from has no digest."""


class NoBuilder(InfrastructureFailed):
    """There is nothing on this machine that builds a Dockerfile, and it could not be fetched."""


class _NotPulled(Exception):
    """What the engine said while it pulled."""


def command(
    engine: Engine, inherited: Mapping[str, str], variables: Mapping[str, str], folder: Path, say: Callable[[str], None]
) -> list[str]:
    """The words before a build's options. `variables`: what the docker command may know.

    `folder` takes the program where it has to be fetched. Raises NotPinned, NoBuilder.
    """
    docker = shutil.which("docker", path=inherited.get("PATH"))
    if docker is not None and _has_buildx(docker, variables):
        return [docker, "buildx", *_BUILDX]
    if inherited.get(VARIABLE):
        return [str(_fetched(engine, inherited[VARIABLE], folder, say)), *_BUILDX]
    if docker is not None:
        return [docker, "build"]
    raise NoBuilder(
        "the docker command is not there: a Dockerfile is built with it\n"
        "  install it, with its plugin buildx; or name an image that is built already: environment.image\n"
        "nothing was run"
    )


def is_classic(words: list[str]) -> bool:
    """Whether these are the words of the builder before BuildKit."""
    return not set(_BUILDX) <= set(words)


def _has_buildx(docker: str, variables: Mapping[str, str]) -> bool:
    try:
        run([docker, "buildx", "version"], env=variables, cwd=Path("/"), timeout=60)
    except (CommandFailed, CommandMissing):
        return False
    return True


def _fetched(engine: Engine, reference: str, folder: Path, say: Callable[[str], None]) -> Path:
    """The program out of the image, in `folder`; what the engine pulled stays for the next build."""
    found = REFERENCE.fullmatch(reference)
    if found is None:
        raise NotPinned(
            f"{VARIABLE}={reference[:200]}: not an image by digest\n"
            "  write name@sha256:… with 64 hexadecimal digits; what it names is run here\nnothing was run"
        )
    pinned, place = f"{found['name']}@{found['digest']}", folder / "buildx"
    refusals: tuple[type[Exception], ...] = (*failures(), archive_refusals.ArchiveRefused, _NotPulled)
    try:
        with engine.api() as api:
            _pull(api, pinned, say)
            with objects.unstarted(api, pinned, {}, {}) as made:
                chunks, stat = api.get_archive(made, _PROGRAM)
                archive.store_file(chunks, stat, _PROGRAM, place, most_bytes=_MOST_BYTES)
    except refusals as error:
        why = " ".join(str(getattr(error, "explanation", None) or error).split())[:300]
        raise NoBuilder(
            f"{VARIABLE}={reference}: what builds Dockerfiles cannot be taken from it: {why}\n"
            "  is its registry reachable from here? any image by digest that has the program /buildx may be named\n"
            "nothing was run"
        ) from None
    place.chmod(0o700)
    return place


def _pull(api: "APIClient", pinned: str, say: Callable[[str], None]) -> None:
    from docker.errors import ImageNotFound

    try:
        api.inspect_image(pinned)
    except ImageNotFound:
        say(f"pulling {pinned}, which builds Dockerfiles")
        for event in api.pull(pinned, stream=True, decode=True):
            if event.get("error"):
                raise _NotPulled(event["error"]) from None
