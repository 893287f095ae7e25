"""What of a run goes into MLflow, what is said about a store, and what is remembered of an import."""

import json
import math
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_folders import STARTED_MS, a_curve, a_final, a_record, a_run_folder

from experiment.curves import Curve
from experiment.record import MetricValue, Outcome, RunRecord, Status, Usage
from runner.tracking import Destination, destination_for
from runner.tracking.content import LONGEST_PARAM, LONGEST_TAG, Content, content, safe_name
from runner.tracking.marks import drop_mark, is_imported, left_from_before, record_digest, set_mark

DIGEST = "d" * 64


def laid_out(record: RunRecord, *curves: Curve) -> Content:
    return content(record, curves, DIGEST)


def values(run: Content, key: str) -> list[float]:
    return [point.value for point in run.points if point.key == key]


# --- metrics


def test_a_curve_keeps_its_name_steps_and_times() -> None:
    curve = a_curve("test/loss", (2.0, 1.0, 0.5))
    run = laid_out(a_record(series=[curve]), curve)
    points = [(p.step, p.value, p.time_ms - STARTED_MS) for p in run.points if p.key == "test/loss"]
    assert points == [(1, 2.0, 500), (2, 1.0, 1000), (3, 0.5, 1500)]


def test_the_value_reports_use_stands_beside_the_curve() -> None:
    curve = a_curve("test/loss", (2.0, 1.0, 0.5))
    run = laid_out(a_record(metrics={"test/loss": a_final(curve, value=0.75)}), curve)
    assert values(run, "judged/test/loss") == [0.75]
    assert values(run, "test/loss")[-1] == 0.5


def test_a_metric_of_one_value_appears_once() -> None:
    curve = a_curve("test/auc", (0.9,))
    metrics = {"test/auc": a_final(curve), "runtime_s": MetricValue(value=12.5, source="runner")}
    run = laid_out(a_record(metrics=metrics), curve)
    assert values(run, "test/auc") == [0.9]
    assert values(run, "runtime_s") == [12.5]
    assert not [point.key for point in run.points if point.key.startswith("judged/")]


def test_of_two_trainings_the_one_that_counts_has_the_plain_name() -> None:
    first, second = a_curve("loss", (3.0, 2.0), series=1), a_curve("loss", (9.0, 8.0), series=2)
    run = laid_out(a_record(metrics={"loss": a_final(first)}), first, second)
    assert values(run, "loss") == [3.0, 2.0]
    assert values(run, "loss.training-2") == [9.0, 8.0]


def test_a_value_mlflow_cannot_hold_is_left_out_and_a_tag_names_it() -> None:
    curve = a_curve("loss", (2.0, math.nan, -math.inf, 1.0))
    run = laid_out(a_record(series=[curve]), curve)
    assert values(run, "loss") == [2.0, 1.0]
    assert run.tags["ml-experiment.not-finite"] == "loss is NaN at step 2; loss is -Infinity at step 3"


def test_a_curve_that_ends_in_nan_leaves_no_metric_of_its_name_that_could_be_taken_for_the_result() -> None:
    curve = a_curve("loss", (2.0, 1.0, math.nan))
    run = laid_out(a_record(series=[curve]), curve)
    assert values(run, "loss") == values(run, "judged/loss") == []
    assert values(run, "loss.finite-points") == [2.0, 1.0]
    assert "judged/loss is NaN at step 3" in run.tags["ml-experiment.not-finite"]


def test_many_points_left_out_are_counted() -> None:
    curve = a_curve("loss", (math.nan,) * 30)
    assert (
        laid_out(a_record(series=[curve]), curve).tags["ml-experiment.not-finite"].startswith("loss.finite-points is")
    )
    assert " and 10 more; " in laid_out(a_record(series=[curve]), curve).tags["ml-experiment.not-finite"]


@given(st.lists(st.floats(), min_size=1))
def test_every_point_is_the_number_the_run_had_or_is_missing(column: list[float]) -> None:
    curve = a_curve("loss", column)
    run = laid_out(a_record(series=[curve]), curve)
    kept = values(run, "loss") or values(run, "loss.finite-points")
    assert [value.hex() for value in kept] == [value.hex() for value in column if math.isfinite(value)]


