"""The lease of a session: a locked file that says it lives, however it ends, and a watchdog that cleans up after it."""

import contextlib
import fcntl
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from experiment.errors import InfrastructureFailed
from runner.container.labels import Owner

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_HANDED_ON = ("HOME", "LANG", "PATH", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR")
_START_S = 30


class CannotHold(InfrastructureFailed):
    """No lease can be had: without one, a killed session would leave its containers running."""

    def __init__(self, where: Path, why: str) -> None:
        super().__init__(
            f"{where}: cannot keep a lease there: {why}\n"
            "  containers are started only where something watches over them; a folder on a local disk that can be "
            "written and locked is needed\nnothing was run"
        )


@dataclass(frozen=True)
class Lease:
    """A session that lives: its name, and the file whose lock says so."""

    session: str
    file: Path

    def owner(self, deadline: float) -> Owner:
        """What to label objects with. `deadline` in seconds since 1970: when they are surely no longer needed."""
        return Owner(self.session, self.file, boot(), deadline)


@contextlib.contextmanager
def held(folder: Path, inherited: Mapping[str, str]) -> Iterator[Lease]:
    """A lease in `folder` for as long as the block runs, or this process lives. Raises CannotHold.

    A detached watchdog removes every object with the session's label as soon as the lease is free. Remove them before
    that, in the block: then it has nothing to do. `inherited`: the variables by which the engine is found.
    """
    session = uuid.uuid4().hex
    file = folder.resolve() / f"{session}.lease"
    fd = _lock(file)
    try:
        try:
            _watch(file, session, inherited)
        except CannotHold:
            file.unlink(missing_ok=True)
            raise
        yield Lease(session, file)
    finally:
        os.close(fd)


def _lock(file: Path) -> int:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotHold(file.parent, error.strerror or str(error)) from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        file.unlink(missing_ok=True)
        raise CannotHold(file.parent, error.strerror or str(error)) from None
    return fd


def _watch(file: Path, session: str, inherited: Mapping[str, str]) -> None:
    """Start the watchdog; it is on watch when this returns.

    A session of its own: Ctrl-C and a closed terminal are not for it. Few variables: it needs no token, and runners
    of CI systems look for theirs to find processes to kill at the end of a job.
    """
    variables = {k: v for k, v in inherited.items() if k in _HANDED_ON or k.startswith("DOCKER_")}
    try:
        started = subprocess.run(
            [sys.executable, "-I", "-m", "runner.container.watchdog", str(file), session],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            timeout=_START_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotHold(file.parent, f"its watchdog does not start ({error})") from None
    if started.returncode != 0:
        raise CannotHold(file.parent, f"its watchdog ended at once, with {started.returncode}")


class State(Enum):
    """What can be seen of a session from here."""

    LIVING = "its lease is held"
    OVER = "its lease is free"
    UNSEEN = "its lease is of another machine, container or boot, or gone"


@contextlib.contextmanager
def seen(owner: Owner) -> Iterator[State]:
    """Whether a session lives. Where it is over, its lease stays locked in the block: nobody else cleans up then."""
    if owner.boot != boot():
        yield State.UNSEEN
        return
    try:
        fd = os.open(owner.lease, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        yield State.UNSEEN
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        state = State.OVER
    except BlockingIOError:
        state = State.LIVING
    except OSError:
        state = State.UNSEEN
    try:
        yield state
    finally:
        os.close(fd)


def boot() -> str:
    """This start of this machine's kernel: the same in all its containers, another after a reboot."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return f"node-{uuid.getnode():x}"
