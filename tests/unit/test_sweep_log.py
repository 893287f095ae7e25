"""The event log of a sweep, its record, and how a replay is held against it."""

import errno
import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sweeping import BEGAN, MIXED, SPACE, Drawn, a_sweep, digest, swept

from experiment.file import parse
from experiment.search import Range
from experiment.trials import Row, best
from runner.sweep import lockfile
from runner.sweep import log as logs
from runner.sweep.drive import Wish
from runner.sweep.events import Ask, Event, Result, Tell, from_line, to_line
from runner.sweep.lockfile import SweepLock
from runner.sweep.log import opened
from runner.sweep.orders import Follow, Free, Window
from runner.sweep.refusals import AnotherDriver, CannotLog, DamagedLog, LockOfAnotherSpec, TableDiffers, UnreadableLock
from runner.sweep.replay import Replay
from runner.sweep.samplers import DIGITS, rounded, seed_of
from runner.sweep.table import rows


@given(st.lists(st.floats(), min_size=1, max_size=3))
def test_an_event_reads_back_to_the_bit(values: list[float]) -> None:
    event = Result(trial=3, values=tuple(values))
    assert to_line(from_line(to_line(event).strip())) == to_line(event)


def test_a_torn_last_line_is_cut_off_and_a_damaged_one_in_the_middle_is_refused(tmp_path: Path) -> None:
    lines = [to_line(BEGAN), to_line(Ask(trial=0, params={"x": 1.0})), to_line(Ask(trial=1, params={"x": 2.0}))]
    path = tmp_path / "log"
    path.write_bytes(b"".join(lines)[:-5])
    with opened(path) as log:
        assert [event.trial for event in log.events] == [0]
    assert path.read_bytes() == b"".join(lines[:2])
    path.write_bytes(lines[0] + b"{}\n" + lines[1])
    with pytest.raises(DamagedLog, match=r"log:2: not an event of a sweep"), opened(path):
        pass
    path.write_bytes(lines[0] + lines[1] + lines[1] + lines[2])
    with pytest.raises(DamagedLog, match=r"log:3: not an event of a sweep"), opened(path):
        pass


def test_a_second_driver_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    with opened(tmp_path / "log"):
        code = "import sys, pathlib, runner.sweep.log as l; l.opened(pathlib.Path(sys.argv[1])).__enter__()"
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "log")], capture_output=True, text=True, check=False
        )
        with pytest.raises(AnotherDriver), opened(tmp_path / "log"):
            pass
    assert f"another ml-experiment works on this study: process {os.getpid()} on " in done.stderr


@given(st.floats(-5, 10))
@settings(max_examples=50)
def test_a_suggestion_has_ten_digits_and_stays_inside(value: float) -> None:
    range_ = Range.model_validate({"float": (-5.0, 10.0)})
    found = rounded(value, range_)
    assert -5 <= float(found) <= 10
    assert found == float(f"{value:.{DIGITS - 1}e}")
    assert rounded(found, range_) == found


def test_a_trials_seed_depends_on_the_studys_seed_and_its_number() -> None:
    assert seed_of(0, 1) == int.from_bytes(hashlib.blake2b(b"0:1", digest_size=4).digest(), "big")
    assert len({seed_of(study, trial) for study in range(9) for trial in range(9)}) == 81


def a_lock(tmp_path: Path, trials: int = 12) -> SweepLock:
    tmp_path.mkdir(exist_ok=True)
    sweep = a_sweep(space=MIXED, trials=trials)
    events = swept(tmp_path / "log", sweep, Free(), Drawn(sweep, 4, 1))
    return SweepLock(
        experiment="x", spec={"sweep.seed": "0", "start": "null"}, machine="m", trials=trials,
        table_digest=digest(events), best=(0,), order=lockfile.order_of(events), table=tuple(rows(events)),
    )  # fmt: skip


def test_a_record_reads_back_and_can_be_followed(tmp_path: Path) -> None:
    lock, path = a_lock(tmp_path), tmp_path / "x.lock.json"
    lockfile.write(lock, path)
    found = lockfile.read(path)
    assert found == lock
    record = list(lockfile.events(lock))
    sweep = a_sweep(space=MIXED, trials=12)
    again = swept(tmp_path / "again", sweep, Follow(record), Drawn(sweep, 2, 9), checker=Replay(record, "m", "m"))
    assert digest(again) == lock.table_digest


def test_an_edited_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.lock.json"
    lockfile.write(a_lock(tmp_path), path)
    path.write_text(path.read_text().replace('"trial": 3', '"trial": 4', 1))
    with pytest.raises(UnreadableLock, match="not the record of a sweep"):
        lockfile.read(path)
    path.write_text("{}")
    with pytest.raises(UnreadableLock):
        lockfile.read(path)
    lockfile.write(a_lock(tmp_path / "another").model_copy(update={"spec": {"start": "[1]"}}), path)
    with pytest.raises(UnreadableLock, match=r"spec\.start: not the parameters of a first trial"):
        lockfile.read(path)


def test_what_changed_since_the_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(LockOfAnotherSpec, match=r"sweep.seed: 0 in the record, now 1"):
        lockfile.check(a_lock(tmp_path), tmp_path / "x", {"sweep.seed": "1"})


