"""Wrong input: each case has its own text and exit code, and nothing recorded is lost in any of them."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from repositories import EXPERIMENT, Done, Repository, lines


@pytest.fixture(autouse=True)
def _nothing_recorded_is_lost(accepted: Repository) -> Iterator[None]:
    before = accepted.recorded()
    assert len(before) >= 15
    yield
    assert before.items() <= accepted.recorded().items()


def refused(repository: Repository, *args: str) -> str:
    """What `reproduce` says when it refuses; nothing was run then."""
    before = repository.recorded()
    done = repository.run("reproduce", *args)
    assert (done.code, done.out) == (2, "")
    assert repository.recorded() == before
    return done.err


def test_no_experiment_file(accepted: Repository) -> None:
    (accepted.folder / "ml-experiment.yaml").unlink()
    assert lines(refused(accepted))[0] == "ml-experiment.yaml: no experiment file"


def test_an_experiment_file_that_is_not_yaml(accepted: Repository) -> None:
    accepted.write("ml-experiment.yaml", "command: [python\nseeds: 1\n")
    text = lines(refused(accepted))
    assert text[0].startswith("ml-experiment.yaml:2: not YAML: ")
    assert text[-1] == "nothing was run"


def test_an_unknown_key_with_the_nearest_known_one(accepted: Repository) -> None:
    accepted.change("ml-experiment.yaml", "seeds:", "sedes:")
    assert refused(accepted) == (
        "ml-experiment.yaml:4: unknown key 'sedes'\n"
        "  4 │ sedes: [0, 1, 2, 3, 4]\n"
        "    │ ^^^^^ did you mean 'seeds'?\n"
        "nothing was run\n"
    )


def test_a_value_of_the_wrong_type(accepted: Repository) -> None:
    accepted.change("ml-experiment.yaml", "cpus: 1,", "cpus: many,")
    assert refused(accepted) == (
        "ml-experiment.yaml:8: resources.cpus: expected a whole number, found the text 'many'\n"
        "  8 │ resources: {cpus: many, timeout: 60s}\n"
        "    │             ^^^^\n"
        "nothing was run\n"
    )


def test_two_environments(accepted: Repository) -> None:
    accepted.change("ml-experiment.yaml", "{lock: requirements.lock}", "{lock: requirements.lock, dockerfile: D}")
    text = lines(refused(accepted))
    assert text[0] == (
        "ml-experiment.yaml:2: environment: dockerfile and lock are both given; keep one, or add 'prefer: dockerfile'"
    )
    assert text[-1] == "nothing was run"


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("baseline.mlflow", "baseline: {mlflow: 'models:/m@baseline'}"),
        ("evaluate", "evaluate: {command: python train.py}"),
        ("notify", "notify: [{on: [regressed], url: 'https://example.org'}]"),
        ("hooks", "hooks: [my_package.hooks]"),
    ],
)
def test_a_key_that_this_version_cannot_honour_is_not_ignored(accepted: Repository, key: str, written: str) -> None:
    file = accepted.folder / "ml-experiment.yaml"
    file.write_text(file.read_text(encoding="utf-8") + written + "\n", encoding="utf-8")
    text = lines(refused(accepted))
    assert text[0] == f"ml-experiment.yaml: {key}: this version of ml-experiment cannot do that yet"
    assert text[-1] == "nothing was run"


def test_an_unknown_placeholder(accepted: Repository) -> None:
    accepted.change("ml-experiment.yaml", "python train.py", "python train.py --seed {sed}")
    text = lines(refused(accepted))
    assert text[0] == (
        "ml-experiment.yaml:3: command: unknown placeholder {sed}; did you mean {seed}?"
        " (write {{sed}} for literal braces)"
    )


def test_a_placeholder_that_only_a_sweep_gives_a_value(accepted: Repository) -> None:
    accepted.change("ml-experiment.yaml", "python train.py", "python train.py --lr {lr}")
    accepted.write(
        "ml-experiment.yaml",
        (accepted.folder / "ml-experiment.yaml").read_text()
        + "sweep: {objective: {accuracy: maximize}, space: {lr: {float: [0.1, 1.0]}}}\n",
    )
    assert refused(accepted) == (
        "ml-experiment.yaml: command: {lr} has no value outside the sweep\n"
        "  give it one: params: {lr: …}; a sweep then overrides it\n"
        "nothing was run\n"
    )


def test_a_lock_without_hashes(accepted: Repository) -> None:
    accepted.write("requirements.lock", "numpy==2.1.3\n")
    text = lines(refused(accepted))
    assert text[0].startswith("requirements.lock:1: numpy")
    assert "hash" in text[0]
    assert text[1] == "1 │ numpy==2.1.3"
    assert "uv pip compile --generate-hashes" in text[2]
    assert text[-1] == "nothing was run"


def test_a_lock_that_is_not_there(accepted: Repository) -> None:
    (accepted.folder / "requirements.lock").unlink()
    text = lines(refused(accepted))
    assert text[0].startswith("requirements.lock: ")
    assert text[-1] == "nothing was run"


def test_data_with_other_bytes_than_declared(accepted: Repository) -> None:
    accepted.write("events.csv", "1,2\n")
    declared, found = "0" * 64, hashlib.sha256(b"1,2\n").hexdigest()
    accepted.write("ml-experiment.yaml", EXPERIMENT + f"data: [{{path: events.csv, sha256: '{declared}'}}]\n")
    assert refused(accepted) == (
        "ml-experiment.yaml: data: events.csv is not the declared file\n"
        f"  expected sha256 {declared}\n"
        f"  found    sha256 {found}\n"
        "  get the declared file, or write the new digest if the change is meant\n"
        "nothing was run\n"
    )


def test_data_that_is_not_there(accepted: Repository) -> None:
    accepted.write("ml-experiment.yaml", EXPERIMENT + "data: [{path: events.csv}]\n")
    assert refused(accepted) == (
        f"ml-experiment.yaml: data: events.csv is not there (looked in {accepted.folder})\n"
        "  put the file there, or take it out of 'data'\n"
        "nothing was run\n"
    )


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        ("x", "'x' is not a seed; write 0,1,2 or 0-9"),
        ("1,1", "give 1 to 1000 different seeds below 2³²"),
        ("0-4000000000", "give 1 to 1000 different seeds below 2³²"),
        ("0-99999999999", "'0-99999999999' is not a seed; write 0,1,2 or 0-9"),
        ("5-3", "give 1 to 1000 different seeds below 2³²"),
    ],
)
def test_seeds_that_are_none(accepted: Repository, seeds: str, said: str) -> None:
    assert refused(accepted, "--seeds", seeds).rstrip().endswith(f"Error: Invalid value for --seeds: {said}")


def test_an_unknown_option(accepted: Repository) -> None:
    assert "No such option: --sedes" in refused(accepted, "--sedes")


# What goes wrong while it runs: it is recorded, reported, and the terminal says where the output is.


def one_seed(repository: Repository, script: str) -> Done:
    """A run of seed 0 alone with another script."""
    repository.write("train.py", script)
    return repository.run("reproduce", "--seeds", "0")


def verdict_of(done: Done) -> list[str]:
    """The lines from the verdict on."""
    text = done.out.split("\n\n")[-1]
    return [line.strip() for line in text.splitlines()]


def test_a_metric_that_is_declared_and_never_seen(accepted: Repository) -> None:
    done = one_seed(accepted, "import json\njson.dump({'acuracy': 1.0}, open('metrics.json', 'w'))\n")
    assert done.code == 4
    assert verdict_of(done)[0] == ("unverifiable  accuracy was never seen in the run of seed 0; did you mean acuracy?")


def test_a_metric_that_is_not_a_number_is_a_regression(accepted: Repository) -> None:
    done = one_seed(accepted, "import json\njson.dump({'accuracy': float('nan')}, open('metrics.json', 'w'))\n")
    assert done.code == 1
    assert verdict_of(done)[0].startswith("regressed")
    assert "accuracy NaN" in done.out
    assert accepted.records()[-1]["metrics"]["accuracy"]["value"] == "NaN"


def test_a_script_that_ends_with_status_3(accepted: Repository) -> None:
    done = one_seed(accepted, "import sys\nprint('cannot go on')\nsys.exit(3)\n")
    assert done.code == 1
    text = lines(done.out)
    failed = next(i for i, line in enumerate(text) if line.startswith("seed 0  user-error"))
    assert text[failed].endswith("ended with exit status 3")
    assert text[failed + 1] == "│ cannot go on"
    log = text[failed + 2].removeprefix("all its output: ")
    assert (accepted.folder / log).read_text() == "cannot go on\n"
    assert verdict_of(done)[0] == "unverifiable  seed 0 crashed: ended with exit status 3"
    assert "gate: runs that finish → failed: seed 0: user-error, ended with exit status 3" in text


def test_what_a_failed_script_prints_cannot_steer_the_terminal(accepted: Repository) -> None:
    done = one_seed(accepted, "import sys\nprint('\\x1b[2J\\x1b]0;title\\x07red\\u202e')\nsys.exit(1)\n")
    assert done.code == 1
    assert "red" in done.out
    assert not {"\x1b", "\x07", "\u202e"} & set(done.out + done.err)


def test_a_script_that_is_killed(accepted: Repository) -> None:
    done = one_seed(accepted, "import os, signal\nprint('before', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert done.code == 3
    assert "infra-error" in done.out
    assert "killed from outside with SIGKILL" in done.out
    assert verdict_of(done)[0].startswith("not judged")
    assert accepted.records()[-1]["outcome"]["signal"] == 9


def test_a_script_that_writes_lots_of_log(accepted: Repository) -> None:
    script = "import json\nline = 'x' * 1023\nfor i in range(30000): print(line)\nprint('the end')\n"
    done = one_seed(accepted, script + "json.dump({'accuracy': 0.9}, open('metrics.json', 'w'))\n")
    assert done.code in (0, 1, 4)
    record = max((accepted.state / "runs").glob("*/output.log"), key=lambda path: path.stat().st_size)
    assert record.stat().st_size < 2 * 1024 * 1024
    assert "bytes left out by ml-experiment" in record.read_text()
    assert record.read_text().endswith("the end\n")


def test_a_script_that_never_ends(accepted: Repository) -> None:
    accepted.change("ml-experiment.yaml", "timeout: 60s", "timeout: 1s")
    done = one_seed(accepted, "import time\nwhile True: time.sleep(1)\n")
    assert done.code == 1
    assert "timeout" in done.out
    assert verdict_of(done)[0] == "unverifiable  seed 0 ran out of time: did not end within 1 s (resources.timeout)"


# The baseline.


def baseline_of(repository: Repository) -> Path:
    return repository.folder / "baselines/tiny.json"


def cannot_judge(repository: Repository) -> str:
    before = repository.recorded()
    done = repository.run("reproduce")
    assert (done.code, done.out) == (4, "")
    assert repository.recorded() == before
    return done.err


def test_a_corrupt_baseline(accepted: Repository) -> None:
    baseline_of(accepted).write_text(baseline_of(accepted).read_text()[:500])
    text = lines(cannot_judge(accepted))
    assert text[0].startswith("baselines/tiny.json: the baseline cannot be read: ")
    assert text[1] == ("take it from git again (git checkout), or store a new one with: ml-experiment baseline accept")


def test_a_baseline_of_a_newer_schema(accepted: Repository) -> None:
    tree = json.loads(baseline_of(accepted).read_text())
    baseline_of(accepted).write_text(json.dumps({**tree, "schema_version": 99}))
    assert cannot_judge(accepted) == (
        "baselines/tiny.json: written by a newer ml-experiment (schema 99, this one reads 1)\n"
        "  update ml-experiment, or store a new baseline with: ml-experiment baseline accept\n"
    )


def test_a_baseline_of_another_experiment(accepted: Repository) -> None:
    baseline_of(accepted).rename(accepted.folder / "baselines/other.json")
    accepted.change("ml-experiment.yaml", "experiment: tiny", "experiment: other")
    assert cannot_judge(accepted) == (
        "baselines/other.json: the baseline of another experiment: found 'tiny', expected 'other'\n"
        "  correct 'experiment' or 'baseline.file' in ml-experiment.yaml\n"
    )


def test_accepting_mends_a_corrupt_baseline_and_says_so(accepted: Repository) -> None:
    baseline_of(accepted).write_text("{")
    done = accepted.run("baseline", "accept")
    assert done.code == 0
    assert done.out.startswith("the old baseline is replaced: baselines/tiny.json: the baseline cannot be read: ")
    assert accepted.run("reproduce").code == 0


def test_accepting_never_replaces_the_baseline_of_another_experiment(accepted: Repository) -> None:
    accepted.change(
        "ml-experiment.yaml", "experiment: tiny", "experiment: other\nbaseline: {file: baselines/tiny.json}"
    )
    before = baseline_of(accepted).read_bytes()
    done = accepted.run("baseline", "accept")
    assert done.code == 4
    assert "the baseline of another experiment: found 'tiny', expected 'other'" in done.err
    assert baseline_of(accepted).read_bytes() == before


# The machine.


def test_a_state_folder_that_is_a_file(repository: Repository) -> None:
    repository.write(".ml-experiment", "")
    done = repository.run("reproduce")
    assert (done.code, done.out) == (3, "")
    text = lines(done.err)
    assert text[0].startswith(f"{repository.state}: cannot be written: Not a directory")
    assert text[1] == "runs recorded before are kept; make room or permit writing, then run the same command again"


@contextmanager
def small_file_system(at: Path) -> Iterator[Path]:
    at.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(at)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system can be mounted here")
    try:
        yield at
    finally:
        subprocess.run(["umount", str(at)], check=True)


@pytest.mark.root
def test_no_permission_to_write(accepted: Repository, tmp_path: Path) -> None:
    """On a file system mounted to be read only, which binds root too."""
    with small_file_system(tmp_path / "small") as mount:
        sealed = accepted.copy(mount / "repository")
        subprocess.run(["mount", "-o", "remount,ro", str(mount)], check=True)
        done = sealed.run("reproduce")
        assert (done.code, done.out) == (3, "")
        text = lines(done.err)
        assert text[0].startswith(f"{sealed.state}: cannot be written: ")
        assert text[1] == "runs recorded before are kept; make room or permit writing, then run the same command again"


@pytest.mark.root
def test_a_full_disk(accepted: Repository, tmp_path: Path) -> None:
    with small_file_system(tmp_path / "small") as mount:
        small = accepted.copy(mount / "repository")
        before = small.recorded()
        small.change("train.py", "import json", "# changed\nimport json")
        (mount / "ballast").write_bytes(b"x" * (shutil.disk_usage(mount).free - 4096))
        done = small.run("reproduce")
        assert done.code == 3
        assert "cannot be written: No space left on device" in done.err
        assert "runs recorded before are kept" in done.err
        assert before.items() <= small.recorded().items()
        (mount / "ballast").unlink()
        assert small.run("baseline", "show").code == 0
