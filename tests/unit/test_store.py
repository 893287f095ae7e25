"""The run folders: nothing recorded is lost or overwritten; only a run that is still the same stands in."""

import math
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from builders import a_sha
from run_folders import a_curve, a_record

from experiment.curves import Curve
from experiment.key import configuration_key, content_key
from experiment.record import DataRead, FileDigest, KeyParts, Outcome, RunRecord, Status
from experiment.spec import Metric
from experiment.summarise import FinishedRun
from runner.output import BoundedLog
from runner.store import CannotStore, Store, read_run

READ = {"source": {"train.py": FileDigest(size=1, sha256=a_sha("train"))}, "listed": {"conf": a_sha("names")}}
DATA = {"/data/x": DataRead(size=1, sha256=a_sha("x"))}
TODAY = {"train.py": a_sha("train"), "/data/x": a_sha("x")}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "state")
    made.prepare()
    return made


def a_log(text: bytes = b"epoch 1\n") -> BoundedLog:
    log = BoundedLog()
    log.add(text)
    return log


def add(store: Store, record: RunRecord | None = None, *curves: Curve, log: bytes = b"epoch 1\n") -> Path:
    series = list(curves) or [a_curve("loss", (2.0, 1.0))]
    return store.add(record or a_record(0, series, **READ, data=DATA), series, a_log(log), {})


def same(
    store: Store, parts: KeyParts | None = None, today: Mapping[str, str | None] = {}
) -> list[tuple[FinishedRun, Path]]:
    """Runs that stand in, with today's files as recorded but for `today` (name -> digest)."""
    files = {**TODAY, **today}
    listed = {"conf": today.get("conf", a_sha("names"))}
    wanted = parts or a_record().parts
    return list(store.same_runs(wanted, {"loss": Metric()}, files.get, listed.get))


def test_a_run_reads_back_whole(store: Store, tmp_path: Path) -> None:
    (tmp_path / "m.npz").write_bytes(b"weights")
    curves = [a_curve("loss", (2.0, 1.0))]
    record = a_record(0, curves)
    folder = store.add(record, curves, a_log(b"a\nb\n"), {"out/m.npz": tmp_path / "m.npz"})
    found = read_run(folder)
    assert (found.record, found.log_tail) == (record, "a\nb")
    assert found.curves[0].sha256() == curves[0].sha256()
    assert (folder / "artifacts" / "out" / "m.npz").read_bytes() == b"weights"


def test_metrics_that_are_not_finite_read_back(store: Store) -> None:
    curves = [a_curve("a", (1.0, math.nan)), a_curve("b", (math.inf,)), a_curve("c", (-math.inf,))]
    found = read_run(add(store, a_record(0, curves), *curves)).record.metrics
    assert [str(found[name].value) for name in "abc"] == ["nan", "inf", "-inf"]


def test_equal_keys_get_numbered_folders_oldest_first(store: Store) -> None:
    folders = [add(store, log=b"%d" % i) for i in range(3)]
    key = a_record().key
    assert [folder.name for folder in folders] == [key, f"{key}.2", f"{key}.3"]
    assert [folder for _, folder in same(store)] == folders


