"""The file `imported` in a run folder: into which MLflow stores the run was, or is still to be, imported."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from experiment.value import Value
from runner.tracking.destination import Destination
from runner.tracking.study import FILE_NAME as STUDY

FILE_NAME = "imported"


class Mark(Value):
    """One store: its address without credentials, the digest of the record, the MLflow run; None while still to do."""

    address: str
    record: str
    run_id: str | None


def record_digest(folder: Path) -> str:
    """SHA-256 (hex) of `run.json`, or of a sweep's `study.json`. OSError where there is neither."""
    study = folder / STUDY
    return hashlib.sha256((study if study.exists() else folder / "run.json").read_bytes()).hexdigest()


def id_of(folder: Path, destination: Destination) -> str | None:
    """The MLflow run that this folder was imported as; None while it is not."""
    mark = _read(folder).get(destination.digest)
    return mark.run_id if mark is not None else None


def set_mark(folder: Path, destination: Destination, record: str, run_id: str | None) -> None:
    """Note that the run is (`run_id`) or shall be (None) in the store. OSError passes through."""
    marks = _read(folder)
    marks[destination.digest] = Mark(address=destination.shown, record=record, run_id=run_id)
    _write(folder, marks)


def drop_mark(folder: Path, destination: Destination) -> None:
    """Forget that the run was to be imported into the store."""
    marks = _read(folder)
    if marks.pop(destination.digest, None) is not None:
        _write(folder, marks)


def _write(folder: Path, marks: dict[str, Mark]) -> None:
    part = folder / f"{FILE_NAME}.{os.getpid()}.part"
    data = {store: mark.model_dump(mode="json") for store, mark in marks.items()}
    part.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    part.replace(folder / FILE_NAME)


def is_imported(folder: Path, destination: Destination) -> bool:
    """Whether this very record is in the store. OSError where the folder holds no record."""
    mark = _read(folder).get(destination.digest)
    return mark is not None and mark.run_id is not None and mark.record == record_digest(folder)


def left_from_before(folders: Sequence[Path], destination: Destination) -> list[Path]:
    """Runs beside these whose import into this store was begun earlier and not ended."""
    siblings = {sibling for runs in {folder.parent for folder in folders} for sibling in runs.glob(f"*/{FILE_NAME}")}
    found = {mark_file.parent for mark_file in siblings} - set(folders)
    return sorted(folder for folder in found if _is_begun(folder, destination))


def _is_begun(folder: Path, destination: Destination) -> bool:
    mark = _read(folder).get(destination.digest)
    return mark is not None and mark.run_id is None


def _read(folder: Path) -> dict[str, Mark]:
    # A damaged mark costs one more look into the store, where the run is found by its tags.
    try:
        data = json.loads((folder / FILE_NAME).read_bytes())
        return {store: Mark.model_validate(mark) for store, mark in data.items()}
    except (OSError, ValueError, AttributeError):
        return {}
