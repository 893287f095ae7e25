"""Runs of real scripts in a real environment: recorded however they end, private, and told apart."""

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import when

from experiment import curves, record
from experiment.errors import Refused
from experiment.record import RunRecord, Status
from experiment.spec import DataFile, EnvironmentSpec, Experiment, Metric, Resources
from runner import data, source
from runner.environment.prepared import Prepared, prepare
from runner.execute import Bench, Finished, Job, Progress, execute, parts_of
from runner.runtime import Slot
from runner.schedule import Cancelled, run_all
from runner.store import CannotStore, Store

PATTERN = Metric(pattern=r"loss (?P<value>\S+)")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """An environment without packages."""
    folder = tmp_path_factory.mktemp("environment")
    (folder / "requirements.lock").write_text("# no packages\n")
    inherited = {**os.environ, "ML_EXPERIMENT_CACHE": str(folder / "cache")}
    return prepare(EnvironmentSpec(lock="requirements.lock"), folder, None, inherited, lambda _: None)


class Place:
    """A repository with a script, and its store."""

    def __init__(self, root: Path, prepared: Prepared) -> None:
        self.root, self.prepared = root, prepared
        self.store = Store(root / ".ml-experiment")
        self.cancelled = threading.Event()
        self.seen: list[Progress] = []
        self.spec: dict[str, Any] = {"command": "python train.py", "metrics": {"loss": PATTERN}}
        subprocess.run(["git", "init", "-q", root], check=True)
        self.store.prepare()

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def job(self, seed: int = 0, **changes: Any) -> Job:
        lock = EnvironmentSpec(lock="requirements.lock")
        spec = Experiment(experiment="x", environment=lock, **{**self.spec, **changes})
        return Job(spec, source.find(self.root), self.prepared, seed, data.check(spec.data, self.root))

    def bench(self) -> Bench:
        return Bench(self.store, Slot(), self.seen.append, self.cancelled)

    def run(self, script: str, seed: int = 0, **changes: Any) -> Finished:
        self.write("train.py", script)
        return execute(self.job(seed, **changes), self.bench())

    def cached(self, **changes: Any) -> list[RunRecord]:
        """What could stand in for the run as the repository is now."""
        job = self.job(**changes)
        found = self.store.same_runs(
            parts_of(job),
            job.experiment.metrics,
            lambda path: source.sha256(self.root / path),
            lambda folder: source.listing(
                [*job.tree.files, *(job.tree.inside(d.path) for d in job.experiment.data)], folder
            ),
        )
        return [run.record for run, _ in found]


@pytest.fixture
def place(tmp_path: Path, prepared: Prepared) -> Iterator[Place]:
    made = Place(tmp_path / "repo", prepared)
    yield made
    assert list(made.store.work.iterdir()) == []  # whatever happened, no working copy is left


def points(found: Finished, metric: str = "loss") -> list[tuple[int, float]]:
    """The curve of a metric, read back from its run folder."""
    [curve] = [c for c in curves.read(found.folder) if c.metric == metric]
    return list(zip(curve.step.tolist(), curve.value.tolist(), strict=True))


def outcome(found: Finished) -> tuple[Status, str]:
    assert record.read(found.folder).to_json() == found.record.to_json()  # what is told is what was written
    return found.record.outcome.status, found.record.outcome.reason


def test_a_good_run_is_recorded(place: Place) -> None:
    found = place.run("print('loss 2.0'); print('loss 1.0')")
    assert outcome(found) == (Status.OK, "")
    assert points(found) == [(1, 2.0), (2, 1.0)]
    assert set(found.record.source) == {"train.py"}
    assert found.log_tail == "loss 2.0\nloss 1.0"


def test_kill_9_in_the_middle_keeps_the_printed_curve_up_to_it(place: Place) -> None:
    found = place.run("import os\nfor i in range(9): print('loss', i / 4)\nos.kill(os.getpid(), 9)")
    assert outcome(found) == (Status.INFRA_ERROR, "killed from outside with SIGKILL")
    assert points(found) == [(i + 1, i / 4) for i in range(9)]
    assert found.record.metrics["loss"].value == 2.0


def test_kill_9_in_the_middle_keeps_the_tracked_curve_up_to_it(place: Place, light: Path) -> None:
    script = (
        "import os, mlflow\nmlflow.set_tracking_uri('sqlite:///m.db')\n"
        "for i in range(9): mlflow.log_metric('auc', i / 4, i)\n"
        "import time; time.sleep(1.5)\nos.kill(os.getpid(), 9)"
    )
    found = place.run(script, command=f"{light} train.py", metrics={"auc": Metric()})
    assert outcome(found) == (Status.INFRA_ERROR, "killed from outside with SIGKILL")
    assert points(found, "auc") == [(i, i / 4) for i in range(9)]


