"""How a command ends: its exit code and, where it does not end well, one text or one JSON object that says why."""

import contextlib
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from typer.exceptions import TyperException

from experiment.errors import CannotJudge, InfrastructureFailed, NotTheSame, Refused

CANCELLED = 130
BUG = InfrastructureFailed.exit_code  # it says nothing about the experiment, as a failing machine says nothing
_GO_ON = "cancelled; what finished is recorded, and the same command goes on from there"


def exit_code(command: Callable[[], int | None], arguments: Sequence[str]) -> int:
    """Run the command; print why it did not end well. No traceback ever reaches the screen."""
    try:
        code = command() or 0
        text = _GO_ON if code == CANCELLED else ""
    except (Refused, InfrastructureFailed, CannotJudge, NotTheSame) as error:
        code, text = error.exit_code, str(error)
    except TyperException as error:  # the command line itself
        code, text = error.exit_code, _usage(error, arguments)
    except KeyboardInterrupt:
        code, text = CANCELLED, _GO_ON
    except SystemExit:  # raised where standard output was closed under us, and nowhere else
        code, text = CANCELLED, "cancelled: nobody reads the output any more"
    except Exception as error:
        code, text = BUG, _bug(error, arguments)
    if text:
        _tell(text, code, arguments)
    return code


class OutputLost(InfrastructureFailed):
    """Where the output goes there is no room, or it is gone."""

    def __init__(self, error: OSError) -> None:
        super().__init__(
            f"what is printed here cannot be written: {error.strerror}\n"
            "  make room where it goes; what is recorded is kept"
        )


def say(text: str) -> None:
    """A line on standard output. Raises OutputLost."""
    write(sys.stdout, text + "\n")


def write(stream: TextIO, text: str) -> None:
    """Write it now. Where nobody reads any more it goes nowhere: the exit code is what was found. Raises OutputLost."""
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        with contextlib.suppress(OSError):  # what is left in the buffer would make Python's last flush fail: exit 120
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if not isinstance(error, BrokenPipeError):
            raise OutputLost(error) from None


def finish() -> None:
    """The last flush: what cannot be written now was told, or nobody reads it."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OutputLost):
            write(stream, "")


def _usage(error: TyperException, arguments: Sequence[str]) -> str:
    """What is wrong with the command line; shown with the usage lines, which only typer knows, unless JSON is asked."""
    if "--json" in arguments or not hasattr(error, "show"):
        return error.format_message()
    with contextlib.suppress(OSError):
        error.show()
    return ""


def _tell(text: str, code: int, arguments: Sequence[str]) -> None:
    with contextlib.suppress(OutputLost):
        write(sys.stderr, printable(text) + "\n")
    with contextlib.suppress(OutputLost):
        if "--json" in arguments:
            say(json.dumps({"verdict": None, "passed": False, "exit_code": code, "error": text}))


def _bug(error: Exception, arguments: Sequence[str]) -> str:
    told = f"{type(error).__name__}: {error}".split("\n")[0][:200]
    at = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    text = f"ml-experiment {' '.join(arguments)}\n\n{''.join(traceback.format_exception(error))}"
    kept = _kept(text, f"bug-{at}-{os.getpid()}.txt", arguments)
    return (
        f"this is a bug in ml-experiment: {told}\n"
        f"  everything about it is in {kept}: please report it with that file\n"
        "  runs recorded before are kept"
    )


def _kept(text: str, name: str, arguments: Sequence[str]) -> str:
    """Write `text` below the experiment's `.ml-experiment`, or among temporary files where there is none."""
    named = [Path(argument) for argument in arguments if not argument.startswith("-")]
    folders = [path if path.is_dir() else path.parent for path in [*named, Path()]]
    states = [folder / ".ml-experiment" for folder in folders]
    for place in [*(state for state in states if state.is_dir()), Path(tempfile.gettempdir())]:
        try:
            (place / name).write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError:
            continue
        return str(place / name)
    return "no file, since none could be written"


def printable(text: str) -> str:
    """`text` without what could steer a terminal: only printable characters, spaces and ends of lines are left."""
    return "".join(c if c.isprintable() or c in "\n\u00a0" else "�" for c in text)
