"""`ml-experiment sweep --verify`: a record is held to its word, or it is said why that cannot be judged."""

import json
from pathlib import Path
from typing import Any

import pytest
from repositories import Repository, lines

TRAIN = """\
import json, os, random, sys
x = float(sys.argv[1])
noise = random.Random(int(os.environ["ML_EXPERIMENT_SEED"])).gauss(0, 0.01)
json.dump({"loss": (x - 2) ** 2 + noise, "size": abs(x)}, open("metrics.json", "w"))
"""
EXPERIMENT = """\
experiment: tiny
environment: {lock: requirements.lock}
command: python train.py {x}
params: {x: 1.0}
seeds: [0, 1, 2, 3]
metric_files: [metrics.json]
metrics: {loss: {goal: minimize, margin: 0.1}}
resources: {cpus: 1, timeout: 60s}
sweep:
  trials: 4
  parallelism: 2
  objective: {loss: minimize}
  space: {x: {float: [-5, 5]}}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, environ: dict[str, str]) -> Repository:
    repository = Repository.make(tmp_path_factory.mktemp("verify") / "repository", environ)
    repository.write("train.py", TRAIN)
    repository.write("ml-experiment.yaml", EXPERIMENT)
    repository.commit()
    assert repository.run("sweep").code == 0
    repository.commit()
    return repository


@pytest.fixture
def swept(made: Repository, tmp_path: Path) -> Repository:
    return made.copy(tmp_path / "copy")


def lock_of(repository: Repository) -> Any:
    return json.loads((repository.folder / "sweeps" / "tiny.lock.json").read_text())


def test_a_claim_that_holds_comes_out_to_the_bit_with_the_whole_table_again(swept: Repository) -> None:
    before = lock_of(swept)
    done = swept.run("sweep", "--verify", "--all", "--json")
    assert (done.code, done.json["verdict"], done.json["table"]) == (0, "identical", "identical"), done.err
    assert (done.json["claim"], done.json["seeds"]) == (before["claim"], [0, 1, 2, 3])
    assert done.json["values"] == before["claim"]["values"]
    assert done.json["trials_again"] == 4
    assert lock_of(swept) == before
    again = [record for record in swept.records() if record["parts"]["seed"] in (0, 1, 2, 3)]
    assert len(again) == 2 * 4  # made again, since the runs that the claim was made of would answer for themselves
    report = Path(done.json["report"]).read_text()
    assert report.startswith("### tiny sweep: **identical** — the same bits as claimed, 4 runs, ")
    assert "all 4 trials came out the same, to the bit" in report


def test_a_claim_that_does_not_hold_fails_and_says_by_how_much(swept: Repository) -> None:
    swept.change("train.py", "(x - 2) ** 2", "(x - 2) ** 2 + 1")
    done = swept.run("sweep", "--verify")
    assert done.code == 1
    assert any(line.startswith("regressed") and "loss" in line for line in lines(done.out)), done.out
    assert "gate: not worse than +0.1 → failed" in done.out
    report = (swept.state / "sweep-verified.md").read_text()
    assert "Of the claim's own seeds, seed 0 gave " in report
    assert "<svg" in (swept.state / "sweep-verified.html").read_text()


def test_the_first_trials_are_made_again_and_the_first_difference_is_named(swept: Repository) -> None:
    swept.change("train.py", '"size": abs(x)', '"size": 0')
    swept.change("train.py", "+ noise,", "+ noise + 1e-12,")
    done = swept.run("sweep", "--verify", "--first", "2")
    assert done.code == 1
    assert any(line.startswith("not reproduced") for line in lines(done.out)), done.out
    assert "table: trial 0: value of objective 1: the record has" in done.out or "trial 1: value" in done.out


def test_no_record_is_no_pass(swept: Repository) -> None:
    (swept.folder / "sweeps" / "tiny.lock.json").unlink()
    done = swept.run("sweep", "--verify", "--json")
    assert (done.code, done.json["passed"]) == (4, False)
    assert done.json["gate"] == "a claim → cannot judge: there is no record of a sweep"
    assert "Make a record: run ml-experiment sweep, and commit sweeps/tiny.lock.json." in done.err


def test_a_record_that_was_edited_is_refused(swept: Repository) -> None:
    text = (swept.folder / "sweeps" / "tiny.lock.json").read_text()
    swept.write("sweeps/tiny.lock.json", text.replace('"state": "complete"', '"state": "pruned"', 1))
    done = swept.run("sweep", "--verify")
    assert done.code == 2
    assert "its table is not the one of its digest: it was edited" in done.err


def test_a_run_that_fails_is_no_pass(swept: Repository) -> None:
    swept.change("train.py", "import json", "raise SystemExit('no')\nimport json")
    done = swept.run("sweep", "--verify")
    assert done.code == 1
    assert "unverifiable" in done.out
    assert "runs that finish → failed" in done.out


def test_another_specification_is_said_and_its_table_not_judged(swept: Repository) -> None:
    swept.change("ml-experiment.yaml", "[-5, 5]", "[-5, 6]")
    best = swept.run("sweep", "--verify", "--json")
    assert (best.code, best.json["changed"]) == (0, ["sweep.space.x"])
    table = swept.run("sweep", "--verify", "--first", "1", "--json")
    assert (table.code, table.json["table"]) == (4, "unverifiable")


def test_several_objectives_have_no_claim_but_a_table(swept: Repository) -> None:
    swept.change("ml-experiment.yaml", "{loss: minimize}\n", "{loss: minimize, size: maximize}\n")
    assert swept.run("sweep", "--new").code == 0
    if len(lock_of(swept)["best"]) > 1:
        alone = swept.run("sweep", "--verify", "--json")
        assert alone.code == 4
        assert "several objectives" in alone.json["gate"]
    table = swept.run("sweep", "--verify", "--all", "--json")
    assert (table.code, table.json["table"]) == (0, "identical")


def test_seeds_are_chosen_as_long_as_they_are_fresh(swept: Repository) -> None:
    more = swept.run("sweep", "--verify", "--seeds", "10-15", "--json")
    assert (more.code, more.json["seeds"]) == (0, [10, 11, 12, 13, 14, 15])
    stale = swept.run("sweep", "--verify", "--seeds", "3-5")
    assert stale.code == 2
    assert "--seeds: 3: the claim was made with them" in stale.err


def test_options_that_do_not_go_together_are_refused(swept: Repository) -> None:
    assert "only with --verify" in swept.run("sweep", "--first", "2").err
    assert "not with --verify" in swept.run("sweep", "--verify", "--new").err
    assert "not with --all" in swept.run("sweep", "--verify", "--first", "2", "--all").err
