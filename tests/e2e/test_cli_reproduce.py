"""`reproduce`, as a new user meets it: verdicts, exit codes, the cache, and what a script can read."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from repositories import Repository, lines


def test_the_first_time_there_is_no_baseline_and_that_does_not_pass(repository: Repository) -> None:
    repository.change("ml-experiment.yaml", "[0, 1, 2, 3, 4]", "[0, 1]")
    done = repository.run("reproduce")
    assert (done.code, done.err) == (4, "")
    text = [line for line in lines(done.out) if not line.startswith("environment ")]  # building it, the first time
    assert text[0].startswith("tiny  commit ")
    assert ", uncommitted changes · environment requirements.lock, 0 packages" in text[0]
    assert text[0].endswith(" · seeds 0–1")
    assert text[1] == "plan    no baseline yet: both seeds, then one of them again: does it reproduce?"
    assert [line.split("  ")[0] for line in text if line.startswith("no baseline  ")] == ["no baseline"]
    assert "reproduces: identical; seed 0 run twice on this machine, equal to the bit" in text
    assert "gate: a baseline → cannot judge: none is stored yet" in text
    assert "store these runs as the baseline: ml-experiment baseline accept" in text
    assert text[-1] == "report     .ml-experiment/report.html"
    assert "\x1b" not in done.out  # not a terminal: plain lines
    assert (repository.state / "report.md").read_text().startswith("### tiny: ")

    again = repository.run("reproduce")
    assert again.code == 4
    assert "both runs are from cache; --no-cache makes them again" in lines(again.out)
    assert "started" not in again.out

    repository.write(
        "ml-experiment.yaml", (repository.folder / "ml-experiment.yaml").read_text() + "gate: {no_baseline: pass}\n"
    )
    assert repository.run("reproduce").code == 0


def test_nothing_changed_is_identical_from_cache_and_run_again(accepted: Repository) -> None:
    done = accepted.run("reproduce")
    assert (done.code, done.err) == (0, "")
    text = lines(done.out)
    assert ", clean · " in text[0]
    assert "identical  the same bits as the baseline, 1 run from cache" in text
    assert "reproduces: identical; seed 0 from cache has the baseline's bits; --no-cache runs it again" in text
    before = len(accepted.records())
    again = accepted.run("reproduce", "--no-cache")
    assert again.code == 0
    assert any(line.startswith("identical  the same bits as the baseline, 1 run, ") for line in lines(again.out))
    assert len(accepted.records()) == before + 1


def test_a_changed_comment_is_identical(accepted: Repository) -> None:
    accepted.change("train.py", "import json", "# a comment\nimport json")
    done = accepted.run("reproduce")
    assert done.code == 0
    text = lines(done.out)
    assert ", uncommitted changes · " in text[0]
    assert any(line.startswith("identical  the same bits as the baseline, 1 run, ") for line in text)
    assert "differs: train.py · same: environment, data, parameters, hardware" in text
    assert "cached" not in done.out


def test_a_line_that_costs_is_a_regression_with_metric_change_interval_and_n(accepted: Repository) -> None:
    accepted.change("train.py", "0.9 + random", "0.8 + random")
    done = accepted.run("reproduce")
    assert done.code == 1
    verdict = next(line for line in lines(done.out) if line.startswith("regressed"))
    assert verdict.split()[1] == "accuracy"
    assert "−0.100" in verdict
    assert "[−0.1" in verdict
    assert verdict.replace("\u00a0", " ").endswith("n 5 → 5")
    assert "differs: train.py · same: environment, data, parameters, hardware" in lines(done.out)
    markdown = (accepted.state / "report.md").read_text().replace("\u00a0", " ")
    heading = markdown.splitlines()[0]
    assert "regressed" in heading
    assert "accuracy" in heading
    assert "0.10" in heading
    assert "5 baseline runs" in markdown
    assert "95 % interval" in markdown


def test_a_script_that_gives_two_results_is_not_reproduced(repository: Repository) -> None:
    repository.change("train.py", "random.gauss(0, 0.005)", "int.from_bytes(os.urandom(4), 'big') / 2**34")
    repository.change("train.py", "import json, random", "import json, os")
    repository.write(
        "ml-experiment.yaml", (repository.folder / "ml-experiment.yaml").read_text() + "gate: {no_baseline: pass}\n"
    )
    done = repository.run("reproduce", "--seeds", "3")
    assert done.code == 1
    verdict = next(line for line in lines(done.out) if line.startswith("not reproduced"))
    assert "seed 3 gave accuracy " in verdict
    assert any(line.startswith("gate: the same result again → failed: seed 3 run twice") for line in lines(done.out))


def test_json_is_one_object_with_the_names_of_the_outputs(accepted: Repository) -> None:
    done = accepted.run("reproduce", "--json")
    assert done.code == 0
    found = done.json
    assert found["verdict"] == "identical"
    assert found["passed"] is True
    assert (found["runs"], found["cached"]) == (1, 1)
    assert Path(found["report"]).read_text().startswith("### tiny: ")
    assert zipfile.is_zipfile(found["bundle"])
    metric = found["metrics"]["accuracy"]
    assert metric["verdict"] == "identical"
    assert (metric["n"], metric["baseline_n"]) == (1, 5)
    first = next(record for record in accepted.records() if record["parts"]["seed"] == 0)
    assert metric["mean"] == first["metrics"]["accuracy"]["value"]
    assert "identical" in done.err  # a person may still watch


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("reproduce", "--seeds", "x"), 2, "'x' is not a seed"),
        (("reproduce", "nowhere"), 2, "no experiment file"),
        (("reproduce", "--no-such-option"), 2, "No such option"),
        (("compare", "train.py", "train.py"), 4, "the baseline cannot be read"),
        (("compare", "nowhere", "train.py"), 2, "not there"),
        (("report", "train.py"), 2, "not a bundle"),
    ],
)
def test_json_is_one_object_for_errors_too(accepted: Repository, args: tuple[str, ...], code: int, said: str) -> None:
    done = accepted.run(*args, "--json")
    assert done.code == code
    assert done.json["exit_code"] == code
    assert done.json["passed"] is False
    assert done.json["verdict"] is None
    assert said in done.json["error"]
    assert said in done.err


def test_from_another_directory_with_spaces_outside_git_and_by_the_files_own_path(
    accepted: Repository, tmp_path: Path
) -> None:
    place = tmp_path / "my experiments" / "tiny one"
    moved = accepted.copy(place)
    shutil.rmtree(place / ".git")
    done = moved.run("reproduce", "my experiments/tiny one", cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    assert "not in git" in done.out
    assert lines(done.out)[-1] == "report     my experiments/tiny one/.ml-experiment/report.html"
    by_file = moved.run("reproduce", str(place / "ml-experiment.yaml"), "--json", cwd=tmp_path)
    assert (by_file.code, by_file.json["verdict"], by_file.json["cached"]) == (0, "identical", 1)


def test_a_bug_of_ours_is_one_text_and_a_file_that_holds_the_rest(accepted: Repository, tmp_path: Path) -> None:
    """As a bug, a library that is broken: numpy of a folder that comes first on PYTHONPATH."""
    (tmp_path / "numpy.py").write_text("raise RuntimeError('torn\\x1b[2J')\n")
    path = f"{tmp_path}:{accepted.variables()['PYTHONPATH']}"
    done = accepted.run("reproduce", environ={"PYTHONPATH": path}, bug=True)
    assert done.code == 3
    text = lines(done.err)
    assert text[0] == "this is a bug in ml-experiment: RuntimeError: torn�[2J"
    kept = text[1].removeprefix("everything about it is in ").removesuffix(": please report it with that file")
    assert "Traceback (most recent call last)" in (accepted.folder / kept).read_text()
    assert (accepted.folder / kept).parent == accepted.state
    assert json.loads((accepted.folder / "baselines/tiny.json").read_text())["schema_version"] == 1
