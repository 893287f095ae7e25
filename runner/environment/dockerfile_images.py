"""Which images a Dockerfile uses, where each is named, and what its name is once variables have their values."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from runner.environment.dockerfile import Dockerfile, Instruction
from runner.environment.dockerfile_refusals import BuildArgumentMissing, DockerfileDoubtful
from runner.environment.dockerfile_words import Doubtful, Undefined, expand, names_in, split

_DIGEST = re.compile(r".+@(sha256:[0-9a-f]{64})")
_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.\-]*")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SET_BY_BUILDERS = re.compile(r"(?:BUILD|TARGET)(?:PLATFORM|OS|OSVERSION|ARCH|VARIANT)|TARGETSTAGE")


class Origin(StrEnum):
    """Where an image is named."""

    FROM = "FROM"
    COPY = "--from"
    MOUNT = "--mount"
    SYNTAX = "syntax"


@dataclass(frozen=True)
class Reference:
    """An image that a build would use. Stages of the file itself and `scratch` are none."""

    origin: Origin
    line: int  # from 1, where `written` stands
    written: str  # "${BASE}"
    image: str  # "debian:bookworm@sha256:…", variables replaced
    argument: str | None  # the global ARG that holds all of it

    @property
    def digest(self) -> str | None:
        """The digest that pins it: `sha256:` and 64 hexadecimal digits."""
        found = _DIGEST.fullmatch(self.image)
        return found[1] if found else None


def references(file: Dockerfile, build_args: Mapping[str, str]) -> tuple[Reference, ...]:
    """Every image the file names, in the order of its lines, as the builder sees it with `build_args`.

    Raises BuildArgumentMissing or DockerfileDoubtful.
    """
    return tuple(_Images(file, build_args).all())


class _Images:
    """Goes through the instructions once, with the stages seen so far."""

    def __init__(self, file: Dockerfile, build_args: Mapping[str, str]) -> None:
        self._file = file
        self._build_args = build_args
        self._values: dict[str, str] = {}
        self._declared: dict[str, str] = {}  # global ARG -> its default as written
        self._unreadable: set[str] = set()  # global ARGs whose default is not certain: never taken as unset
        self._stages: list[str] = []  # names; empty for a stage without one

    def all(self) -> Iterator[Reference]:
        if "BUILDKIT_SYNTAX" in self._build_args:
            what = "the build argument BUILDKIT_SYNTAX would have this file read by another frontend"
            raise self._doubt(self._file.instructions[0], what, "name it in the file: # syntax=image@sha256:…")
        for directive in self._file.directives:
            if directive.key == "syntax":
                image = directive.value.split()[0]
                yield Reference(Origin.SYNTAX, directive.line, image, image, None)
        for instruction in self._file.instructions:
            if instruction.name == "ARG" and instruction.stage < 0:
                self._declare(instruction)
            elif instruction.name == "FROM":
                yield from self._base(instruction)
            else:
                yield from self._sources(instruction)

    def _declare(self, instruction: Instruction) -> None:
        """Global arguments: a given value wins over the default; one that has neither stays without a value."""
        for name, default in assignments(self._file, instruction):
            self._declared[name] = default or ""
            self._values.pop(name, None)
            self._unreadable.discard(name)
            if name in self._build_args:
                self._values[name] = self._build_args[name]
            elif default is not None:
                try:
                    if not self._unreadable.isdisjoint(names_in(default)):
                        raise Doubtful("it uses another that cannot be followed")
                    self._values[name] = expand(default, self._values)
                except (Undefined, Doubtful):
                    self._unreadable.add(name)

    def _base(self, instruction: Instruction) -> Iterator[Reference]:
        words = instruction.arguments.split()
        if len(words) not in (1, 3) or (len(words) == 3 and words[1].lower() != "as"):
            raise self._doubt(instruction, "cannot be read", "expected FROM image, or FROM image AS name")
        name = words[2].lower() if len(words) == 3 else ""
        if name and not _STAGE_NAME.fullmatch(name):
            remedy = "a letter, then letters, digits, _ . and -"
            raise self._doubt(instruction, f"'{words[2]}' cannot name a stage", remedy)
        image = self._image(instruction, words[0])
        if image.lower() not in self._stages and image != "scratch":
            yield self._reference(Origin.FROM, instruction, words[0], image)
        self._stages.append(name)

    def _image(self, instruction: Instruction, word: str) -> str:
        if "$" not in word:
            if re.search(r"['\"\\`]", word):
                raise self._doubt(instruction, "quotes or backslashes in an image's name")
            return word
        built_in = next((name for name in names_in(word) if _SET_BY_BUILDERS.fullmatch(name)), None)
        if built_in is not None:
            remedy = "take it out of the name: the digest of a name:tag is that of all its platforms"
            raise self._doubt(instruction, f"{built_in} differs between machines", remedy)
        unreadable = next((name for name in names_in(word) if name in self._unreadable), None)
        if unreadable is not None:
            raise self._missing(instruction, unreadable)
        try:
            image = expand(word, self._values)
        except Undefined as missing:
            raise self._missing(instruction, str(missing)) from None
        except Doubtful as doubt:
            raise self._doubt(instruction, str(doubt)) from None
        if not image or len(image.split()) != 1:
            raise self._doubt(instruction, f"{word} gives '{image}', which is no image")
        return image

    def _missing(self, instruction: Instruction, name: str) -> BuildArgumentMissing:
        if name not in self._declared:
            what = f"{name} has no value: no ARG before the first FROM declares it"
            remedy = f"add a line above the first FROM: ARG {name}=…"
        elif self._declared[name]:
            what = f"{name} has no value: its default, {self._declared[name]}, cannot be followed"
            remedy = f"write the default of ARG {name} out"
        else:
            what = f"{name} has no value: --build-arg {name} is missing"
            remedy = f"pass one, or give it a default above the first FROM: ARG {name}=…"
        line = instruction.line
        return BuildArgumentMissing(self._file.path, line, what, self._file.text(line), remedy)

    def _sources(self, instruction: Instruction) -> Iterator[Reference]:
        for flag in instruction.flags:
            key, _, value = flag.partition("=")
            if key == "--from":
                yield from self._other(Origin.COPY, instruction, value)
            elif key == "--mount":
                for part in value.split(","):
                    name, _, source = part.partition("=")
                    if name.strip().lower() == "from":
                        yield from self._other(Origin.MOUNT, instruction, source)

    def _other(self, origin: Origin, instruction: Instruction, written: str) -> Iterator[Reference]:
        """An earlier stage by name or number, or an image."""
        if "$" in written or not written:
            what = f"{origin.value} takes no variable" if written else f"{origin.value} without a name"
            remedy = f"name a stage for it above: FROM {written or 'image'} AS source"
            raise self._doubt(instruction, what, remedy)
        if written.isdecimal():
            if int(written) >= instruction.stage:
                remedy = "stages are counted from 0; give it a name: FROM image AS name"
                raise self._doubt(instruction, f"there is no stage {written} above this one", remedy)
        elif written.lower() not in self._stages[: instruction.stage]:
            yield self._reference(origin, instruction, written, written)

    def _reference(self, origin: Origin, instruction: Instruction, written: str, image: str) -> Reference:
        line = next(
            (n for n in range(instruction.line, instruction.last + 1) if written in self._file.text(n)),
            instruction.line,
        )
        alone = re.fullmatch(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})", written)
        return Reference(origin, line, written, image, (alone[1] or alone[2]) if alone else None)

    def _doubt(self, instruction: Instruction, what: str, *remedy: str) -> DockerfileDoubtful:
        return doubtful(self._file, instruction, what, *remedy)


def assignments(file: Dockerfile, instruction: Instruction) -> list[tuple[str, str | None]]:
    """Names that an ARG or ENV sets, and their values as written; None for an ARG without a default.

    Raises DockerfileDoubtful.
    """
    try:
        words = split(instruction.arguments, file.escape)
    except Doubtful as doubt:
        raise doubtful(file, instruction, str(doubt)) from None
    if any(re.search(r"'[^']*\\[^']*'", word) for word in words):
        raise doubtful(file, instruction, "a backslash inside single quotes")
    if instruction.name == "ENV" and words and "=" not in words[0]:
        words = [f"{words[0]}={' '.join(words[1:])}"]  # the old form: ENV name value
    found = []
    for word in words:
        name, equals, value = word.partition("=")
        if not _VARIABLE_NAME.fullmatch(name):
            raise doubtful(file, instruction, f"'{name}' is not the name of a variable")
        if instruction.name == "ENV" and not equals:
            raise doubtful(file, instruction, f"{name} has no value")
        found.append((name, value if equals else None))
    return found


def doubtful(
    file: Dockerfile,
    instruction: Instruction,
    what: str,
    remedy: str = "write it in a way that every builder reads alike",
) -> DockerfileDoubtful:
    """The refusal of something in `instruction` that is not certain."""
    return DockerfileDoubtful(file.path, instruction.line, what, file.text(instruction.line), remedy)