def test_a_time_no_clock_gives_stays_within_what_a_database_holds() -> None:
    curve = a_curve("loss", (1.0, 2.0, 3.0, 4.0))
    wild = Curve("loss", 1, "output", curve.step, curve.value, curve.time * [math.nan, math.inf, -1e300, 1e300])
    times = [p.time_ms for p in laid_out(a_record(series=[wild]), wild).points if p.key == "loss"]
    assert all(STARTED_MS <= time < 2**63 for time in times)


# --- names, params, tags


@given(st.text(max_size=300))
def test_a_name_mlflow_accepts_stays_and_any_other_becomes_one(name: str) -> None:
    safe = safe_name(name)
    assert re.fullmatch(r"[/\w.\- :]{1,250}", safe)
    assert not re.search(r"(^|/)\.{0,2}(/|$)", safe)
    assert safe_name(safe) == safe


@given(st.lists(st.text("a/.%é\n", max_size=6), unique=True))
def test_two_names_never_become_one(names: list[str]) -> None:
    assert Counter(map(safe_name, names)).total() == len(set(map(safe_name, names)))


def test_a_changed_name_can_be_looked_up() -> None:
    curve = a_curve("auc [%]", (0.5, 0.75))
    run = laid_out(a_record(series=[curve]), curve)
    renamed = json.loads(run.tags["ml-experiment.renamed"])
    assert set(renamed.values()) == {"auc [%]", "judged/auc [%]"}
    assert [values(run, safe) for safe, name in renamed.items() if name == "auc [%]"] == [[0.5, 0.75]]


def test_params_of_the_file_the_seed_and_what_the_script_logged_are_all_kept() -> None:
    record = a_record(seed=3, logged_params={"lr": "0.01", "epochs": "200", "hidden": "64"})
    assert laid_out(record).params == {
        "epochs": "200",
        "lr": "0.001",
        "seed": "3",
        "logged/lr": "0.01",
        "hidden": "64",
    }


def test_a_param_too_long_for_mlflow_is_cut_and_named() -> None:
    run = laid_out(a_record(logged_params={"prompt": "x" * 7000}))
    assert len(run.params["prompt"]) == LONGEST_PARAM
    assert run.params["prompt"].endswith("x…")
    assert run.tags["ml-experiment.cut-params"] == "prompt"


def test_tags_say_what_the_run_was_made_of() -> None:
    tags = laid_out(a_record(seed=4)).tags
    record = a_record(seed=4)
    expected = {
        "key": record.key,
        "record": DIGEST,
        "commit": record.commit,
        "seed": "4",
        "outcome": "ok",
        "hardware-class": "AMD EPYC 7763, avx2, openblas Zen, no GPU",
        "version": "0.1.0",
        "libraries": "openblas 0.3.29 Zen",
    }
    assert {name: tags[f"ml-experiment.{name}"] for name in expected} == expected
    assert tags["mlflow.source.git.commit"] == record.commit


def test_a_tag_fits_and_holds_no_byte_a_database_refuses() -> None:
    outcome = Outcome(status=Status.USER_ERROR, exit_code=1, reason="a\0b\ud800" + "x" * 9000)
    reason = laid_out(a_record(outcome=outcome)).tags["ml-experiment.reason"]
    assert len(reason) == LONGEST_TAG
    assert reason.startswith("a\ufffdb?x")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status.OK, "FINISHED"),
        (Status.USER_ERROR, "FAILED"),
        (Status.OUT_OF_MEMORY, "FAILED"),
        (Status.TIMEOUT, "KILLED"),
        (Status.CANCELLED, "KILLED"),
        (Status.INFRA_ERROR, "FAILED"),
        (Status.INVALID, "FAILED"),
    ],
)
def test_the_outcome_decides_the_status(status: Status, expected: str) -> None:
    assert laid_out(a_record(outcome=Outcome(status=status))).status == expected


def test_start_and_end_are_those_of_the_run() -> None:
    run = laid_out(a_record(usage=Usage(wall_s=12.5, cpu_s=1.0)))
    assert (run.start_ms, run.end_ms, run.name) == (STARTED_MS, STARTED_MS + 12_500, "seed 0")


# --- where to


def test_without_a_setting_the_store_is_a_file_beside_the_runs(tmp_path: Path) -> None:
    found = destination_for("digits", tmp_path, {})
    assert found.uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert found.artifact_root == f"file://{tmp_path}/mlartifacts"
    assert found.experiment == "digits"


