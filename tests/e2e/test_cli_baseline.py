"""`baseline accept | show | diff`, `compare` and `report`: what exists already, shown, judged and stored."""

import difflib
import json
from pathlib import Path

from repositories import Repository, lines


def baseline_of(repository: Repository) -> Path:
    return repository.folder / "baselines/tiny.json"


def test_accepting_the_same_runs_again_changes_no_byte(accepted: Repository) -> None:
    before = baseline_of(accepted).read_bytes()
    done = accepted.run("baseline", "accept", "--json")
    assert done.code == 0
    assert done.json["changed"] is False
    assert (done.json["runs"], done.json["cached"]) == (5, 5)
    assert "baseline   baselines/tiny.json holds these 5 runs already: unchanged" in lines(done.err)
    assert baseline_of(accepted).read_bytes() == before


def test_a_baseline_is_a_small_file_that_one_more_run_changes_by_a_few_lines(accepted: Repository) -> None:
    before = baseline_of(accepted).read_text()
    assert len(before) < 20_000
    assert accepted.run("baseline", "accept", "--seeds", "0-5", "--note", "one more").code == 0
    after = baseline_of(accepted).read_text()
    changed = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]
    assert 0 < len(changed) <= 12, changed


def test_accepting_says_what_changes_and_by_how_much(accepted: Repository) -> None:
    accepted.change("train.py", "0.9 + random", "0.8 + random")
    done = accepted.run("baseline", "accept", "--note", "smaller on purpose")
    assert done.code == 0
    text = [line.replace("\u00a0", " ") for line in lines(done.out)]
    at = text.index("against the old baseline: regressed")
    assert text[at + 1].startswith("accuracy ")
    assert "−0.100" in text[at + 1]
    assert text[at + 1].endswith("n 5 → 5")
    assert text[at + 2] == "differs: train.py · same: environment, data, parameters, hardware"
    assert text[at + 3] == "baseline   baselines/tiny.json: 5 runs accepted; commit this file"
    assert text[at + 4].startswith("note       the tree has uncommitted changes")
    shown = lines(accepted.run("baseline", "show").out)
    assert shown[1] == "smaller on purpose"
    assert shown[2].startswith("accuracy   0.80")


def test_accepting_after_a_single_run_makes_the_others_and_takes_that_one_from_cache(repository: Repository) -> None:
    assert repository.run("reproduce", "--seeds", "2").code == 4
    done = repository.run("baseline", "accept")
    assert done.code == 0
    assert [line[:14] for line in lines(done.out) if "cached" in line] == ["seed 2  cached"]
    kept = json.loads(baseline_of(repository).read_text())["snapshot"]
    assert [run["seed"] for run in kept["runs"]] == [0, 1, 2, 3, 4]
    assert not any(run["cached"] for run in kept["runs"])


def test_a_failed_run_is_no_baseline(accepted: Repository) -> None:
    before = baseline_of(accepted).read_bytes()
    accepted.write("train.py", "raise SystemExit(3)\n")
    done = accepted.run("baseline", "accept", "--seeds", "0")
    assert done.code == 4
    assert done.err == (
        "seed 0: user-error, ended with exit status 3: nothing was accepted\n"
        "  mend the run first; a baseline holds only good runs\n"
    )
    assert baseline_of(accepted).read_bytes() == before


def test_show_without_a_baseline_says_how_to_get_one(repository: Repository) -> None:
    done = repository.run("baseline", "show")
    assert (done.code, done.out) == (4, "")
    assert done.err == "baselines/tiny.json: no baseline yet\n  store one with: ml-experiment baseline accept\n"


def test_show_as_json_is_the_stored_file(accepted: Repository) -> None:
    assert accepted.run("baseline", "show", "--json").json == json.loads(baseline_of(accepted).read_text())


def test_diff_says_what_accepting_would_change_and_writes_nothing(accepted: Repository) -> None:
    early = accepted.run("baseline", "diff")
    if not (accepted.state / "bundle.zip").exists():
        assert early.code == 2
        assert early.err == ".ml-experiment/bundle.zip: nothing to compare with yet\n  first: ml-experiment reproduce\n"
    accepted.change("train.py", "0.9 + random", "0.8 + random")
    assert accepted.run("reproduce").code == 1
    before, recorded = baseline_of(accepted).read_bytes(), accepted.recorded()
    done = accepted.run("baseline", "diff")
    assert done.code == 0
    assert lines(done.out)[0] == "against the old baseline: regressed"
    assert lines(done.out)[-1] == "differs: train.py · same: environment, data, parameters, hardware"
    assert accepted.run("baseline", "diff", "--json").json["verdict"] == "regressed"
    assert (baseline_of(accepted).read_bytes(), accepted.recorded()) == (before, recorded)

    # the same two sides, named
    bundle = ".ml-experiment/bundle.zip"
    compared = accepted.run("compare", "baselines/tiny.json", bundle)
    assert compared.code == 1
    assert lines(compared.out)[0].startswith("regressed  accuracy")
    assert accepted.run("compare", bundle, bundle, "--json").json["verdict"] == "identical"

    # the report again, from the bundle alone
    again = accepted.run("report", bundle, "--to", "elsewhere", "--json")
    assert (again.code, again.json["verdict"]) == (1, "regressed")
    assert (accepted.folder / "elsewhere/report.md").read_bytes() == (accepted.state / "report.md").read_bytes()


def test_compare_judges_run_folders_one_by_one_and_all_of_them(accepted: Repository) -> None:
    folders = sorted((accepted.state / "runs").iterdir())
    all_runs = accepted.run("compare", "baselines/tiny.json", ".ml-experiment/runs", "--json")
    assert (all_runs.code, all_runs.json["verdict"], all_runs.json["runs"]) == (0, "identical", 5)
    one = accepted.run("compare", "baselines/tiny.json", str(folders[0]), "--json")
    assert (one.code, one.json["verdict"], one.json["runs"]) == (0, "identical", 1)
    two = accepted.run("compare", str(folders[0]), str(folders[1]))
    assert two.code == 4


def test_compare_of_what_is_neither_is_refused_saying_what_would_be_right(accepted: Repository) -> None:
    done = accepted.run("compare", "nowhere", "baselines/tiny.json")
    assert (done.code, done.out) == (2, "")
    assert done.err == ("nowhere: not there; expected a baseline, a bundle or a run folder\nnothing was compared\n")
    (accepted.folder / "empty").mkdir()
    done = accepted.run("compare", "baselines/tiny.json", "empty")
    assert (done.code, done.err) == (2, "empty: no run.json in it or one level below\nnothing was compared\n")
    (accepted.folder / "empty/run.json").write_text("{}")
    done = accepted.run("compare", "baselines/tiny.json", "empty")
    assert done.code == 2
    assert done.err.startswith("empty: a run cannot be read: ")
    (accepted.folder / "zip").write_bytes(b"PK\x03\x04garbage")
    done = accepted.run("compare", "zip", "zip")
    assert done.code == 2
    assert done.err.startswith("zip: not a bundle: ")
