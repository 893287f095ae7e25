"""Ending `reproduce` early: all it started ends too, what finished is kept, and the next one goes on from there."""

import os
import pty
import select
import signal
from pathlib import Path

import pytest
from repositories import Repository, lines
from waiting import wait_for

LIMIT_S = 60.0
"""Until the end after a signal. Promised are 5 s on a machine that has nothing else to do."""

SLOW = """\
import os, time
if os.environ["ML_EXPERIMENT_SEED"] != "0":
    open(os.environ["STARTED"], "a").write(f"{os.getpid()}\\n")
    while True:
        time.sleep(0.1)
"""


@pytest.fixture
def slow(repository: Repository, tmp_path: Path) -> Repository:
    """Seed 0 ends at once, the others never; they say that they started, and which processes they are."""
    repository.change("train.py", "import json", SLOW + "import json")
    repository.change("ml-experiment.yaml", "requirements.lock}", "requirements.lock, variables: [STARTED]}")
    repository.change("ml-experiment.yaml", "[0, 1, 2, 3, 4]", "[0, 1]")
    return Repository(repository.folder, {**repository.environ, "STARTED": str(tmp_path / "started")})


def started(repository: Repository) -> list[int]:
    """Process numbers of the runs that do not end."""
    path = Path(repository.environ["STARTED"])
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def one_is_done_and_one_runs(repository: Repository) -> bool:
    return bool(started(repository)) and len(repository.records()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_keeps_what_finished_and_the_next_goes_on(
    slow: Repository, number: signal.Signals
) -> None:
    process = slow.start("reproduce")
    wait_for(lambda: one_is_done_and_one_runs(slow))
    process.send_signal(number)
    out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130
    assert err == "cancelled; what finished is recorded, and the same command goes on from there\n"
    assert not [pid for pid in started(slow) if alive(pid)]
    assert list((slow.state / "work").iterdir()) == []
    statuses = [(record["parts"]["seed"], record["outcome"]["status"]) for record in slow.records()]
    assert sorted(statuses) == [(0, "ok"), (1, "cancelled")]

    again = slow.start("reproduce")
    wait_for(lambda: len(started(slow)) == 2)
    again.send_signal(number)
    out, err = again.communicate(timeout=LIMIT_S)
    assert any(line.startswith("seed 0  cached") for line in lines(out))
    assert again.returncode == 130


def test_json_is_one_object_when_it_is_cancelled(slow: Repository) -> None:
    process = slow.start("reproduce", "--json")
    wait_for(lambda: one_is_done_and_one_runs(slow))
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130
    assert '"exit_code": 130' in out
    assert out.count("\n") == 1


def test_when_nobody_reads_the_output_any_more_the_runs_end_too(slow: Repository) -> None:
    process = slow.start("reproduce", "--seeds", "1,0,2,3,4")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "cancelled: nobody reads the output any more\n"
    assert not [pid for pid in started(slow) if alive(pid)]


def test_a_real_terminal_shows_a_live_view_and_ctrl_c_ends_it(slow: Repository) -> None:
    try:
        ours, theirs = pty.openpty()
    except OSError as error:  # a bare container without /dev/ptmx
        pytest.skip(f"this machine has no pseudo-terminals: {error}")
    process = slow.start("reproduce", stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    seen = b""

    def read() -> bytes:
        nonlocal seen
        while select.select([ours], [], [], 0.05)[0]:
            try:
                seen += os.read(ours, 65536)
            except OSError:  # the other side is closed
                break
        return seen

    wait_for(lambda: "━".encode() in read() and one_is_done_and_one_runs(slow))
    os.killpg(process.pid, signal.SIGINT)  # what the terminal's driver does at Ctrl-C
    wait_for(lambda: read() and process.poll() is not None, LIMIT_S)
    text = read().decode()
    os.close(ours)
    assert process.returncode == 130
    assert "seed 0  ━━━━━━━━━━━━━━━━━━━━  done" in text
    assert "started" not in text
    assert "\x1b[?25h" in text  # the cursor is there again
    assert text.rstrip().endswith("cancelled; what finished is recorded, and the same command goes on from there")
    assert not [pid for pid in started(slow) if alive(pid)]


def test_what_a_killed_ml_experiment_left_is_ended_and_removed_by_the_next_one(slow: Repository) -> None:
    process = slow.start("reproduce")
    wait_for(lambda: one_is_done_and_one_runs(slow))
    process.kill()
    process.communicate()
    left = started(slow)
    slow.change("train.py", SLOW, "")
    done = slow.run("reproduce", "--seeds", "0")
    assert done.code == 4
    assert not [pid for pid in left if alive(pid)]
    assert list((slow.state / "work").iterdir()) == []