def test_mlflows_own_variables_choose_store_and_experiment(tmp_path: Path) -> None:
    found = destination_for("digits", tmp_path, {"MLFLOW_TRACKING_URI": "http://m:5000", "MLFLOW_EXPERIMENT_NAME": "x"})
    assert (found.uri, found.artifact_root, found.experiment) == ("http://m:5000", None, "x")


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://me:hunter2@m.example:5000/api", "https://m.example:5000/api"),
        ("https://me:hunt/er2@m.example", "https://m.example"),
        ("https://hunter2@m.example", "https://m.example"),
        ("me:hunter2@m.example:5000", "m.example:5000"),
        ("postgresql://me:hunter2@db/x?sslpassword=hunter2", "postgresql://db/x"),
        ("sqlite:////home/me@work/x.db", "sqlite:////home/me@work/x.db"),
    ],
)
def test_the_address_is_shown_without_credentials(uri: str, shown: str) -> None:
    destination = Destination(uri, "digits")
    assert destination.shown == shown
    assert "hunter2" not in repr(destination)


@pytest.mark.parametrize(
    "text",
    [
        "cannot reach https://me:p%40ss@m.example/api",
        "login of me with p@ss failed",
        "password p%40ss of the URI",
        "bearer t0ken refused",
        "other://you:theirs@x",
    ],
)
def test_no_note_holds_a_credential(text: str) -> None:
    environ = {"MLFLOW_TRACKING_URI": "https://me:p%40ss@m.example", "MLFLOW_TRACKING_TOKEN": "t0ken"}
    note = destination_for("digits", Path("state"), environ).without_credentials(text)
    assert not [secret for secret in ("p%40ss", "p@ss", "t0ken", "theirs") if secret in note]
    assert "***" in note


def test_a_note_is_one_short_line() -> None:
    note = Destination("http://m", "digits").without_credentials("a\n::error::b\x1b[31m" + "x" * 500)
    assert note.startswith("a ::error::b [31mxxx")
    assert len(note) == 200


def test_another_password_is_the_same_store_and_another_experiment_is_not() -> None:
    one = Destination("https://me:old@m.example", "digits").digest
    assert one == Destination("https://me:new@m.example", "digits").digest
    assert one != Destination("https://me:old@m.example", "other").digest


def test_a_database_file_that_was_removed_is_noticed(tmp_path: Path) -> None:
    destination = destination_for("digits", tmp_path, {})
    assert destination.lost
    (tmp_path / "mlflow.db").touch()
    assert not destination.lost
    assert not Destination("http://m", "digits").lost


# --- what is remembered


def test_a_run_counts_as_imported_only_into_that_store_and_with_that_record(tmp_path: Path) -> None:
    here, there = Destination("http://here", "digits"), Destination("http://there", "digits")
    folder = a_run_folder(tmp_path)
    set_mark(folder, here, record_digest(folder), "run1")
    assert is_imported(folder, here)
    assert not is_imported(folder, there)
    (folder / "run.json").write_text("{}")
    assert not is_imported(folder, here)


def test_a_begun_import_is_found_by_the_next_one_until_it_is_done_or_given_up(tmp_path: Path) -> None:
    store = Destination("http://here", "digits")
    old, older, now = (a_run_folder(tmp_path, seed) for seed in range(3))
    set_mark(old, store, record_digest(old), None)
    set_mark(older, store, record_digest(older), None)
    assert left_from_before([now], store) == sorted([old, older])
    assert left_from_before([now], Destination("http://there", "digits")) == []
    set_mark(old, store, record_digest(old), "run1")
    drop_mark(older, store)
    assert left_from_before([now], store) == []


def test_a_damaged_mark_means_not_imported(tmp_path: Path) -> None:
    folder = a_run_folder(tmp_path)
    (folder / "imported").write_text('["no mark"]')
    assert not is_imported(folder, Destination("http://here", "digits"))


@pytest.mark.parametrize(
    ("uri", "root"),
    [
        ("sqlite:////srv/ml/runs.db", "file:///srv/ml/mlartifacts"),
        ("sqlite:////srv/ml/runs.db?timeout=5", "file:///srv/ml/mlartifacts"),
        ("postgresql+psycopg2://db/runs", "file:///repo/.ml-experiment/mlartifacts"),
        ("https://mlflow.example.org", None),
        ("file:///srv/mlruns", None),
    ],
)
def test_files_never_go_to_whatever_folder_is_the_current_one(uri: str, root: str | None) -> None:
    found = destination_for("digits", Path("/repo/.ml-experiment"), {"MLFLOW_TRACKING_URI": uri})
    assert found.artifact_root == root
