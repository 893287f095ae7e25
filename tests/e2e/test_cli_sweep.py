"""`ml-experiment sweep` as a person runs it: a study, its record followed, killed and gone on with; refusals."""

import json
import re
import signal
from pathlib import Path

import pytest
from container_bed import Bed
from repositories import Repository, lines
from searched import EXPERIMENT, TRAIN, lock_of


@pytest.fixture
def searched(repository: Repository) -> Repository:
    repository.write("train.py", TRAIN)
    repository.write("ml-experiment.yaml", EXPERIMENT)
    repository.commit()
    return repository


def test_a_study_leaves_a_record_that_other_workers_follow_to_the_same_table(searched: Repository) -> None:
    first = searched.run("sweep", "--json")
    assert (first.code, first.json["complete"], first.json["replayed"]) == (0, 6, False)
    assert len(first.json["fresh_values"]) == 2
    lock = lock_of(searched)
    assert lock["table_digest"] == first.json["table_digest"]
    best = lock["table"][first.json["best_trials"][0]]
    assert best["params"] == first.json["best_params"]
    assert best["values"] == [first.json["best_value"]]
    claim = lock["claim"]
    assert (claim["trial"], claim["metric"], claim["goal"]) == (first.json["best_trials"][0], "loss", "minimize")
    assert (claim["seeds"], claim["values"]) == ([0, 1], first.json["fresh_values"])

    again = searched.run("sweep", "--no-cache", "--workers", "1", "--json")
    assert (again.code, again.json["replayed"]) == (0, True)
    assert again.json["table_digest"] == first.json["table_digest"]
    assert lock_of(searched) == lock
    assert len(searched.records()) == 2 * (6 + 2)
    report = Path(again.json["report"]).read_text()
    assert "the record was followed to the same table" in report
    assert (again.json["cached"], "from the cache" in report) == (0, False)

    part = searched.run("sweep", "--trials", "3", "--json")
    assert (part.code, part.json["trials"], part.json["cached"]) == (0, 3, 3)
    assert "3 complete (3 of them from the cache)" in Path(part.json["report"]).read_text()
    assert lock_of(searched) == lock


def test_a_replay_that_differs_names_the_first_difference_and_can_be_mended(searched: Repository) -> None:
    searched.run("sweep")
    searched.change("train.py", "(x - 2)", "(x - 2.5)")
    done = searched.run("sweep")
    assert done.code == 1
    assert "value of objective 1: the record has" in done.err
    assert "same processor and libraries: the code, its data or its environment changed, or it is random" in done.err
    searched.change("train.py", "(x - 2.5)", "(x - 2)")
    assert searched.run("sweep").code == 0


def test_a_window_killed_again_and_again_gives_the_table_of_the_uninterrupted(
    searched: Repository, tmp_path: Path
) -> None:
    other = searched.copy(tmp_path / "other")
    whole = other.run("sweep", "--order", "window", "--json").json
    for _ in range(3):
        process = searched.start("sweep", "--order", "window")
        assert process.stdout is not None
        for line in process.stdout:
            if "complete" in line:
                process.kill()
                break
        process.communicate()
    done = searched.run("sweep", "--order", "window", "--workers", "1", "--json").json
    assert done["table_digest"] == whole["table_digest"]


def test_ctrl_c_once_begins_no_new_trial_and_the_same_command_goes_on(searched: Repository) -> None:
    searched.change("train.py", "import json", "import time; time.sleep(0.4)\nimport json")
    searched.change("ml-experiment.yaml", "trials: 6", "trials: 9")
    process = searched.start("sweep", "--json", "--workers", "1")
    assert process.stderr is not None
    for line in process.stderr:
        if "complete" in line:
            process.send_signal(signal.SIGINT)
            break
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.search(r"no new trials; \d running finish. Ctrl-C again ends them now", err)
    assert json.loads(out)["exit_code"] == 130
    done = searched.run("sweep", "--json")
    assert (done.code, done.json["complete"]) == (0, 9)
    assert "goes on: " in done.err


def test_where_every_trial_fails_it_stops_early_with_the_first_error(searched: Repository) -> None:
    searched.change("train.py", "import json", "raise SystemExit('no such thing')\nimport json")
    done = searched.run("sweep")
    assert done.code == 1
    assert any(line.startswith("stopped") and "all 3 trials failed; the first: " in line for line in lines(done.out))
    assert "it printed last: no such thing\n" in done.out
    assert not (searched.folder / "sweeps").exists()


def test_an_objective_that_is_never_seen_is_named(searched: Repository) -> None:
    searched.change("ml-experiment.yaml", "objective: {loss:", "objective: {los:")
    assert "metric 'los' was never seen (did you mean 'loss'?); seen: loss, size" in searched.run("sweep").out


def test_a_record_of_another_specification_is_refused_with_what_changed(searched: Repository) -> None:
    searched.run("sweep")
    searched.change("ml-experiment.yaml", "[-5, 5]", "[-5, 6]")
    done = searched.run("sweep")
    assert done.code == 2
    assert 'sweep.space.x: {"float": [-5.0, 5.0]} in the record, now {"float": [-5.0, 6.0]}' in done.err
    new = searched.run("sweep", "--new", "--json")
    assert (new.code, new.json["replayed"]) == (0, False)