def test_exit_3_is_the_scripts(place: Place) -> None:
    found = place.run("print('loss 2.0'); raise SystemExit(3)")
    assert outcome(found) == (Status.USER_ERROR, "ended with exit status 3")
    assert points(found) == [(1, 2.0)]


def test_one_that_sleeps_for_ever_times_out(place: Place) -> None:
    found = place.run("import time; print('loss 2.0'); time.sleep(1e6)", resources=Resources(timeout=4.0))
    assert outcome(found) == (Status.TIMEOUT, "did not end within 4 s (resources.timeout)")
    assert points(found) == [(1, 2.0)]


def test_a_cancelled_run_is_recorded_as_that(place: Place) -> None:
    threading.Timer(0.5, place.cancelled.set).start()
    assert outcome(place.run("import time; time.sleep(1e6)")) == (Status.CANCELLED, "cancelled")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("pass", "metric file m.json was not written"),
        ("open('m.json', 'w').write('{')", "metric file cannot be read: m.json:1: not JSON"),
        ("import os; os.mkdir('m.json')", "metric file cannot be read: "),
        ("import os; os.mkfifo('m.json')", "metric file cannot be read: "),
    ],
)
def test_a_metric_file_that_is_missing_or_unreadable_makes_the_run_invalid(
    place: Place, script: str, reason: str
) -> None:
    status, said = outcome(place.run(script, metric_files=("m.json",), metrics={}))
    assert (status, said.startswith(reason)) == (Status.INVALID, True), said


def test_a_metric_file_of_the_repository_is_not_this_runs_result(place: Place) -> None:
    place.write("m.json", '{"auc": 0.99}')
    stale = place.run("pass", metric_files=("m.json",), metrics={})
    assert outcome(stale) == (
        Status.INVALID,
        "metric file m.json was not written: it is still the one of the source tree",
    )
    assert stale.record.metrics == {}
    again = place.run("open('m.json', 'w').write('{\"auc\": 0.99}')", metric_files=("m.json",), metrics={})
    assert again.record.metrics["auc"].value == 0.99


def test_not_a_number_is_recorded_as_that(place: Place) -> None:
    found = place.run("print('loss nan')")
    assert (outcome(found)[0], str(found.record.metrics["loss"].value)) == (Status.OK, "nan")


def test_a_script_that_changes_a_tracked_file_changes_its_copy_only(place: Place) -> None:
    conf = place.write("conf.txt", "original")
    found = place.run("c = open('conf.txt').read(); open('conf.txt', 'w').write('changed'); print('loss', len(c))")
    assert conf.read_text() == "original"
    assert found.record.data["conf.txt"].sha256 == source.sha256(conf)
    assert "conf.txt" in found.record.written
    assert len(place.cached()) == 1


def test_a_script_that_removes_what_it_read_can_be_told_apart_again(place: Place) -> None:
    conf = place.write("conf.txt", "original")
    place.run("import os; open('conf.txt').read(); os.remove('conf.txt'); print('loss 1')")
    assert conf.exists()
    assert len(place.cached()) == 1
    conf.write_text("edited")
    assert place.cached() == []


def test_declared_data_is_linked_not_copied_and_its_digest_recorded(place: Place) -> None:
    big = place.write("big.bin", "data")
    script = "import os; print('loss', int(os.path.islink('big.bin'))); open('big.bin').read()"
    found = place.run(script, data=(DataFile(path="big.bin"),))
    assert found.record.metrics["loss"].value == 1.0
    read = found.record.data["big.bin"]
    assert (read.declared, read.size, read.sha256) == (True, 4, source.sha256(big))


def test_an_untouched_repository_is_the_same_run(place: Place) -> None:
    made = place.run("print('loss 1')")
    assert [found.key for found in place.cached()] == [made.record.key]


@pytest.mark.parametrize("change", ["comment", "module", "data", "listing", "params", "seed", "command"])
def test_any_change_that_may_matter_is_another_run(place: Place, change: str) -> None:
    script = "import os, model; open('d.csv').read(); os.listdir('conf'); print('loss 1')"
    for name in ("model.py", "d.csv", "conf/a.yaml", "unread.txt"):
        place.write(name, "")
    spec: dict[str, Any] = {"command": "python train.py --lr {lr}", "params": {"lr": 1}}
    first = place.run(script, **spec)
    place.write("unread.txt", "changed")
    assert len(place.cached(**spec)) == 1
    match change:
        case "comment":
            again = place.run(f"{script} # why", **spec)
            assert again.record.key != first.record.key
            place.write("train.py", f"{script} # and")
        case "module" | "data" | "listing":
            place.write({"module": "model.py", "data": "d.csv", "listing": "conf/b.yaml"}[change], "#")
        case "params":
            spec["params"] = {"lr": 2}
        case "seed":
            spec["seed"] = 1
        case "command":
            spec["command"] += " --fast"
    assert place.cached(**spec) == []


