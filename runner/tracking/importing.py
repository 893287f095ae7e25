"""The import as the caller sees it: started after runs are recorded, waited for a bounded time, never an exception."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from runner.tracking.destination import Destination
from runner.tracking.marks import is_imported, left_from_before, record_digest, set_mark

# Fail soon with a reason instead of late with none: what is not imported now is imported the next time.
_PATIENCE = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "PYTHONWARNINGS": "ignore",
}


class Import:
    """An import under way, or one that had nothing to do."""

    def __init__(self, destination: Destination, folders: Sequence[Path]) -> None:
        self._destination = destination
        self._folders = tuple(folders)
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: IO[bytes] | None = None
        self._problem: str | None = None
        if not self._folders:
            return
        try:
            self._start()
        except OSError as error:
            self._problem = f"its import could not be started: {error.strerror or error}"

    def _start(self) -> None:
        # A file for the answers: a pipe nobody reads yet would stop the worker when full.
        self._answers = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            # -P: the folder we stand in is a stranger's, and may hold a `runner` or `mlflow` of its own
            [sys.executable, "-P", "-m", "runner.tracking.worker"],
            stdin=subprocess.PIPE,
            stdout=self._answers,
            stderr=subprocess.DEVNULL,
            env={**_PATIENCE, **os.environ, **_QUIET, "MLFLOW_TRACKING_URI": self._destination.uri},
        )
        task = {
            "experiment": self._destination.experiment,
            "artifact_root": self._destination.artifact_root,
            "folders": [str(folder) for folder in self._folders],
        }
        assert self._process.stdin is not None
        # The pipe stays open: when this process ends, however, the worker sees it close and ends too.
        self._process.stdin.write(json.dumps(task).encode() + b"\n")
        self._process.stdin.flush()

    def finish(self, deadline_s: float) -> tuple[str, ...]:
        """Wait at most `deadline_s` seconds, once; a note for each thing that is not in MLflow, none is good news."""
        late = False
        try:
            if self._process is not None:
                self._process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            late = True
        finally:
            self.cancel()
        return self._notes(f"no answer within {deadline_s:g} s" if late else None, deadline_s)

    def cancel(self) -> None:
        """End the import now; what it has done is marked and will not be done again."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None and not self._process.stdin.closed:
            try:
                self._process.stdin.close()
            except OSError:  # it ended before it read its task; there is nothing left to flush into
                return

    def _notes(self, late: str | None, deadline_s: float) -> tuple[str, ...]:
        if not self._folders:
            return ()
        answers = self._read_answers()
        done = {answer["imported"] for answer in answers if "imported" in answer}
        notes = [
            self._line(f"run {Path(answer['left']).name[:12]} is not imported into MLflow: {answer['why']}")
            for answer in answers
            if "left" in answer
        ]
        left = len(self._folders) - len(done) - len(notes)
        notes += [self._line(answer["note"]) for answer in answers if "note" in answer]
        if left == 0:
            return tuple(notes)
        why = next((self._line(answer["failed"]) for answer in answers if "failed" in answer), None)
        if late and done:
            why = f"{len(done)} of {len(self._folders)} runs were imported within {deadline_s:g} s"
        reason = why or late or self._problem or "its import ended without saying why"
        kept = "the run is" if left == 1 else f"{left} runs are"
        where = self._folders[0].parent
        return (
            *notes,
            f"MLflow at {self._line(self._destination.shown)}: {self._line(reason)}; "
            f"{kept} kept in {_relative(where)} and will be imported the next time",
        )

    def _read_answers(self) -> list[dict[str, str]]:
        if self._answers is None:
            return []
        with self._answers:
            self._answers.seek(0)
            lines = self._answers.read().split(b"\n")[:-1]  # the last one has no end if the worker was ended in it
        return [json.loads(line) for line in lines]

    def _line(self, text: str) -> str:
        return self._destination.without_credentials(text)


def start(folders: Sequence[Path], destination: Destination) -> Import:
    """Begin to import runs, given by their folders, and what earlier imports into this store left undone.

    The folder of a sweep (`runner.tracking.study.write`) makes a parent of its runs. Returns at once, without importing
    MLflow; a run that is already in the store costs the reading of two small files.
    """
    wanted = [folder for folder in folders if destination.lost or not _is_done(folder, destination)]
    for folder in wanted:
        _mark_as_begun(folder, destination)
    return Import(destination, [*wanted, *left_from_before(folders, destination)])


def _is_done(folder: Path, destination: Destination) -> bool:
    try:
        return is_imported(folder, destination)
    except OSError:
        return False  # the worker says what is wrong with it


def _mark_as_begun(folder: Path, destination: Destination) -> None:
    try:
        set_mark(folder, destination, record_digest(folder), None)
    except OSError:
        return  # without it only the promise to try again is lost


def _relative(folder: Path) -> str:
    return os.path.relpath(folder) if folder.is_relative_to(Path.cwd()) else str(folder)
