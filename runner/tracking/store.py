"""One MLflow experiment, open for imports: batches in, every step repeatable, nothing twice."""

import contextlib
import stat
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from experiment.curves import FILE_NAME as CURVES
from runner.tracking.content import LONGEST_TAG, PARENT, PREFIX, Content
from runner.tracking.destination import Destination

if TYPE_CHECKING:
    from mlflow.entities import Experiment

LARGEST_ARTIFACT = 100 * 2**20  # bytes; a bounded wait has no room for more, and locally it would lie there twice
_METRICS_PER_CALL = 1000  # MLflow's limits
_PARAMS_PER_CALL = 100
_STATE = f"{PREFIX}import"
_FILES = ("run.json", "output.log", CURVES)

T = TypeVar("T")


class Store:
    """The destination's experiment, created where it is missing. Every method raises what MLflow raises."""

    def __init__(self, destination: Destination) -> None:
        from mlflow import MlflowClient

        self._client = MlflowClient(tracking_uri=destination.uri)
        self._experiment_id: str = self._experiment(destination).experiment_id

    def put(self, run: Content, digest: str, folder: Path) -> str:
        """The MLflow id of the run, imported now unless it is complete in there already.

        A run that an ended import left behind is gone on with: MLflow takes equal params, tags and points twice.
        """
        run_id, complete = self._find("record", digest) or (self._create(run), False)
        if not complete:
            self._log(run, run_id)
            left_out = self._store_files(run, run_id, folder)
            if left_out:
                self._client.set_tag(run_id, f"{PREFIX}artifacts-left-out", ", ".join(left_out)[:LONGEST_TAG])
            self._client.set_terminated(run_id, run.status, run.end_ms)
            self._client.set_tag(run_id, _STATE, "complete")
        return run_id

    def _experiment(self, destination: Destination) -> "Experiment":
        from mlflow.exceptions import MlflowException

        name = destination.experiment
        if (found := self._client.get_experiment_by_name(name)) is None:
            try:
                made = self._client.create_experiment(name, artifact_location=destination.artifact_root)
            except MlflowException:
                # Another job made it in between; if it was anything else, there is none now either.
                if (found := self._client.get_experiment_by_name(name)) is None:
                    raise
            else:
                found = self._client.get_experiment(made)
        if found.lifecycle_stage != "active":
            raise MlflowException(f"its experiment {name} is deleted; restore it, or set MLFLOW_EXPERIMENT_NAME")
        return found

    def put_parent(self, study: Content, table: str, lock: Path) -> str:
        """The MLflow id of the sweep with this table, imported now unless it is in there: one for each table."""
        run_id, complete = self._find("table", table) or (self._create(study), False)
        if not complete:
            self._log(study, run_id)
            self._client.log_artifact(run_id, str(lock))
            self._client.set_terminated(run_id, study.status, study.end_ms)
            self._client.set_tag(run_id, _STATE, "complete")
        return run_id

    def adopt(self, run_id: str, parent: str, tags: Mapping[str, str]) -> None:
        """Nest a run that was imported without a parent; one that has another parent stays there."""
        found = self._client.get_run(run_id)
        if PARENT in found.data.tags or found.info.lifecycle_stage != "active":
            return
        for name, value in {**{f"{PREFIX}{key}": text for key, text in tags.items()}, PARENT: parent}.items():
            self._client.set_tag(run_id, name, value)

    def register(self, run_id: str, path: str, model: str, alias: str | None, tags: Mapping[str, str]) -> str:
        """A version of the registered model from an artifact of the run, once; what was done, in words."""
        from mlflow.exceptions import MlflowException

        with contextlib.suppress(MlflowException):  # it is there already; anything else comes up with the version
            self._client.create_registered_model(model)
        source = f"{self._client.get_run(run_id).info.artifact_uri}/{path}"
        versions = [one for one in self._client.search_model_versions(f"run_id='{run_id}'") if one.name == model]
        same = [one for one in versions if one.source == source]
        version = same[0] if same else self._client.create_model_version(model, source, run_id, tags=dict(tags))
        told = f"model {model}: version {version.version}"
        if alias is None:
            return told
        before = self._client.get_registered_model(model).aliases.get(alias)
        self._client.set_registered_model_alias(model, alias, version.version)
        moved = f", before on version {before}" if before is not None and str(before) != str(version.version) else ""
        return f"{told} is {alias}{moved}"

    def _find(self, tag: str, digest: str) -> tuple[str, bool] | None:
        from mlflow.entities import ViewType

        query = f"tags.`{PREFIX}{tag}` = '{digest}'"
        found = self._client.search_runs([self._experiment_id], query, ViewType.ALL, max_results=1)
        if not found:
            return None
        run = found[0]
        # What somebody deleted in MLflow stays deleted.
        return run.info.run_id, run.info.lifecycle_stage == "deleted" or run.data.tags.get(_STATE) == "complete"

    def _create(self, run: Content) -> str:
        tags = {**run.tags, _STATE: "incomplete", "mlflow.source.type": "LOCAL"}
        made = self._client.create_run(self._experiment_id, start_time=run.start_ms, tags=tags, run_name=run.name)
        return str(made.info.run_id)

    def _log(self, run: Content, run_id: str) -> None:
        from mlflow.entities import Metric, Param

        for params in _batches(list(run.params.items()), _PARAMS_PER_CALL):
            self._client.log_batch(run_id, params=[Param(*param) for param in params], synchronous=True)
        for points in _batches(run.points, _METRICS_PER_CALL):
            metrics = [Metric(p.key, p.value, p.time_ms, p.step) for p in points]
            self._client.log_batch(run_id, metrics=metrics, synchronous=True)

    def _store_files(self, run: Content, run_id: str, folder: Path) -> list[str]:
        from mlflow.exceptions import MlflowException

        self._client.log_text(run_id, run.packages, "environment/packages.txt")
        left_out = []
        for file, place in _files(folder):
            status = file.lstat()
            name = file.relative_to(folder).as_posix()
            # A link would let a training script choose a file of this machine that is uploaded.
            if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_ARTIFACT:
                left_out.append(name)
                continue
            try:
                self._client.log_artifact(run_id, str(file), place)
            except MlflowException as error:
                if error.error_code != "INVALID_PARAMETER_VALUE":  # a file name it does not like costs that file only
                    raise
                left_out.append(name)
        return left_out


def _files(folder: Path) -> Iterator[tuple[Path, str | None]]:
    yield from ((folder / name, None) for name in _FILES if (folder / name).exists())
    for file in sorted((folder / "artifacts").rglob("*")):
        if file.is_symlink() or not file.is_dir():
            yield file, file.parent.relative_to(folder).as_posix()


def _batches(items: Sequence[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