@pytest.mark.parametrize(
    ("change", "same"),
    [("trials: 9", True), ("parallelism: 3", True), ("seed: 1", False), ("sampler: random", False)],
)
def test_how_far_and_how_wide_a_free_study_is_taken_does_not_make_it_another(change: str, same: bool) -> None:
    def spec(more: str) -> dict[str, str]:
        text = (
            "command: python train.py {x}\nenvironment: {lock: requirements.lock}\nsweep:\n"
            f"  objective: {{loss: minimize}}\n  space: {{x: {{float: [0, 1]}}}}\n{more}"
        )
        return lockfile.deciding(parse(text, name="x", default_name="x"), None)

    assert (spec("") == spec(f"  {change}\n")) is same


@pytest.mark.parametrize(
    ("here", "why"),
    [("m", "this is a bug in ml-experiment"), ("other", "numerics of another processor or library may explain it")],
)
def test_the_first_difference_is_named_with_its_likely_cause(here: str, why: str) -> None:
    replay = Replay([Ask(trial=4, params={"x": 1.0})], "m", here)
    with pytest.raises(TableDiffers) as differs:
        replay.check(Ask(trial=4, params={"x": 1.0000000001}))
    assert str(differs.value).startswith("trial 4: parameter x: the record has 1.0, found 1.0000000001")
    assert why in str(differs.value)
    replay.check(Ask(trial=5, params={"x": 3.0}))  # beyond the record: new, not different


def test_a_trial_that_failed_now_and_not_then_says_why() -> None:
    then: list[Event] = [Ask(trial=0, params={}), Result(trial=0, values=(1.0,)), Tell(trial=0, state="complete")]
    replay = Replay(then, "m", "m")
    replay.check(Result(trial=0, values=None, reason="exit status 1"))
    with pytest.raises(TableDiffers, match=r"state: the record has 'complete', found 'failed \(exit status 1\)'"):
        replay.check(Tell(trial=0, state="failed"))


def test_no_new_trials_ends_after_those_that_run(tmp_path: Path) -> None:
    sweep = a_sweep(trials=10)
    swept(tmp_path / "log", a_sweep(trials=5), Window(4), Drawn(sweep, 4, 1))
    stopped = swept(tmp_path / "log", sweep, Window(4), Drawn(sweep, 4, 1), wish=Wish.NO_NEW_TRIALS)
    assert {row.state for row in rows(stopped)} == {"complete"}
    assert len(rows(stopped)) == 5


def test_the_best_keeps_the_constraints_and_the_front_holds_what_nothing_beats() -> None:
    def row(trial: int, *values: float, excess: float = 0.0) -> Row:
        return Row(trial=trial, state="complete", params={}, values=values, constraints={"size": excess})

    assert [r.trial for r in best([row(0, 1.0, excess=1.0), row(1, 3.0), row(2, 2.0)], [False])] == [2]
    assert [r.trial for r in best([row(0, 1.0), row(1, 3.0), row(2, 3.0)], [True])] == [1]
    front = best([row(0, 1.0, 5.0), row(1, 2.0, 6.0), row(2, 0.5, 4.0), row(3, 1.0, 4.5)], [False, True])
    assert [r.trial for r in front] == [0, 1, 2]


def test_a_log_without_its_first_line_is_one_that_was_not_begun(tmp_path: Path) -> None:
    assert logs.read(b"", "x") == (None, [], 0)
    assert logs.read(to_line(BEGAN)[:10], "x") == (None, [], 0)


def test_a_study_over_the_plain_space_is_found_again_after_each_of_its_events(tmp_path: Path) -> None:
    sweep = a_sweep(space=SPACE, trials=6, parallelism=2)
    whole = digest(swept(tmp_path / "whole", sweep, Window(2), Drawn(sweep, 2, 1)))
    data = (tmp_path / "whole").read_bytes()
    for cut in [i + 1 for i, byte in enumerate(data) if byte == ord("\n")]:
        (tmp_path / "cut").write_bytes(data[:cut])
        assert digest(swept(tmp_path / "cut", sweep, Window(2), Drawn(sweep, 1, cut))) == whole


def test_what_happened_is_put_on_the_disk_while_the_sweep_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = threading.Event()
    sync = os.fsync

    def told(fd: int) -> None:
        sync(fd)
        synced.set()

    monkeypatch.setattr(os, "fsync", told)
    with opened(tmp_path / "log") as log:
        for trial in range(3):
            synced.clear()
            log.append(Ask(trial=trial, params={}))
            assert synced.wait(30)


def test_a_disk_that_fails_is_told_before_anything_more_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    def fails(fd: int) -> None:
        tried.set()
        raise OSError(errno.EIO, "Input/output error")

    with opened(tmp_path / "log") as log:
        monkeypatch.setattr(os, "fsync", fails)
        log.append(BEGAN)
        assert tried.wait(30)
        while log.disk.failed is None:
            time.sleep(0.001)
        with pytest.raises(CannotLog, match="cannot be written: Input/output error"):
            log.append(Ask(trial=0, params={}))
        with pytest.raises(CannotLog):
            log.sync()
