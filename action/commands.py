"""What a step says to the runner: log lines that cannot command it, groups, annotations, outputs, the summary."""

import contextlib
import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from experiment.errors import InfrastructureFailed

MAX_SUMMARY = 1024 * 1024
"""Bytes of a step's summary; above it GitHub drops the whole of it."""
MAX_ANNOTATIONS = 10
"""Of one kind and step; GitHub shows no more."""
MAX_MESSAGE = 4_000

_BREAKS = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")  # colours and titles


class Level(StrEnum):
    """How much an annotation matters."""

    NOTICE = "notice"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Annotation:
    """A remark at a line of a file of the repository; without a file, at the run."""

    level: Level
    title: str
    message: str
    path: str | None = None
    line: int | None = None


class OutputsLost(InfrastructureFailed):
    """The outputs could not be written, or do not read back as they were meant."""


def harmless(text: str) -> list[str]:
    """The lines of `text` as the runner may see them: it obeys none of them, and a person sees all of what is shown.

    The runner obeys `::command::` at the start of a line (after spaces) and `##[command]` anywhere in it.
    """
    return [_harmless_line(line) for line in _BREAKS.split(text)]


def _harmless_line(text: str) -> str:
    plain = _ESCAPES.sub("", text).replace("\t", "    ")
    shown = "".join(c for c in plain if unicodedata.category(c) not in _HIDDEN)
    while "##[" in shown:
        shown = shown.replace("##[", "## [")
    return f"│ {shown}" if shown.lstrip().startswith("::") else shown


class Log:
    """The log of a step. Whatever is relayed stands between a random pair of marks that turn commands off.

    Commands stay off from one relayed line to the next and are on only while one of ours is written; call `end` last.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._mark: str | None = None
        self._sent = dict.fromkeys(Level, 0)

    def relay(self, text: str) -> None:
        """Lines that may come from anybody."""
        if self._mark is None:
            self._mark = secrets.token_hex(16)
            self._write(f"::stop-commands::{self._mark}")
        for line in harmless(text):
            self._write(line)

    def end(self) -> None:
        """Turn commands on again: the next step is not ours."""
        if self._mark is not None:
            self._write(f"::{self._mark}::")
            self._mark = None

    @contextlib.contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Lines that are folded under a title."""
        self._command(f"::group::{_data(_one_line(title))}")
        try:
            yield
        finally:
            self._command("::endgroup::")

    def annotate(self, found: Annotation) -> None:
        """A remark beside the code; beyond what GitHub shows of a kind it is a plain line."""
        message = _one_line(found.message)[:MAX_MESSAGE]
        self._sent[found.level] += 1
        if self._sent[found.level] > MAX_ANNOTATIONS:
            self.relay(f"{found.level}: {found.title}: {message}")
            return
        places = {"file": found.path, "line": found.line, "title": found.title}
        given = ",".join(f"{key}={_property(_one_line(str(value)))}" for key, value in places.items() if value)
        self._command(f"::{found.level} {given}::{_data(message)}")

    def mask(self, secret: str) -> None:
        """The runner shows *** in its place from now on."""
        self._command(f"::add-mask::{_data(secret)}")

    def _command(self, line: str) -> None:
        self.end()
        self._write(line)

    def _write(self, line: str) -> None:
        self._out.write(line + "\n")
        self._out.flush()


class Relay:
    """A stream whose lines go through the log, for what prints to a stream: a `rich` console."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._rest = ""

    def write(self, text: str) -> int:
        """Keep what is not a whole line yet."""
        *whole, self._rest = (self._rest + text).split("\n")
        for line in whole:
            self._log.relay(line)
        return len(text)

    def flush(self) -> None:
        """Lines are flushed as they end."""

    def isatty(self) -> bool:
        """A log is not a terminal."""
        return False


def _one_line(text: str) -> str:
    return " ".join(line for line in harmless(text) if line.strip())


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def write_outputs(path: Path, values: Mapping[str, str]) -> None:
    """Append outputs under a random delimiter, and read them back. Raises OutputsLost.

    The values are ours: words, numbers, commits, addresses and paths; a line end in one is a mistake.
    """
    wrong = next((name for name, value in values.items() if not (name + value).isprintable()), None)
    if wrong is not None:
        raise OutputsLost(f"output {wrong}: {values[wrong]!r} is not one printable line; nothing was written")
    mark = f"ml-experiment-{secrets.token_hex(16)}"
    try:
        before = path.read_bytes() if path.exists() else b""
        lines = [line for name, value in values.items() for line in (f"{name}<<{mark}", value, mark)]
        broken = "\n" if before and not before.endswith(b"\n") else ""
        with path.open("a", encoding="utf-8") as file:
            file.write(broken + "".join(f"{line}\n" for line in lines))
        after = read_outputs(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise OutputsLost(f"GITHUB_OUTPUT: {path}: cannot be written: {error}") from None
    for name, value in values.items():
        if after.get(name) != value:
            raise OutputsLost(f"output {name}: {value!r} was written, {after.get(name)!r} reads back")


def read_outputs(text: str) -> dict[str, str]:
    """The outputs in a file as the runner reads it: `name=value`, and `name<<mark`, lines, `mark`."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        name, heredoc, mark = line.partition("<<")
        if heredoc and "=" not in name:
            found[name] = "\n".join(_until(mark, lines))
        elif "=" in line:
            name, _, value = line.partition("=")
            found[name] = value
    return found


def _until(mark: str, lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if line == mark:
            return
        yield line


def write_summary(path: Path, text: str) -> None:
    """Append to the step's summary. `text` has to fit: above the limit GitHub drops all of it. Raises OSError."""
    already = path.stat().st_size if path.exists() else 0
    room = MAX_SUMMARY - already - 1
    data = text.encode()
    if len(data) > room:
        data = data[: max(0, room - 100)].decode("utf-8", "ignore").rpartition("\n")[0].encode() + b"\n\n(cut here)\n"
    with path.open("ab") as file:
        file.write(data + b"\n")
