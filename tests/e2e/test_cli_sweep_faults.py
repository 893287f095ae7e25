"""What can go wrong with `ml-experiment sweep`: interrupted, killed, taken elsewhere, asked for what cannot be."""

import json
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from repositories import Repository
from searched import EXPERIMENT, TRAIN, lock_of

from runner.sweep.samplers import seed_of

SLOW = TRAIN.replace("import json", "import time; time.sleep(0.4)\nimport json", 1)


@pytest.fixture
def searched(repository: Repository) -> Repository:
    """Trials take half a second, and nine are wanted."""
    repository.write("train.py", SLOW)
    repository.write("ml-experiment.yaml", EXPERIMENT.replace("trials: 6", "trials: 9"))
    repository.commit()
    return repository


def log_of(repository: Repository) -> Path:
    return repository.state / "sweeps" / "tiny.jsonl"


def events(repository: Repository, kind: str) -> int:
    path = log_of(repository)
    return path.read_text().count(f'"event":"{kind}"') if path.exists() else 0


def finished(repository: Repository, *args: str) -> Any:
    done = repository.run("sweep", "--json", *args)
    assert done.code == 0, done.err
    assert done.json["complete"] == 9
    return done.json


@pytest.mark.parametrize("order", ["window", "recorded"])
def test_ctrl_c_twice_ends_what_runs_and_the_same_command_goes_on(
    searched: Repository, tmp_path: Path, order: str
) -> None:
    hold, first = tmp_path / "hold", str(seed_of(0, 0, 0))
    held = f"while os.environ['ML_EXPERIMENT_SEED'] != '{first}' and os.path.exists({str(hold)!r}): time.sleep(0.05)"
    searched.change("train.py", "x, act", f"{held}\nx, act")  # all but trial 0 run until they are ended
    hold.touch()
    other = searched.copy(tmp_path / "other")
    process = searched.start("sweep", "--json", "--order", order)
    assert process.stderr is not None
    for line in process.stderr:
        if "complete" in line or "no new trials" in line:  # the first, and then what that came to
            process.send_signal(signal.SIGINT)
        if "no new trials" in line:
            break
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out)["exit_code"] == 130
    assert events(searched, "tell") < events(searched, "ask") < 9
    hold.unlink()
    found = finished(searched, "--order", order)
    if order == "window":
        assert finished(other, "--order", order)["table_digest"] == found["table_digest"]
    again = finished(searched, "--order", order, "--no-cache", "--workers", "1")
    assert (again["replayed"], again["table_digest"]) == (True, found["table_digest"])


def test_two_at_once_are_refused_with_the_first_ones_process(searched: Repository) -> None:
    first = searched.start("sweep")
    try:
        while not events(searched, "ask"):
            assert first.poll() is None
            time.sleep(0.02)
        second = searched.run("sweep")
        assert second.code == 2
        assert f"another ml-experiment works on this study: process {first.pid} on " in second.err
        assert "nothing was run" in second.err
    finally:
        first.kill()
        first.communicate()


def test_an_unfinished_study_is_taken_elsewhere_and_gone_on_with(searched: Repository, tmp_path: Path) -> None:
    other = searched.copy(tmp_path / "other")
    whole = finished(searched.copy(tmp_path / "whole"), "--order", "window")
    process = searched.start("sweep", "--order", "window")
    while events(searched, "tell") < 3:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.communicate()
    log = str(shutil.copy(log_of(searched), tmp_path / "earlier.jsonl"))
    missing = other.run("sweep", "--order", "window", "--resume", str(tmp_path / "none.jsonl"))
    assert (missing.code, "cannot be read: No such file or directory" in missing.err) == (2, True)
    assert finished(other, "--order", "window", "--resume", log)["table_digest"] == whole["table_digest"]
    again = searched.run("sweep", "--order", "window", "--resume", str(other.folder / "train.py"))
    assert (again.code, "another unfinished study is here" in again.err) == (2, True)


@pytest.mark.parametrize("start", ["params", "baseline"])
def test_the_first_trial_is_what_is_known(searched: Repository, start: str) -> None:
    searched.write("train.py", TRAIN)
    searched.change("ml-experiment.yaml", "trials: 9", f"trials: 2\n  start: {start}")
    searched.change("ml-experiment.yaml", "seeds: [0, 1]", "seeds: [0, 1]\nparams: {x: 1.25, act: tanh}")
    if start == "baseline":
        none = searched.run("sweep")
        assert (none.code, "sweep.start is baseline, and there is none" in none.err) == (2, True)
        searched.run("reproduce")
        assert searched.run("baseline", "accept").code == 0
        searched.change("ml-experiment.yaml", "x: 1.25", "x: 4.5")
    assert searched.run("sweep").code == 0
    assert lock_of(searched)["table"][0]["params"] == {"x": 1.25, "act": "tanh"}
    assert lock_of(searched)["table"][1]["params"] != {"x": 1.25, "act": "tanh"}
    if start == "params":  # as who takes over what a sweep found
        searched.change("ml-experiment.yaml", "x: 1.25", "x: 3.5")
    else:
        (searched.folder / "baselines" / "tiny.json").unlink()
    again = searched.run("sweep", "--json")
    assert (again.code, again.json["replayed"], again.json["cached"]) == (0, True, 2), again.err
    moved = "from where it started (x = 1.25; params has x = 3.5: --new starts there)"
    assert (moved in again.err) == (start == "params"), again.err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[-5, 5]", "[5, -5]", "low 5.0 is above high -5.0"),
        ("[-5, 5]}", "[0, 5], log: true}", "log needs a low above 0, not 0.0"),
        ("  trials: 9", "  sampler: tp", "sweep.sampler"),
        ("  trials: 9", "  sampler: grid", "grid needs a countable range"),
        ("  trials: 9", "  sampler: gp", "gp needs PyTorch, which is not installed beside ml-experiment"),
        ("{loss: minimize}\n", "{loss: minimize, size: minimize}\n  sampler: cmaes\n", "cmaes searches for one"),
        ("seeds: [0, 1]", "seeds: [0, 1]\nparams: {x: 7.0}", "params.x is 7.0, which is outside this range"),
        ("tanh]}", "tanh]}, y: {int: [1, 2], when: {act: [c]}}", "act never is 'c'"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_run(searched: Repository, old: str, new: str, said: str) -> None:
    searched.change("ml-experiment.yaml", old, new)
    done = searched.run("sweep")
    assert done.code == 2
    assert said in done.err
    assert done.err.endswith("nothing was run\n")
    assert searched.records() == []
