"""Sweeps in MLflow: a parent run for each table, the runs of its trials nested in it, the best model registered."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from runner.tracking.content import Content, nested, parent_content
from runner.tracking.destination import Destination
from runner.tracking.marks import id_of
from runner.tracking.store import LARGEST_ARTIFACT
from runner.tracking.study import LOCK, TrackedStudy, read, studies

if TYPE_CHECKING:
    from runner.tracking.store import Store


class Sweeps:
    """The sweeps that were made below a state folder. Every method raises what MLflow raises."""

    def __init__(self, store: "Store", destination: Destination, state: Path) -> None:
        self._store, self._destination, self._runs = store, destination, state / "runs"
        self._folders = studies(state)
        self._parents: dict[Path, str] = {}
        self._nested: set[str] = set()

    def parent(self, folder: Path) -> str:
        """The MLflow id of the sweep recorded in `folder`, made where it is missing."""
        if folder not in self._parents:
            study = read(folder)
            assert study is not None  # it was read before
            self._parents[folder] = self._store.put_parent(parent_content(study), study.table_digest, folder / LOCK)
        return self._parents[folder]

    def nested(self, folder: Path, run: Content) -> Content:
        """The run as one of its sweep's; as it is where it belongs to none."""
        sweep = self._folders.get(folder.name)
        study = read(sweep) if sweep is not None else None
        if sweep is None or study is None:
            return run
        self._nested.add(folder.name)
        return nested(run, self.parent(sweep), study.runs[folder.name].name, _tags(study, folder.name))

    def finish(self, folder: Path, study: TrackedStudy) -> Iterator[str]:
        """Nest the runs that were imported before there was the sweep, and register the model; what to tell of it."""
        parent = self.parent(folder)
        for name in study.runs:
            run_id = id_of(self._runs / name, self._destination)
            if name not in self._nested and run_id is not None:
                self._store.adopt(run_id, parent, _tags(study, name))
        if study.model is not None:
            yield from self._register(study)

    def _register(self, study: TrackedStudy) -> Iterator[str]:
        wanted = study.model
        assert wanted is not None
        file = self._runs / wanted.run / "artifacts" / wanted.file
        run_id = id_of(self._runs / wanted.run, self._destination)
        if not file.is_file() or file.is_symlink():
            yield f"no model is registered as {wanted.model}: {wanted.told} left no {wanted.file}"
        elif file.stat().st_size > LARGEST_ARTIFACT:
            why = f"{wanted.file} is larger than the {LARGEST_ARTIFACT // 2**20} MiB that MLflow gets"
            yield f"no model is registered as {wanted.model}: {why}"
        elif run_id is None:
            yield f"no model is registered as {wanted.model}: {wanted.told} is not in MLflow"
        else:
            tags = {"ml-experiment.table": study.table_digest}
            path = f"artifacts/{wanted.file}"
            told = self._store.register(run_id, path, wanted.model, wanted.alias, tags)
            yield f"MLflow: {told} ({wanted.told}, {wanted.file})"


def _tags(study: TrackedStudy, run: str) -> dict[str, str]:
    trial = study.runs[run].trial
    return {"sweep": study.name, "trial": "fresh seed" if trial is None else str(trial)}
