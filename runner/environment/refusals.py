"""Why a lock or its Python cannot be used: each situation its own error, with place, line and remedy."""

from pathlib import Path

from experiment.errors import Refused

MAX_SHOWN = 100


def at_line(path: Path, number: int, what: str, line: str, remedy: str) -> str:
    """`file:line: what`, the line itself, and what to do. `number` counts from 1; what cannot be printed is escaped."""
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line.replace("\t", " ").strip())
    text = text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."
    return f"{path}:{number}: {what}\n  {number} │ {text}\n{_indented(remedy)}\nnothing was run"


def of_file(path: Path, what: str, remedy: str) -> str:
    """`file: what`, and what to do."""
    return f"{path}: {what}\n{_indented(remedy)}\nnothing was run"


def _indented(remedy: str) -> str:
    return "\n".join(f"  {line}" for line in remedy.splitlines())


class LockRefused(Refused):
    """The lock cannot be used as it stands."""


class LockMissing(LockRefused):
    """There is no file where the experiment file names one."""


class LockUnreadable(LockRefused):
    """Not a file, no permission, not UTF-8, not TOML, or a format that is not read."""


class LockEmpty(LockRefused):
    """The lock names no package and does not say that this is meant."""


class LockWithoutHashes(LockRefused):
    """Something in the lock has no hash: it could be exchanged without anybody noticing."""


class LockNotPinned(LockRefused):
    """Something in the lock may be installed in more than one version."""


class LockNotSealed(LockRefused):
    """The lock names a source whose content no hash covers: a folder, a repository, a local file, a constraint."""


class PythonMissing(Refused):
    """The Python that the lock asks for is not on this machine."""


class ForbiddenVariable(Refused):
    """The experiment file asks for a variable that must not reach a run: it holds a token or steers the CI machine."""


class HashMismatch(Refused):
    """A downloaded file is not the one the lock names."""


class NotInstallable(Refused):
    """The lock cannot be installed here: a version that does not exist, no file for this Python, a missing package."""
