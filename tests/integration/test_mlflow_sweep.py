"""A sweep in a real SQLite store of MLflow: one parent for its table, runs nested in it, the best model registered."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from run_folders import a_run_folder

from runner.tracking import destination_for, start
from runner.tracking.store import LARGEST_ARTIFACT
from runner.tracking.study import Model, Nested, TrackedStudy, write

PATIENCE_S = 120

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own imports raise deprecation warnings of its libraries


def a_study(folders: list[Path], **changes: Any) -> TrackedStudy:
    given: dict[str, Any] = {
        "name": "digits",
        "table_digest": "a" * 64,
        "started": "2025-06-01T12:00:00.000+00:00",
        "wall_s": 40.0,
        "params": {"sampler": "tpe", "trials": "2", "space.lr": '{"float": [0.0001, 0.1]}', "best.lr": "0.01"},
        "metrics": {"best/test/accuracy": 0.875, "fresh/test/accuracy": 0.75, "trials": 2.0, "lost": float("nan")},
        "leaders": ((0, 0.5), (1, 0.875)),
        "objective": "test/accuracy",
        "tags": {"commit": "c" * 40},
        "runs": {
            folders[0].name: Nested(name="trial 0", trial=0),
            folders[1].name: Nested(name="trial 1", trial=1),
            folders[2].name: Nested(name="fresh seed 2", trial=None),
        },
    }
    return TrackedStudy(**{**given, **changes})


def a_model(folders: list[Path], **changes: Any) -> Model:
    given = {"model": "digits", "alias": "champion", "run": folders[1].name, "file": "out/model.npz", "told": "trial 1"}
    return Model(**{**given, **changes})


@dataclass
class Place:
    """A state folder with three runs and the store beside it."""

    state: Path
    folders: list[Path]

    def put(self, study: TrackedStudy, lock: bytes = b"the record") -> tuple[str, ...]:
        folder = write(study, lock, self.state)
        return start([folder, *self.folders], destination_for("digits", self.state, {})).finish(PATIENCE_S)

    def client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(f"sqlite:///{self.state / 'mlflow.db'}")

    def runs(self) -> dict[str, Any]:
        client = self.client()
        found = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
        assert len({run.info.run_name for run in found}) == len(found)
        return {run.info.run_name: run for run in found}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    state = tmp_path / ".ml-experiment"
    return Place(state, [a_run_folder(state / "runs", seed) for seed in range(3)])


def test_trials_are_nested_in_one_parent_which_holds_both_figures_and_the_record(place: Place) -> None:
    assert place.put(a_study(place.folders)) == ()
    runs = place.runs()
    parent = runs.pop("sweep digits")
    assert set(runs) == {"trial 0", "trial 1", "fresh seed 2"}
    assert {run.data.tags["mlflow.parentRunId"] for run in runs.values()} == {parent.info.run_id}
    assert [runs[name].data.tags["ml-experiment.trial"] for name in sorted(runs)] == ["fresh seed", "0", "1"]
    assert parent.data.params["best.lr"] == "0.01"
    assert (parent.data.metrics["best/test/accuracy"], parent.data.metrics["fresh/test/accuracy"]) == (0.875, 0.75)
    assert "lost" not in parent.data.metrics
    assert parent.data.tags["ml-experiment.not-finite"] == "lost is NaN at step 0"
    assert parent.data.tags["ml-experiment.table"] == "a" * 64
    assert (parent.info.status, parent.info.end_time - parent.info.start_time) == ("FINISHED", 40_000)
    history = place.client().get_metric_history(parent.info.run_id, "best-so-far/test/accuracy")
    assert [(point.step, point.value) for point in history] == [(0, 0.5), (1, 0.875)]
    stored = place.client().download_artifacts(parent.info.run_id, "sweep.lock.json")
    assert Path(stored).read_bytes() == b"the record"


def test_the_same_table_again_makes_no_second_parent_even_where_the_marks_are_lost(place: Place) -> None:
    place.put(a_study(place.folders))
    before = place.runs()
    assert place.put(a_study(place.folders, started="2026-01-01T00:00:00+00:00", wall_s=1.0), b"another") == ()
    for mark in place.state.rglob("imported"):
        mark.unlink()
    assert place.put(a_study(place.folders)) == ()
    after = place.runs()
    assert {name: run.info.run_id for name, run in after.items()} == {n: run.info.run_id for n, run in before.items()}
    assert after["sweep digits"].info.start_time == before["sweep digits"].info.start_time


def test_another_table_is_another_parent_and_runs_stay_with_their_first_one(place: Place) -> None:
    place.put(a_study(place.folders))
    first = place.runs()["sweep digits"].info.run_id
    place.put(a_study(place.folders, table_digest="b" * 64))
    client = place.client()
    found = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
    parents = [run for run in found if "mlflow.parentRunId" not in run.data.tags]
    assert len(parents) == 2
    assert {run.data.tags["mlflow.parentRunId"] for run in found if run not in parents} == {first}


def test_runs_that_were_imported_before_the_sweep_are_nested_in_it(place: Place) -> None:
    assert start(place.folders[:1], destination_for("digits", place.state, {})).finish(PATIENCE_S) == ()
    assert place.put(a_study(place.folders)) == ()
    runs = place.runs()
    assert runs["seed 0"].data.tags["mlflow.parentRunId"] == runs["sweep digits"].info.run_id
    assert runs["seed 0"].data.tags["ml-experiment.trial"] == "0"


def test_an_import_that_was_cut_short_is_gone_on_with_by_whatever_is_imported_next(place: Place) -> None:
    folder = write(a_study(place.folders), b"the record", place.state)
    start([folder, *place.folders], destination_for("digits", place.state, {})).cancel()
    other = a_run_folder(place.state / "runs", 9)
    assert start([other, folder], destination_for("digits", place.state, {})).finish(PATIENCE_S) == ()
    runs = place.runs()
    parent = runs.pop("sweep digits").info.run_id
    assert "mlflow.parentRunId" not in runs.pop("seed 9").data.tags
    assert {run.data.tags["mlflow.parentRunId"] for run in runs.values()} == {parent}
    assert len(runs) == 3


def test_the_best_trials_model_is_registered_once_under_the_alias(place: Place) -> None:
    study = a_study(place.folders, model=a_model(place.folders))
    assert place.put(study) == ("MLflow: model digits: version 1 is champion (trial 1, out/model.npz)",)
    version = place.client().get_model_version_by_alias("digits", "champion")
    assert version.run_id == place.runs()["trial 1"].info.run_id
    assert version.source.endswith("/artifacts/artifacts/out/model.npz")
    assert Path(version.source.removeprefix("file://")).read_bytes() == b"weights"
    assert version.tags["ml-experiment.table"] == "a" * 64
    for mark in place.state.rglob("imported"):
        mark.unlink()
    place.put(study)
    assert len(place.client().search_model_versions("name='digits'")) == 1


def test_the_alias_moves_to_the_best_of_a_new_sweep_and_that_is_said(place: Place) -> None:
    place.put(a_study(place.folders, model=a_model(place.folders)))
    again = a_model(place.folders, run=place.folders[0].name, told="trial 0")
    assert place.put(a_study(place.folders, table_digest="b" * 64, model=again)) == (
        "MLflow: model digits: version 2 is champion, before on version 1 (trial 0, out/model.npz)",
    )


def test_asking_for_it_later_registers_the_model_of_a_sweep_that_is_there_already(place: Place) -> None:
    place.put(a_study(place.folders))
    study = a_study(place.folders, model=a_model(place.folders, alias=None))
    assert place.put(study) == ("MLflow: model digits: version 1 (trial 1, out/model.npz)",)


def test_a_model_that_is_not_there_is_said_and_nothing_else_is_lost(place: Place) -> None:
    study = a_study(place.folders, model=a_model(place.folders, file="model.keras"))
    assert place.put(study) == ("no model is registered as digits: trial 1 left no model.keras",)
    assert len(place.runs()) == 4
    assert place.client().search_registered_models() == []


def test_a_model_that_is_larger_than_what_mlflow_gets_is_said_and_no_version_is_made(place: Place) -> None:
    model = a_model(place.folders)
    os.truncate(place.state / "runs" / model.run / "artifacts" / model.file, LARGEST_ARTIFACT + 1)
    assert place.put(a_study(place.folders, model=model)) == (
        "no model is registered as digits: out/model.npz is larger than the 100 MiB that MLflow gets",
    )
    assert place.client().search_model_versions("name='digits'") == []


def test_a_store_that_cannot_be_used_costs_a_note_and_is_tried_again(place: Place) -> None:
    folder = write(a_study(place.folders), b"the record", place.state)
    file = place.folders[0] / "run.json"
    gone = destination_for("digits", place.state, {"MLFLOW_TRACKING_URI": f"sqlite:///{file}/mlflow.db"})
    (note,) = start([folder, *place.folders], gone).finish(PATIENCE_S)
    assert "will be imported the next time" in note
