"""The one way to run a tool and wait for it: arguments as a list, its own process group, errors with what it said."""

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiment.errors import InfrastructureFailed

TAIL_LINES = 40


@dataclass(frozen=True)
class Completed:
    """What a tool that ended well printed."""

    output: str
    messages: str  # the last lines of standard error


class CommandMissing(InfrastructureFailed):
    """The tool is not there or may not be executed."""


class CommandTimedOut(InfrastructureFailed):
    """The tool did not end in time and was killed."""


class CommandFailed(InfrastructureFailed):
    """The tool ended with a status other than 0. `messages` holds the last lines of its standard error."""

    def __init__(self, args: Sequence[str], status: int, messages: str) -> None:
        self.status = status
        self.messages = messages
        how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        super().__init__(f"{_short(args)}: {how}\n{_indented(messages)}")


def run(
    args: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    timeout: float,
    hear: Callable[[str], None] = lambda _line: None,
    hold: Collection[int] = (),
) -> Completed:
    """Run `args` with exactly the variables of `env`, at most `timeout` seconds; `hear` gets lines of standard error.

    Where this call ends early, by an exception in `hear` or by Ctrl-C, the tool's whole process group is killed.
    `hold`: open files the tool gets too, so that a file lock of ours lasts as long as the tool, even if we are killed.
    Raises CommandMissing, CommandFailed or CommandTimedOut.
    """
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                args,
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
                pass_fds=tuple(hold),
            )
        except OSError as error:
            raise CommandMissing(f"{args[0]} cannot be started: {error.strerror} ({error.filename})") from None
        tail: deque[str] = deque(maxlen=TAIL_LINES)
        late = threading.Event()
        timer = threading.Timer(timeout, _end_late, (process, late))
        timer.start()
        with process:
            try:
                assert process.stderr is not None
                for line in process.stderr:
                    tail.append(line.rstrip())
                    hear(line.rstrip())
                # Seen but not reaped: until then its number belongs to nobody else, and the timer may still use it.
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            except BaseException:
                _kill(process)
                raise
            finally:
                timer.cancel()
                timer.join()
            status = process.wait()
        messages = "\n".join(tail)
        if late.is_set():
            raise CommandTimedOut(f"{_short(args)}: did not end within {timeout:g} s\n{_indented(messages)}")
        if status != 0:
            raise CommandFailed(args, status, messages)
        output.seek(0)
        return Completed(output.read().decode("utf-8", "replace"), messages)


def _end_late(process: subprocess.Popen[str], late: threading.Event) -> None:
    late.set()
    _kill(process)


def _kill(process: subprocess.Popen[str]) -> None:
    """End the whole group of a process that was not reaped yet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _short(args: Sequence[str]) -> str:
    text = shlex.join([Path(args[0]).name, *args[1:]])
    return text if len(text) <= 120 else f"{text[:117]}..."


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