def test_a_file_that_was_looked_for_and_is_not_there_does_not_spoil_the_cache(place: Place) -> None:
    place.run("try: open('local.yaml')\nexcept FileNotFoundError: print('loss 1')")
    assert len(place.cached()) == 1


def test_file_names_that_are_no_text_do_not_lose_the_run(place: Place) -> None:
    name = os.fsdecode(b"odd-\xff.csv")
    place.write(name, "1")
    found = place.run("import glob; print('loss', open(glob.glob('odd-*')[0]).read())")
    assert outcome(found)[0] is Status.OK
    assert found.record.metrics["loss"].value == 1.0


def test_seeds_side_by_side_do_not_see_each_others_files(place: Place) -> None:
    script = (
        "import os, time\nseed = os.environ['PYTHONHASHSEED']\nopen('mine-' + seed, 'w').close()\n"
        "time.sleep(0.5)\nprint('loss', len([n for n in os.listdir('.') if n.startswith('mine-')]))"
    )
    place.write("train.py", script)
    jobs = [place.job(seed) for seed in (5, 3)]
    found = everything(place, jobs, [Slot(), Slot()])
    assert [one.record.parts.seed for one in found] == [5, 3]
    assert [one.record.metrics["loss"].value for one in found] == [1.0, 1.0]


def everything(place: Place, jobs: list[Job], slots: list[Slot], **changes: Any) -> list[Finished]:
    calls: dict[str, Any] = {"began": lambda _: None, "watch": lambda *_: None, "done": lambda *_: None}
    return run_all(jobs, place.store, slots, place.cancelled, **{**calls, **changes})


def test_cancel_ends_all_that_runs_starts_nothing_more_and_keeps_what_finished(place: Place) -> None:
    mine = place.root.parent / "deaf"
    mine.mkdir()
    place.write(
        "train.py",
        "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('loss 1', flush=True)\n"
        f"seed = os.environ['PYTHONHASHSEED']\nopen(os.path.join({str(mine)!r}, seed), 'w').close()\n"
        "time.sleep(0 if seed == '0' else 1e6)",
    )
    began: list[int] = []
    with pytest.raises(Cancelled), when(lambda: len(list(mine.iterdir())) == 3, place.cancelled.set):
        everything(
            place,
            [place.job(s) for s in range(5)],
            [Slot(), Slot()],
            began=lambda job: began.append(job.seed),
        )
    assert sorted(began) == [0, 1, 2]
    stored = [record.read(folder) for folder in place.store.runs.iterdir()]
    status = {one.parts.seed: one.outcome.status for one in stored}
    assert status == {0: Status.OK, 1: Status.CANCELLED, 2: Status.CANCELLED}


def test_one_run_that_cannot_be_recorded_ends_the_others(place: Place) -> None:
    place.write("train.py", "import os, time\ntime.sleep(0.5 if os.environ['PYTHONHASHSEED'] == '0' else 1e6)")

    def began(job: Job) -> None:
        if job.seed == 0:
            place.store.runs.rmdir()
            place.store.runs.write_text("in the way")

    with pytest.raises(CannotStore):
        everything(place, [place.job(seed) for seed in range(4)], [Slot(), Slot()], began=began)
    assert place.cancelled.is_set()


def test_progress_is_told_while_a_run_goes_on(place: Place) -> None:
    enough = place.root.parent / "enough"
    script = f"import os, time; print('loss 0.5')\nwhile not os.path.exists({str(enough)!r}): time.sleep(0.05)"
    with when(lambda: any(progress.metric for progress in place.seen), enough.touch):
        assert outcome(place.run(script))[0] is Status.OK
    seen = next(progress for progress in place.seen if progress.metric)
    assert (seen.metric, seen.step, seen.value) == ("loss", 1, 0.5)


def test_a_gpu_share_is_all_a_run_sees(place: Place) -> None:
    place.write("train.py", "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])")
    found = execute(place.job(), Bench(place.store, Slot(gpus=(2, 3)), place.seen.append, place.cancelled))
    assert found.log_tail == "2,3"


def test_data_that_is_missing_or_has_other_bytes_is_refused(place: Place) -> None:
    place.write("x.npz", "x")
    (place.root / "folder").mkdir()
    for declared, said in (
        (DataFile(path="gone.npz"), "gone.npz is not there"),
        (DataFile(path="folder"), "folder is a folder"),
        (DataFile(path="x.npz", sha256="0" * 64), "x.npz is not the declared file"),
    ):
        with pytest.raises(Refused, match=said):
            data.check((declared,), place.root)