def test_a_constraint_decides_which_trial_is_best_and_seeds_that_change_nothing_are_said(searched: Repository) -> None:
    searched.change("ml-experiment.yaml", "  space:", "  constraints: {size: {max: 1.5}}\n  space:")
    searched.change("train.py", "seed % 97", "0")
    done = searched.run("sweep", "--json")
    assert abs(done.json["best_params"]["x"]) <= 1.5
    report = (searched.folder / ".ml-experiment" / "sweep.md").read_text()
    assert "both seeds gave the same bits" in report
    assert "seeds make no difference to this training" in report


SLOW_STEPS = """\
import sys, time
for step in range(1, 6):
    print(f"step {step} loss {(float(sys.argv[1]) - 2) ** 2 + 3 / step}", flush=True)
    time.sleep(0.3)
"""


@pytest.fixture
def prunable(searched: Repository) -> Repository:
    """Trials print five points each."""
    searched.write("train.py", SLOW_STEPS)
    searched.change("ml-experiment.yaml", "metric_files: [metrics.json]\n", "")
    pattern = "'step (?P<step>[0-9]+) loss (?P<value>[-+.0-9e]+)'"
    searched.change("ml-experiment.yaml", "{goal: minimize}", f"{{goal: minimize, pattern: {pattern}}}")
    searched.change("ml-experiment.yaml", "trials: 6", "trials: 9\n  pruner: median")
    return searched


@pytest.mark.parametrize("order", ["recorded", "window"])
def test_a_pruned_trial_is_ended_early_and_its_record_can_be_followed(prunable: Repository, order: str) -> None:
    first = prunable.run("sweep", "--order", order, "--json").json
    assert first["pruned"] > 0
    assert "cancelled" in {record["outcome"]["status"] for record in prunable.records()}
    cut = [row for row in lock_of(prunable)["table"] if row["state"] == "pruned"]
    assert all(0 < len(row["points"]) < 5 for row in cut)
    whole = [row for row in lock_of(prunable)["table"] if row["state"] == "complete"]
    assert all([step for step, _ in row["points"]] == [1, 2, 3, 4, 5] for row in whole)
    again = prunable.run("sweep", "--order", order, "--no-cache", "--workers", "1", "--json")
    assert (again.code, again.json["table_digest"]) == (0, first["table_digest"]), again.err
    cached = prunable.run("sweep", "--order", order, "--json")
    assert (cached.code, cached.json["table_digest"]) == (0, first["table_digest"]), cached.err


@pytest.mark.filterwarnings("ignore")  # MLflow's own imports raise deprecation warnings of its libraries
def test_a_finished_study_is_in_a_storage_of_optuna_and_its_best_model_under_its_alias(
    searched: Repository, tmp_path: Path
) -> None:
    import optuna
    from mlflow import MlflowClient

    searched.change(
        "train.py", "import json, os, sys\n", "import json, os, sys\nopen('m.txt', 'w').write(sys.argv[1])\n"
    )
    searched.change("ml-experiment.yaml", "metric_files:", "artifacts: [m.txt]\nmetric_files:")
    searched.change("ml-experiment.yaml", "  trials: 6", "  trials: 6\n  register: {model: tiny, alias: champion}")
    url = f"sqlite:///{tmp_path / 'study.db'}"
    done = searched.run("sweep", "--export", url, "--json")
    assert done.code == 0, done.err
    [best] = done.json["best_trials"]
    assert f"MLflow: model tiny: version 1 is champion (trial {best}, m.txt)" in done.err
    store = searched.environ["MLFLOW_TRACKING_URI"]
    version = MlflowClient(store).get_model_version_by_alias("tiny", "champion")
    assert float(Path(str(version.source).removeprefix("file://")).read_text()) == done.json["best_params"]["x"]
    [name] = optuna.get_all_study_names(storage=url)
    study = optuna.load_study(study_name=name, storage=url)
    assert study.best_params == done.json["best_params"]
    wrong = searched.run("sweep", "--export", "nonsense://x")
    assert wrong.code == 3
    assert "--export: the storage cannot be written" in wrong.err


def test_a_file_without_a_sweep_is_refused(repository: Repository) -> None:
    done = repository.run("sweep")
    assert done.code == 2
    assert "there is no sweep in it" in done.err


@pytest.mark.docker
def test_trials_in_containers_give_the_table_of_trials_in_a_venv(searched: Repository, bed: Bed) -> None:
    searched.change("ml-experiment.yaml", "python train.py", "python3 train.py")
    both = f"{{lock: requirements.lock, image: '{bed.base}', prefer: lock}}"
    searched.change("ml-experiment.yaml", "{lock: requirements.lock}", both)
    searched.change("ml-experiment.yaml", "trials: 6", "trials: 3")
    searched.change("ml-experiment.yaml", "seeds: [0, 1]", "seeds: [0]")
    outside = searched.run("sweep", "--order", "window", "--json")
    container = ("--order", "window", "--environment", "image", "--json")
    inside = searched.run("sweep", *container, environ={"CI": ""})  # its changes are not committed
    assert (outside.code, inside.code) == (0, 0), inside.err
    assert inside.json["replayed"]
    assert inside.json["table_digest"] == outside.json["table_digest"]
    assert {record["environment"]["kind"] for record in searched.records()} == {"lock", "image"}


def test_a_fixed_value_that_every_trial_overrides_is_no_part_of_the_record(searched: Repository) -> None:
    searched.change("ml-experiment.yaml", "seeds: [0, 1]", "params: {x: 1.0}\nseeds: [0, 1]")
    searched.run("sweep")
    searched.change("ml-experiment.yaml", "{x: 1.0}", "{x: 2.0}")
    again = searched.run("sweep", "--json")
    assert (again.code, again.json["replayed"]) == (0, True)
