"""A finished sweep as MLflow is to hold it: written beside its record, so that its import can be tried again."""

from pathlib import Path

from experiment.atomic import write_whole
from experiment.value import Double, Value

FILE_NAME = "study.json"
LOCK = "sweep.lock.json"
"""Copy of the record, which goes to MLflow as it was when the sweep ended."""


class Nested(Value):
    """One run of the sweep. `trial` None: on a fresh seed."""

    name: str
    trial: int | None


class Model(Value):
    """A file of one run that is to be registered. `told`: which trial it is, for messages."""

    model: str
    alias: str | None
    run: str
    file: str
    told: str


class TrackedStudy(Value):
    """The parent run of a sweep. `runs`: folder name of each run -> what it is in the sweep."""

    version: int = 1
    name: str
    table_digest: str
    started: str  # ISO 8601, UTC
    wall_s: Double
    params: dict[str, str]
    metrics: dict[str, Double]
    leaders: tuple[tuple[int, Double], ...] = ()  # trial, best so far
    objective: str
    tags: dict[str, str] = {}
    runs: dict[str, Nested]
    model: Model | None = None


def write(study: TrackedStudy, lock: bytes, state: Path) -> Path:
    """Put it into a folder of its own below `state`; the folder. OSError passes through.

    The same sweep made again changes nothing but what is asked of it now: it was made when it was first made.
    """
    folder = state / "sweeps" / f"{study.name}-{study.table_digest[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    if (before := read(folder)) is not None and before.table_digest == study.table_digest:
        kept = {"started": before.started, "wall_s": before.wall_s, "tags": before.tags}
        study = study.model_copy(update={**kept, "runs": {**before.runs, **study.runs}})
    else:
        write_whole(folder / LOCK, lock)
    write_whole(folder / FILE_NAME, study.model_dump_json(indent=1).encode() + b"\n")
    return folder


def read(folder: Path) -> TrackedStudy | None:
    """The study of a folder; None where there is none that can be read."""
    try:
        return TrackedStudy.model_validate_json((folder / FILE_NAME).read_bytes())
    except (OSError, ValueError):
        return None


def studies(state: Path) -> dict[str, Path]:
    """Folder name of a run -> folder of the sweep it belongs to: the latest one."""
    found: dict[str, Path] = {}
    written = sorted((state / "sweeps").glob(f"*/{FILE_NAME}"), key=lambda file: (file.stat().st_mtime, file))
    for file in written:
        if (study := read(file.parent)) is not None:
            found |= dict.fromkeys(study.runs, file.parent)
    return found
