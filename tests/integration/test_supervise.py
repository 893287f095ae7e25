"""One real process from start to end: nothing of it is left, whatever it does."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from waiting import when

from runner.marked import MARK, kill_marked
from runner.supervise import CannotStart, Ended, supervise

PATH = {"PATH": os.environ["PATH"]}


class Place:
    """Where commands run, and what was heard of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self.ticks: list[float] = []
        self.cancelled = threading.Event()

    def run(self, command: str, env: Mapping[str, str] = PATH, **changes: Any) -> Ended:
        how: dict[str, Any] = {"mark": self.folder.name, "cpus": None, "timeout": 60.0, "hear": self.lines.append}
        how |= {"tick": self.ticks.append, "cancelled": self.cancelled, "cwd": self.folder, "env": env}
        return supervise(command, **{**how, **changes})

    def number(self, name: str) -> int:
        """The process number a command wrote into a file."""
        return int((self.folder / name).read_text())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def carrying(mark: str) -> list[int]:
    """Living processes of the run with this mark."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it is gone
            if f"{MARK}={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_command_that_ends_well_is_heard_and_measured(place: Place) -> None:
    ended = place.run("echo one; echo two >&2; pwd; sleep 0.2")
    assert (ended.returncode, ended.timed_out, ended.cancelled, ended.out_of_memory) == (0, False, False, False)
    assert place.lines == ["one", "two", str(place.folder)]
    assert place.ticks[0] >= 0


def test_a_run_gets_exactly_the_variables_it_is_given(place: Place) -> None:
    place.run("env", {"A": "1"})
    assert {line for line in place.lines if not line.startswith(("PWD=", "_=", "SHLVL=", "OLDPWD="))} == {
        "A=1",
        f"{MARK}={place.folder.name}",
    }


def test_processor_time_and_memory_of_short_children_are_counted(place: Place) -> None:
    code = "x = bytearray(80_000_000); sum(range(3_000_000))"
    ended = place.run(f"{sys.executable} -c '{code}'; true")
    assert ended.peak_memory_bytes is not None
    assert ended.peak_memory_bytes > 80_000_000
    assert 0 < ended.cpu_s <= ended.wall_s * (os.cpu_count() or 1) + 1


def test_exit_status_and_signal_are_told(place: Place) -> None:
    assert place.run("exit 3").returncode == 3
    assert place.run("kill -9 $$").returncode == -9
    assert place.run("sh -c 'kill -9 $$'; exit $?").returncode == 137


def test_one_that_never_ends_is_ended(place: Place) -> None:
    ended = place.run("sleep 1000 & sleep 1000", timeout=0.3)
    assert (ended.timed_out, ended.returncode) == (True, -signal.SIGTERM)
    assert carrying(place.folder.name) == []


def test_cancel_ends_what_ignores_being_asked(place: Place) -> None:
    with when(lambda: place.lines, place.cancelled.set):
        ended = place.run("trap '' TERM INT HUP; echo $$ > pid; echo deaf; while :; do sleep 0.1; done")
    assert (ended.cancelled, ended.returncode) == (True, -signal.SIGKILL)
    assert not lives(place.number("pid"))


def test_one_asked_to_end_may_still_save(place: Place) -> None:
    with when(lambda: place.lines, place.cancelled.set):
        ended = place.run("trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
    assert (ended.cancelled, ended.returncode, place.lines[-1]) == (True, 0, "saved")


def test_background_children_end_with_the_run(place: Place) -> None:
    place.run("sleep 1000 & echo $! > pid")
    assert not lives(place.number("pid"))


def test_a_child_that_left_the_session_ends_with_the_run(place: Place) -> None:
    started = "setsid sh -c 'echo $$ > pid; exec sleep 1000' & while [ ! -s pid ]; do sleep 0.01; done"
    place.run(started)
    assert not lives(place.number("pid"))


@pytest.mark.parametrize("numbers", ["go on", "begin anew"])
def test_children_that_start_others_while_being_killed_end_all(place: Place, numbers: str) -> None:
    if numbers == "begin anew":
        highest = int(Path("/proc/sys/kernel/pid_max").read_text())
        with contextlib.suppress(OSError):  # only root may ask for it
            Path("/proc/sys/kernel/ns_last_pid").write_text(str(highest - 40))
    (place.folder / "hydra.sh").write_text("setsid sh hydra.sh $1 & echo $$ >> all; sleep 0.02")
    place.run("setsid sh hydra.sh & sleep 0.5; true")
    ended = (place.folder / "all").stat().st_size
    time.sleep(0.2)  # one that got away would be in its tenth generation
    try:
        assert (place.folder / "all").stat().st_size == ended
        assert carrying(place.folder.name) == []
    finally:
        kill_marked(place.folder.name)


def test_one_that_got_away_and_keeps_the_output_open_leaves_no_thread_and_no_open_file(place: Place) -> None:
    threads, files = threading.active_count(), open_files()
    away = "setsid env -i /bin/sh -c 'echo $$ > pid; exec sleep 1000' & while [ ! -s pid ]; do sleep 0.01; done"
    ended = place.run(f"{away}; echo done")
    try:
        assert (ended.returncode, place.lines) == (0, ["done"])
        assert (threading.active_count(), open_files()) == (threads, files)
    finally:
        os.kill(place.number("pid"), signal.SIGKILL)


def test_processes_of_others_are_never_hit(place: Place) -> None:
    similar = [
        {MARK: "other"},
        {MARK: "mine-and-more"},
        {f"X{MARK}": "mine"},
        {"ARGUMENT": f"{MARK}=mine"},
        {"NESTED": f"a\n{MARK}=mine"},
    ]
    others = [subprocess.Popen(["sh", "-c", "exec sleep 1000", f"{MARK}=mine"], env=env | PATH) for env in similar]
    mine = subprocess.Popen(["sleep", "1000"], env={MARK: "mine"} | PATH)
    try:
        kill_marked("mine")
        assert mine.wait() == -signal.SIGKILL
        assert [other.poll() for other in others] == [None] * len(others)
    finally:
        for other in others:
            other.kill()
            other.wait()


def test_a_run_is_bound_to_its_processors_with_all_its_children(place: Place) -> None:
    before = os.sched_getaffinity(0)
    one = min(before)
    place.run("grep Cpus_allowed_list /proc/self/status", cpus=[one])
    assert place.lines == [f"Cpus_allowed_list:\t{one}"]
    assert os.sched_getaffinity(0) == before


def test_200_mb_of_log_stay_bounded(place: Place) -> None:
    heard = 0

    def hear(line: str) -> None:
        nonlocal heard
        heard += len(line) + 1

    ended = place.run(
        "yes 'epoch 1: loss 0.25, and so on, and so forth, until the line is long' | head -c 200000000", hear=hear
    )
    assert (ended.returncode, ended.log.total) == (0, 200_000_000)
    assert len(ended.log.content()) < 1_100_000
    assert heard >= 200_000_000


def test_an_error_of_who_watches_ends_the_run(place: Place) -> None:
    def tick(_: float) -> None:
        if (place.folder / "pid").exists():
            raise RuntimeError("the screen is gone")

    files = open_files()
    with pytest.raises(RuntimeError, match="the screen is gone"):
        place.run("echo $$ > pid; sleep 1000", tick=tick)
    assert not lives(place.number("pid"))
    assert open_files() == files


def test_a_process_the_system_refuses_is_named(place: Place) -> None:
    with pytest.raises(CannotStart, match="Argument list too long"):
        place.run("true", {"BIG": "x" * 10_000_000})
