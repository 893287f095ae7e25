"""The run folders below `.ml-experiment/runs/`: finding an earlier run that is still the same run, adding a new one."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from experiment import curves, record
from experiment.atomic import write_whole
from experiment.curves import Curve
from experiment.errors import InfrastructureFailed
from experiment.finals import final_values
from experiment.key import can_stand_in, configuration_key, parts_digest
from experiment.record import KeyParts, RunRecord, Status
from experiment.spec import Metric
from experiment.summarise import FinishedRun
from runner.output import BoundedLog

_PARTS = "parts"
_CONFIGURATION = "configuration"
_PART = ".part"  # ends the name of a folder that is being written


class CannotStore(InfrastructureFailed):
    """The state folder cannot be written: disk full, no permission. What it held before is untouched."""

    def __init__(self, path: Path, error: OSError) -> None:
        where = f" ({error.filename})" if error.filename not in (None, str(path), path) else ""
        super().__init__(
            f"{path}: cannot be written: {error.strerror or error}{where}\n"
            "  runs recorded before are kept; make room or permit writing, then run the same command again"
        )


class Store:
    """All runs of one experiment folder. Nothing recorded is ever overwritten: equal keys get numbered folders."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.runs = state / "runs"
        self.work = state / "work"

    def prepare(self) -> None:
        """Make the folders. Raises CannotStore."""
        try:
            for folder in (self.runs, self.work):
                folder.mkdir(parents=True, exist_ok=True)
            ignore = self.state / ".gitignore"
            if not ignore.exists():
                write_whole(ignore, b"*\n")  # nobody has to remember to ignore our state
            if not os.access(self.runs, os.W_OK):
                raise PermissionError(13, "Permission denied")
        except OSError as error:
            raise CannotStore(self.state, error) from None

    def same_runs(
        self,
        parts: KeyParts,
        metrics: Mapping[str, Metric],
        sha256_of: Callable[[str], str | None],
        listing_of: Callable[[str], str | None],
    ) -> Iterator[tuple[FinishedRun, Path]]:
        """Earlier runs that can stand in for a run of `parts`, oldest first. Damaged folders are passed over."""
        wanted = parts_digest(parts)
        for folder in self._folders():
            with contextlib.suppress(OSError, ValidationError, ValueError):
                if (folder / _PARTS).read_text(encoding="ascii").strip() != wanted:
                    continue
                found = record.read(folder)
                if can_stand_in(found, sha256_of, listing_of):
                    yield _finished(found, curves.read(folder), metrics), folder

    def of_configuration(self, key: str, metrics: Mapping[str, Metric]) -> Iterator[tuple[FinishedRun, Path]]:
        """Runs that ended well and differ from each other by seed noise alone, oldest first."""
        for folder in self._folders():
            with contextlib.suppress(OSError, ValidationError, ValueError):
                if (folder / _CONFIGURATION).read_text(encoding="ascii").strip() != key:
                    continue
                found = record.read(folder)
                if found.outcome.status is Status.OK:
                    yield _finished(found, curves.read(folder), metrics), folder

    def folder_of(self, key: str) -> Path | None:
        """The first folder of a run by its content key; None where it was never made here."""
        folder = self.runs / key
        return folder if folder.is_dir() else None

    def _folders(self) -> list[Path]:
        found = []
        with contextlib.suppress(OSError):
            for folder in self.runs.iterdir():
                if folder.suffix != _PART:
                    with contextlib.suppress(OSError):
                        found.append(((folder / _PARTS).stat().st_mtime_ns, folder.name, folder))
        return [folder for _, _, folder in sorted(found)]

    def add(self, found: RunRecord, series: list[Curve], log: BoundedLog, artifacts: Mapping[str, Path]) -> Path:
        """Write a run: record, curves, output, kept artifacts. Raises CannotStore, and then leaves no half a run."""

        def fill(part: Path) -> None:
            (part / "output.log").write_bytes(log.content())
            curves.write(series, part)
            for name, file in artifacts.items():
                target = part / "artifacts" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
            record.write(found, part)
            (part / _CONFIGURATION).write_text(configuration_key(found) + "\n", encoding="ascii")
            (part / _PARTS).write_text(parts_digest(found.parts) + "\n", encoding="ascii")

        return self.adopt(found.key, fill)

    def adopt(self, key: str, fill: Callable[[Path], None]) -> Path:
        """A new folder for a run of that content key, filled by `fill`. Raises CannotStore, and what `fill` raises;
        then nothing of it is left.
        """
        try:
            folder, part = self._reserve(key)
        except OSError as error:
            raise CannotStore(self.runs, error) from None
        try:
            fill(part)
            part.rename(folder)
        except BaseException as error:
            shutil.rmtree(part, ignore_errors=True)
            if isinstance(error, OSError):
                raise CannotStore(self.runs, error) from None
            raise
        return folder

    def _reserve(self, key: str) -> tuple[Path, Path]:
        """A folder that is not there yet, and the one it is made in: whoever makes the latter has both."""
        number = 0
        while True:
            number += 1
            folder = self.runs / (key if number == 1 else f"{key}.{number}")
            part = folder.with_name(f"{folder.name}{_PART}")
            with contextlib.suppress(FileExistsError):
                part.mkdir(parents=True)
                if not folder.exists():
                    return folder, part
                part.rmdir()


def read_run(folder: Path) -> FinishedRun:
    """A run folder read on its own. OSError or ValueError (pydantic's is one) where it is not one."""
    log = (folder / "output.log").read_bytes()[-8192:] if (folder / "output.log").is_file() else b""
    tail = "\n".join(log.decode(errors="replace").rstrip("\n").split("\n")[-20:])
    return FinishedRun(record.read(folder), curves.read(folder), log_tail=tail)


def _finished(found: RunRecord, series: list[Curve], metrics: Mapping[str, Metric]) -> FinishedRun:
    """The run as today's experiment file reads it: `last` and `series` may have changed since."""
    return FinishedRun(found.model_copy(update={"metrics": final_values(series, metrics)}), series, cached=True)
