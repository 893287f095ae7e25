"""The process that talks to MLflow: `python -m runner.tracking.worker`, a task on stdin, one JSON line per result.

MLflow takes seconds to import, prints, warns and may hang: all of that stays in here.
"""

import contextlib
import fcntl
import json
import os
import re
import signal
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from experiment import curves, record
from runner.tracking.content import Content, content
from runner.tracking.destination import Destination
from runner.tracking.marks import drop_mark, record_digest, set_mark
from runner.tracking.study import read as read_study
from runner.tracking.sweeps import Sweeps

if TYPE_CHECKING:
    from runner.tracking.store import Store

_LOCK = "mlflow.lock"
_REASONS = (
    ("Connection refused", "it refuses connections"),
    ("NameResolution", "its host name is not known"),
    ("Name or service not known", "its host name is not known"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate cannot be verified"),
    ("timed out", "it does not answer"),
    ("unsupported URI", "MLflow does not know this kind of address"),
    ("Could not parse SQLAlchemy URL", "MLflow does not know this kind of address"),
    ("disk is full", "the disk is full"),
    ("No space left", "the disk is full"),
    ("readonly database", "no permission to write to it"),
    ("unable to open database", "its database cannot be opened"),
    ("Permission denied", "no permission to write to it"),
)
_HTTP_STATUS = re.compile(r"failed with error code (\d{3})")
_MODULE = re.compile(r"No module named '([\w.]+)'")


def main() -> None:
    """Import the runs of one task; every outcome is an answer, none an exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us by closing our stdin
    answers = _silence()
    task = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    folders = [Path(folder) for folder in task["folders"]]
    destination = Destination(os.environ["MLFLOW_TRACKING_URI"], task["experiment"], task["artifact_root"])
    with _alone(folders[0].parent.parent):
        try:
            _import(folders, destination, answers)
        except Exception as error:
            _answer(answers, failed=_reason(error))


def _import(folders: list[Path], destination: Destination, answers: IO[str]) -> None:
    from runner.tracking.store import Store

    store = Store(destination)
    sweeps = Sweeps(store, destination, folders[0].parent.parent)
    asked = [(folder, study) for folder in folders if (study := read_study(folder)) is not None]
    for folder in folders:
        if not any(folder == one for one, _ in asked):
            _import_run(folder, store, sweeps, destination, answers)
    for folder, study in asked:
        for note in sweeps.finish(folder, study):
            _answer(answers, note=note)
        with contextlib.suppress(OSError):
            set_mark(folder, destination, record_digest(folder), sweeps.parent(folder))
        _answer(answers, imported=str(folder))


def _import_run(folder: Path, store: "Store", sweeps: "Sweeps", destination: Destination, answers: IO[str]) -> None:
    from mlflow.exceptions import MlflowException

    try:
        digest, run = _read(folder)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        _leave(folder, destination, answers, f"its record cannot be read: {type(error).__name__}")
        return
    try:
        run_id = store.put(sweeps.nested(folder, run), digest, folder)
    except MlflowException as error:
        if error.error_code != "INVALID_PARAMETER_VALUE":
            raise
        _leave(folder, destination, answers, f"it was refused: {error.message}")
        return
    with contextlib.suppress(OSError):  # without the mark the next import finds it by its tags
        set_mark(folder, destination, digest, run_id)
    _answer(answers, imported=str(folder))


def _read(folder: Path) -> tuple[str, Content]:
    digest = record_digest(folder)
    return digest, content(record.read(folder), curves.read(folder), digest)


def _leave(folder: Path, destination: Destination, answers: IO[str], why: str) -> None:
    with contextlib.suppress(OSError):
        drop_mark(folder, destination)  # trying again would not help
    _answer(answers, left=str(folder), why=why)


def _reason(error: BaseException) -> str:
    text = "\n".join(f"{type(link).__name__}: {link}" for link in _chain(error))
    if status := _HTTP_STATUS.search(text):
        refused = status[1] in ("401", "403")
        return f"it does not accept the credentials ({status[1]})" if refused else f"it answers with HTTP {status[1]}"
    if module := _MODULE.search(text):
        return f"its driver {module[1]} is not installed here"
    known = next((reason for sign, reason in _REASONS if sign in text), None)
    return known or f"{type(error).__name__}: {error}".splitlines()[0]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _answer(answers: IO[str], **fields: str) -> None:
    answers.write(json.dumps(fields) + "\n")
    answers.flush()


def _silence() -> IO[str]:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return answers


def _end_with_parent() -> None:
    os.read(0, 1)  # below Python's buffer, whose lock a waiting thread would hold against our own exit
    os._exit(1)


@contextlib.contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Two imports at once into one store would both find a run missing and both create it."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # a read-only folder: then nobody can mark anything there either
            fcntl.flock(stack.enter_context((state / _LOCK).open("w")), fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    main()
