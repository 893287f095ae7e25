"""Reads a Dockerfile into instructions with their lines, as BuildKit does; refuses what builders read differently."""

import difflib
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.environment.dockerfile_refusals import (
    DockerfileDoubtful,
    DockerfileRefused,
    DockerfileUnreadable,
    StageMissing,
    UnknownInstruction,
)
from runner.environment.dockerfile_words import Doubtful, Heredoc, flags, heredocs
from runner.environment.refusals import of_file

KNOWN = (
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"),
    *("ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
)
"""Every instruction there is."""

_DIRECTIVE = re.compile(r"(?P<indent>[ \t]*)#\s*(?P<key>[A-Za-z][A-Za-z0-9]*)\s*=\s*(?P<value>.+?)\s*")
_HERE_DOCUMENTS = ("RUN", "COPY", "ADD")
_BLANK = " \t\r\n\v\f"


@dataclass(frozen=True)
class Instruction:
    """One instruction, continuation lines joined. What stands behind ONBUILD is read as if it stood alone."""

    line: int  # its first line, from 1
    last: int  # its last line; texts of heredocs follow it
    name: str  # in capitals
    flags: tuple[str, ...]  # "--from=base"
    arguments: str
    heredocs: tuple[Heredoc, ...]
    stage: int  # from 0; -1 before the first FROM


@dataclass(frozen=True)
class Directive:
    """A comment that steers the builder: `# syntax=image`, `# escape=character`."""

    line: int
    key: str
    value: str


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile that can be read in one way only."""

    path: Path
    lines: tuple[str, ...]
    directives: tuple[Directive, ...]
    instructions: tuple[Instruction, ...]

    @property
    def escape(self) -> str:
        """The character that continues a line."""
        return next((d.value for d in self.directives if d.key == "escape"), "\\")

    def text(self, line: int) -> str:
        """A line by its number, from 1."""
        return self.lines[line - 1]


def load(path: Path) -> Dockerfile:
    """The Dockerfile at `path`. Raises DockerfileUnreadable, or what `read` raises."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        remedy = "name the file that is there: environment: {dockerfile: Dockerfile}"
        raise DockerfileUnreadable(of_file(path, "no such Dockerfile", remedy)) from None
    except UnicodeDecodeError as error:
        raise DockerfileUnreadable(of_file(path, f"not UTF-8 text: {error.reason}", "save it as UTF-8")) from None
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise DockerfileUnreadable(of_file(path, what, "name a file you may read")) from None
    return read(text, path)


def read(text: str, path: Path) -> Dockerfile:
    """`text` as instructions; `path` is how messages call it. Nothing in it is judged yet, except that it is certain.

    Raises DockerfileDoubtful, UnknownInstruction or StageMissing for the first line that cannot be read.
    """
    lines = tuple(text.removeprefix("\ufeff").split("\n"))
    directives = _directives(lines, path)
    half = Dockerfile(path, lines, directives, ())
    found = tuple(_Reading(half).instructions())
    if not any(instruction.name == "FROM" for instruction in found):
        raise StageMissing(path, 1, "there is no FROM in this file", lines[0], "begin it with: FROM image@sha256:…")
    return Dockerfile(path, lines, directives, found)


def _directives(lines: tuple[str, ...], path: Path) -> tuple[Directive, ...]:
    """The directives at the top. Those that some builders obey and others do not are refused."""
    if lines[0].startswith("#!"):
        raise DockerfileDoubtful(path, 1, "a #! line", lines[0], "take it out: builders disagree on what follows it")
    found: list[Directive] = []
    for number, line in enumerate(lines, start=1):
        match = _DIRECTIVE.fullmatch(line.rstrip("\r"))
        if match is None:
            break
        key, value = match["key"].lower(), match["value"]
        if key == "escape" and (found or match["indent"] or value not in ("\\", "`")):
            remedy = "write it as the first line, without a space before it: # escape=` or # escape=\\"
            raise DockerfileDoubtful(path, number, "a directive not every builder obeys", line, remedy)
        if key in (directive.key for directive in found):
            raise DockerfileDoubtful(path, number, f"a second '{key}' directive", line, "keep one of them")
        found.append(Directive(number, key, value))
    return tuple(found)


class _Reading:
    """Goes through the lines once. `at` is the number of lines read."""

    def __init__(self, file: Dockerfile) -> None:
        self._file = file
        self._at = 0
        self._stage = -1

    def instructions(self) -> Iterator[Instruction]:
        while self._at < len(self._file.lines):
            start = self._at + 1
            joined = self._logical_line()
            if joined:
                yield from self._instruction(start, joined)

    def _next(self) -> str:
        self._at += 1
        return self._file.lines[self._at - 1].rstrip("\r")

    def _logical_line(self) -> str:
        """The next line with those that continue it; comments and empty lines between them do not count."""
        line = self._next().lstrip(_BLANK)
        if line.startswith("#"):
            return ""
        joined, goes_on = self._continued(line)
        while goes_on and self._at < len(self._file.lines):
            line = self._next()
            if line.strip(_BLANK) and not line.lstrip(_BLANK).startswith("#"):
                more, goes_on = self._continued(line)
                joined += more
        return joined.strip(_BLANK)

    def _continued(self, line: str) -> tuple[str, bool]:
        """`line` without the character that says it goes on, and whether it does."""
        strange = next((c for c in line if c not in "\t " and _is_strange(c)), None)
        if strange is not None:
            raise self._refused(DockerfileDoubtful, self._at, f"the character U+{ord(strange):04X}", "take it out")
        bare, escape = line.rstrip(" \t"), self._file.escape
        if bare.endswith(escape * 2):
            remedy = "builders disagree on whether the next line belongs to it: end the line otherwise"
            raise self._refused(DockerfileDoubtful, self._at, f"{escape * 2} at the end of a line", remedy)
        return (bare[:-1], True) if bare.endswith(escape) else (line, False)

    def _instruction(self, start: int, joined: str) -> Iterator[Instruction]:
        last = self._at
        first, name, rest = _named(joined)
        possible: tuple[str, ...] = KNOWN
        if name == "ONBUILD":
            first, name, rest = _named(rest)
            possible = tuple(known for known in KNOWN if known not in ("ONBUILD", "FROM", "MAINTAINER"))
        if name not in possible:
            what = f"unknown instruction '{first}'"
            near = difflib.get_close_matches(name, possible, n=1)
            remedy = f"did you mean {near[0]}?" if near else f"expected one of: {', '.join(possible)}"
            raise self._refused(UnknownInstruction, start, what, remedy)
        if name == "FROM":
            self._stage += 1
        elif self._stage < 0 and name != "ARG":
            remedy = "only ARG may stand before it"
            raise self._refused(StageMissing, start, f"{name} before the first FROM", remedy)
        try:
            texts = heredocs(joined, self._file.escape) if name in _HERE_DOCUMENTS and not _is_json(rest) else ()
            given, arguments = flags(rest)
        except Doubtful as doubt:
            remedy = "write it in a way that every builder reads alike"
            raise self._refused(DockerfileDoubtful, start, f"{name}: {doubt}", remedy) from None
        for text in texts:
            self._skip(text, last)
        yield Instruction(start, last, name, given, arguments, texts, self._stage)

    def _skip(self, heredoc: Heredoc, line: int) -> None:
        """Past the text of a heredoc, which is data."""
        while self._at < len(self._file.lines):
            self._at += 1
            if heredoc.ends(self._file.lines[self._at - 1]):
                return
        remedy = f"end the text with a line that is just: {heredoc.name}"
        raise self._refused(DockerfileDoubtful, line, f"<<{heredoc.name} has no end", remedy)

    def _refused(
        self, kind: Callable[[Path, int, str, str, str], DockerfileRefused], line: int, what: str, remedy: str
    ) -> DockerfileRefused:
        return kind(self._file.path, line, what, self._file.text(line), remedy)


def _named(line: str) -> tuple[str, str, str]:
    """The first word, the same in capitals, and what follows."""
    first, *rest = re.split(r"[ \t]+", line, maxsplit=1)
    return first, first.upper() if first.isascii() else first, rest[0].strip(" \t") if rest else ""


def _is_json(arguments: str) -> bool:
    """Whether the arguments are a list of texts, the form without a shell. Raises Doubtful for half of one."""
    if not arguments.startswith("[") or "<<" not in arguments:
        return False
    try:
        value = json.loads(arguments)
    except ValueError:
        raise Doubtful("<< behind a [ that is not a list of texts") from None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Doubtful("<< behind a [ that is not a list of texts")
    return True


def _is_strange(character: str) -> bool:
    """Characters that look like nothing: white space of other kinds, control and direction characters."""
    return unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Zs")
