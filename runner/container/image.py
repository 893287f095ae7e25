"""The image runs are made from: found or pulled by its digest, and what of it matters."""

import posixpath
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experiment.environment import Layer
from experiment.errors import InfrastructureFailed, Refused
from runner.container import paths
from runner.container.engine import Engine

if TYPE_CHECKING:
    from docker import APIClient

REFERENCE = re.compile(
    r"(?P<name>[a-z0-9][\w.:/\-]*?)(?::(?P<tag>[\w][\w.\-]{0,127}))?@(?P<digest>sha256:[0-9a-f]{64})"
)
PULLS = 3
_PAUSE_S = 2.0
_SETS = (
    *("ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD", "SHELL"),
    *("STOPSIGNAL", "USER", "VOLUME"),
)
_OURS = (str(paths.HOME), "/proc", "/sys", "/dev")
_HOOKED = re.compile(r"LD_PRELOAD|LD_AUDIT")


class NotPinned(Refused):
    """`environment.image` names a tag: what it stands for changes without anybody noticing."""


class NoSuchImage(Refused):
    """The registry answers, and has no such image."""


class CannotPull(InfrastructureFailed):
    """The image cannot be fetched: registry away, no permission, disk full."""


class HostileImage(Refused):
    """The image sets what would run code outside the sandbox, or in every process of it."""


class VolumeInTheWay(Refused):
    """The image declares a volume where the sandbox has something of its own."""


@dataclass(frozen=True)
class Image:
    """An image in the engine. `id` is the digest of its configuration, which names all it consists of."""

    id: str
    variables: dict[str, str]
    volumes: tuple[str, ...]
    layers: tuple[Layer, ...]
    size: int  # bytes


def by_digest(engine: Engine, reference: str, say: Callable[[str], None]) -> Image:
    """The image `name@sha256:…`, pulled unless the engine has it.

    Raises NotPinned, NoSuchImage, HostileImage, VolumeInTheWay, CannotPull.
    """
    import docker.errors

    found = REFERENCE.fullmatch(reference)
    with engine.api() as api:
        if found is None:
            raise NotPinned(_not_pinned(api, reference))
        pinned, place = f"{found['name']}@{found['digest']}", f"environment.image: {reference}"
        try:
            return describe(api, pinned, place)
        except docker.errors.ImageNotFound:
            say(f"pulling {pinned}")
        for attempt in range(1, PULLS + 1):
            try:
                _pull(api, pinned, reference)
                break
            except CannotPull as error:
                if attempt == PULLS:
                    raise
                say(f"{str(error).splitlines()[0]}; trying again")
                time.sleep(_PAUSE_S * attempt)
        return describe(api, pinned, place)


def _pull(api: "APIClient", pinned: str, reference: str) -> None:
    import docker.errors

    try:
        for event in api.pull(pinned, stream=True, decode=True):
            if event.get("error"):
                raise CannotPull(_cannot_pull(reference, str(event["error"])))
    except docker.errors.NotFound as error:
        raise NoSuchImage(
            f"environment.image: {reference}: the registry has no such image: {error.explanation}\n"
            "  correct the name or the digest; ml-experiment pin writes today's digest\nnothing was run"
        ) from None
    except docker.errors.APIError as error:
        raise CannotPull(_cannot_pull(reference, str(error.explanation))) from None


def describe(api: "APIClient", name: str, place: str) -> Image:
    """The image `name` as the engine knows it; `place` says where it is named. Raises as `by_digest`; ImageNotFound."""
    told: dict[str, Any] = api.inspect_image(name)
    config = told.get("Config") or {}
    variables = dict(entry.partition("=")[::2] for entry in config.get("Env") or [])
    for variable in variables:
        if _HOOKED.fullmatch(variable):
            raise HostileImage(
                f"{place}: the image sets {variable}={variables[variable][:100]}\n"
                "  it would be loaded into every process, those of the GPU's driver outside the sandbox included\n"
                f"  take ENV {variable} out of the image; set it in 'command' where the training needs it\n"
                "nothing was run"
            )
    return Image(
        id=told["Id"],
        variables=variables,
        volumes=_volumes(config.get("Volumes") or {}, place),
        layers=_layers(api, told),
        size=int(told.get("Size") or 0),
    )


def _volumes(declared: Iterable[str], place: str) -> tuple[str, ...]:
    """Where the image declares volumes, as the engine names these places."""
    found = sorted({posixpath.normpath(folder) for folder in declared})
    for folder in found:
        if any(_meet(folder, ours) for ours in _OURS):
            raise VolumeInTheWay(
                f"{place}: the image declares a volume at {folder[:100]}, where the sandbox has something of its own\n"
                f"  take VOLUME {folder[:100]} out of the image, or put it elsewhere\nnothing was run"
            )
    return tuple(found)


def _meet(folder: str, other: str) -> bool:
    """Whether one of two places is the other or lies in it; a relative one could be anywhere."""
    return not folder.startswith("/") or posixpath.commonpath((folder, other)) in (folder, other)


def _layers(api: "APIClient", told: dict[str, Any]) -> tuple[Layer, ...]:
    """Layers from the lowest, each with the instruction that made it where the image's history says."""
    digests = list((told.get("RootFS") or {}).get("Layers") or [])
    steps = [_instruction(str(step.get("CreatedBy") or "")) for step in reversed(api.history(told["Id"]))]
    return tuple(Layer(digest=d, made_by=step) for d, step in zip(digests, made_by(steps, len(digests)), strict=True))


def made_by(steps: Sequence[str], layers: int) -> list[str]:
    """Which of the steps of an image's history made its layers; all "" where their numbers do not fit.

    The engine does not say which steps made none, only which made nothing: those are those that set something.
    """
    for none in (_SETS, (*_SETS, "WORKDIR")):  # a folder that is there already makes no layer
        found = [step for step in steps if step.partition(" ")[0] not in none]
        if len(found) == layers:
            return found
    return [""] * layers


def _instruction(step: str) -> str:
    text = " ".join(step.split()).removesuffix("# buildkit").strip()
    text = re.sub(r"^/bin/sh -c #\(nop\) ", "", text).strip()
    text = re.sub(r"^(?:RUN )?(?:\|\d+ (?:\w+=\S* )*)?/bin/sh -c ", "RUN ", text)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _not_pinned(api: "APIClient", reference: str) -> str:
    import docker.errors

    if "@" in reference or not re.fullmatch(r"[a-z0-9][\w.:/\-]*", reference):
        return (
            f"environment.image: {reference}: not an image by digest\n"
            "  write name@sha256:… with 64 hexadecimal digits\nnothing was run"
        )
    said = f"environment.image: {reference}: a tag without a digest, and tags move\n"
    try:
        today = api.inspect_distribution(reference)["Descriptor"]["digest"]
    except (docker.errors.APIError, KeyError):
        return f"{said}  its registry does not say which digest it has now; write name@sha256:…\nnothing was run"
    return (
        f"{said}  write the digest it has now (ml-experiment pin does it):\n"
        f"    image: {reference}@{today}\nnothing was run"
    )


def _cannot_pull(reference: str, why: str) -> str:
    remedy = (
        "make room for the engine: docker system df" if "no space" in why else "is the registry reachable from here?"
    )
    return f"environment.image: {reference}: cannot be pulled: {' '.join(why.split())[:300]}\n  {remedy}"