def test_equal_keys_at_one_time_never_meet(store: Store) -> None:
    gate, found = threading.Barrier(8), []

    def one(i: int) -> None:
        gate.wait()
        found.append((i, add(store, log=b"%d" % i)))

    threads = [threading.Thread(target=one, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(i for i, _ in found) == list(range(8))
    assert all(read_run(folder).log_tail == str(i) for i, folder in found)


def test_a_folder_somebody_was_killed_in_is_no_run_and_not_in_the_way(store: Store) -> None:
    folder = add(store)
    left = folder.rename(folder.with_name(f"{folder.name}.part"))
    assert same(store) == []
    assert add(store).name == f"{a_record().key}.2"
    assert left.is_dir()


def test_an_untouched_tree_is_the_same_run_and_says_it_is_cached(store: Store) -> None:
    add(store)
    [(found, _)] = same(store)
    assert found.cached
    assert found.record.metrics["loss"].value == 1.0


@pytest.mark.parametrize(
    "change", [{"train.py": a_sha("edited")}, {"train.py": None}, {"/data/x": a_sha("y")}, {"conf": "new"}]
)
def test_a_changed_file_or_listing_is_another_run(store: Store, change: dict[str, str | None]) -> None:
    add(store)
    assert same(store, today=change) == []


@pytest.mark.parametrize(
    "change", [{"params": {"lr": 0.5}}, {"seed": 1}, {"data": {"x": a_sha("y")}}, {"environment": a_sha("other")}]
)
def test_anything_else_that_decides_a_run_makes_another(store: Store, change: dict[str, Any]) -> None:
    add(store)
    assert same(store, a_record().parts.model_copy(update=change)) == []


def test_runs_of_one_configuration_are_found_whatever_their_seed_and_only_those_that_ended_well(store: Store) -> None:
    parts = a_record().parts
    records = [a_record(seed, parts=parts.model_copy(update={"seed": seed})) for seed in (0, 7, 7)]
    for record in records:
        add(store, record)
    crashed = Outcome(status=Status.USER_ERROR, exit_code=1, reason="exit status 1")
    add(store, a_record(8, parts=parts.model_copy(update={"seed": 8}), outcome=crashed))
    add(store, a_record(9, parts=parts.model_copy(update={"seed": 9, "params": {"lr": 0.5}})))
    found = list(store.of_configuration(configuration_key(records[0]), {}))
    assert [run.record.parts.seed for run, _ in found] == [0, 7, 7]
    assert len({folder for _, folder in found}) == 3
    assert all(run.cached for run, _ in found)


def test_even_a_comment_gives_another_key() -> None:
    parts = a_record().parts
    assert content_key(parts, {"train.py": a_sha("x = 1")}, {}) != content_key(
        parts, {"train.py": a_sha("x = 1 #")}, {}
    )


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK])
def test_a_run_that_did_not_end_well_never_stands_in(store: Store, status: Status) -> None:
    add(store, a_record(outcome=Outcome(status=status, reason="x")))
    assert same(store) == []


def test_a_file_that_could_not_be_hashed_never_matches(store: Store) -> None:
    add(store, a_record(source={"gone.py": FileDigest()}))
    assert same(store) == []


def test_final_values_follow_todays_experiment_file(store: Store) -> None:
    add(store)
    [(found, _)] = store.same_runs(a_record().parts, {"loss": Metric(last=2)}, TODAY.get, {"conf": a_sha("names")}.get)
    assert found.record.metrics["loss"].value == 1.5


@pytest.mark.parametrize("name", ["run.json", "curves.npz", "parts"])
def test_a_damaged_folder_is_passed_over(store: Store, name: str) -> None:
    damaged, whole = add(store), add(store)
    (damaged / name).write_bytes(b"\xff\x00")
    assert [folder for _, folder in same(store)] == [whole]


def test_git_never_sees_the_state(store: Store) -> None:
    subprocess.run(["git", "init", "-q", store.state.parent], check=True)
    add(store)
    status = ["git", "-C", str(store.state.parent), "status", "--porcelain"]
    assert subprocess.run(status, check=True, capture_output=True).stdout == b""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.root
def test_a_full_disk_is_told_and_leaves_what_was_recorded(small: Path) -> None:
    store = Store(small / "state")
    store.prepare()
    first = add(store)
    with pytest.raises(CannotStore, match="No space left on device"):
        add(store, log=os.urandom(2_000_000))
    assert [folder for _, folder in same(store)] == [first]
    assert [entry.name for entry in store.runs.iterdir()] == [first.name]
    assert add(store).name == f"{first.name}.2"


@pytest.mark.root
def test_a_folder_that_may_not_be_written_is_told_before_anything_runs(small: Path) -> None:
    store = Store(small / "state")
    store.prepare()
    first = add(store)
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    with pytest.raises(CannotStore, match=r"cannot be written[\s\S]*runs recorded before are kept"):
        store.prepare()
    with pytest.raises(CannotStore):
        add(store)
    with pytest.raises(CannotStore):
        Store(small / "new").prepare()
    assert [folder for _, folder in same(store)] == [first]
