"""Pinning images: the reference that belongs where one stands now, and a Dockerfile's text with all in place."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from runner.environment import dockerfile
from runner.environment.dockerfile import Dockerfile
from runner.environment.dockerfile_images import Origin, Reference, assignments, references
from runner.environment.dockerfile_refusals import DockerfileDoubtful

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

DigestOf = Callable[[str, str], str]
"""`repository:tag`, and who names it -> `sha256:…` as its registry has it now."""


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


class Which(Enum):
    """Which references get a digest: those that have none, or all whose tag is known."""

    MISSING = "missing"
    ALL = "all"


@dataclass(frozen=True)
class Pin:
    """One reference of a file: what stood there and what stands there now; the same where it was pinned already."""

    line: int  # from 1
    key: str  # "FROM", "--from", "ARG BASE", "environment.image"
    old: str
    new: str


def pinned(image: str, where: str, digest_of: DigestOf, which: Which) -> str:
    """`image`, named at `where`, as `repository:tag@sha256:…`; a pinned one without a tag has nothing to follow."""
    name = Name.of(image)
    if _DIGEST.fullmatch(name.digest) and (which is Which.MISSING or not name.tag):
        return image
    return f"{name.tagged}@{digest_of(name.tagged, where)}"


def with_digests(
    file: Dockerfile, build_args: Mapping[str, str], digest_of: DigestOf, which: Which
) -> tuple[str, tuple[Pin, ...]]:
    """The text of `file` with its images pinned, every other character as it was, and each image's pin.

    What comes out is read again and compared with what was meant. Raises DockerfileDoubtful, BuildArgumentMissing, and
    what `digest_of` raises.
    """
    found = references(file, build_args)
    wanted = [pinned(reference.image, f"{file.path}:{reference.line}", digest_of, which) for reference in found]
    lines, pins = list(file.lines), []
    edits: dict[tuple[int, int, int], str] = {}
    for reference, image in zip(found, wanted, strict=True):
        line, key = reference.line, reference.origin.value
        if image != reference.image:
            places = tuple(_places(file, reference))
            line, key = (places[0][0], f"ARG {reference.argument}") if places and reference.argument else (line, key)
            edits.update(dict.fromkeys(places, image))
        pins.append(Pin(line, key, reference.image, image))
    for (line, start, end), image in sorted(edits.items(), reverse=True):
        text = lines[line - 1]
        lines[line - 1] = text[:start] + image + text[end:]
    after = dockerfile.read("\n".join(lines), file.path)
    for reference, image, now in zip(found, wanted, references(after, build_args), strict=True):
        if now.image != image:
            remedy = f"write it by hand: {image}"
            given = reference.argument in build_args
            what = f"{reference.argument} is given by the experiment file" if given else "a digest cannot be put here"
            raise DockerfileDoubtful(file.path, reference.line, what, file.text(reference.line), remedy)
    return "\n".join(lines), tuple(dict.fromkeys(pins))


def _places(file: Dockerfile, reference: Reference) -> Iterator[tuple[int, int, int]]:
    """Line, start and end of the text that names the image; none where it is put together from parts."""
    if reference.argument is not None:
        yield from _defaults(file, reference)
        return
    if "$" in reference.written:
        return
    written = re.escape(reference.written)
    pattern = {
        Origin.FROM: rf"(?<=[ \t]){written}(?!\S)|^{written}(?!\S)",
        Origin.COPY: rf"(?<=--from=){written}(?!\S)",
        Origin.MOUNT: rf"(?<=[Ff][Rr][Oo][Mm]=){written}(?=[\s,]|$)",
        Origin.SYNTAX: rf"(?<==){written}(?!\S)|(?<=[ \t]){written}(?!\S)",
    }[reference.origin]
    for match in re.finditer(pattern, file.text(reference.line)):
        yield reference.line, match.start(), match.end()
        if reference.origin in (Origin.FROM, Origin.SYNTAX):  # what follows is the stage's name
            return


def _defaults(file: Dockerfile, reference: Reference) -> Iterator[tuple[int, int, int]]:
    """The default of the global ARG that holds the image: the last one above its FROM."""
    declared = [
        instruction
        for instruction in file.instructions
        if instruction.name == "ARG" and instruction.stage < 0
        if any(name == reference.argument for name, _ in assignments(file, instruction))
    ]
    value = re.escape(reference.image)
    pattern = re.compile(rf"(?<=(?<!\S){reference.argument}=)(?P<quote>['\"]?)(?P<value>{value})(?P=quote)(?!\S)")
    for line in range(declared[-1].line, declared[-1].last + 1):
        match = pattern.search(file.text(line))
        if match is not None:
            yield line, match.start("value"), match.end("value")
