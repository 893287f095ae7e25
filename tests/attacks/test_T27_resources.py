"""T27: a run that takes all it can get of processes, memory, disk, log and time is bounded, and its end is named."""

import json
import shutil
from pathlib import Path

import pytest
from container_place import Place, outcome
from unharmed import attack

from experiment.record import Status
from experiment.spec import Resources

pytestmark = pytest.mark.docker

MIB = 2**20
SMALL = Resources(memory=256 * MIB, disk=32 * MIB, shm=8 * MIB, timeout=60.0)
FILL = """\
import errno, os
block = bytes(1 << 20)

def fill(folder):
    size = 0
    with open(os.path.join(folder, "filler"), "wb", buffering=0) as file:
        try:
            while True:
                size += file.write(block)
        except OSError as error:
            print(folder, size >> 20, errno.errorcode[error.errno], flush=True)
"""


def used() -> int:
    """Bytes in use where the engine keeps its containers."""
    return shutil.disk_usage("/var/lib/docker").used


def test_a_fork_bomb_stops_at_the_limit_of_processes(place: Place) -> None:
    script = """\
import os, threading, time
threading.stack_size(64 * 1024)
made = 1
try:
    while True:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start(); made += 1
except RuntimeError:
    pass
try:
    os.fork()
except OSError as error:
    print(3000 < made < 4096, error.strerror)
print("loss 1", flush=True); os._exit(0)
"""
    found = attack(place, script, resources=Resources(memory=4096 * MIB, timeout=120.0))
    assert outcome(found) == (Status.OK, "")
    assert found.log_tail.splitlines()[0] == "True Resource temporarily unavailable"


def test_a_fork_bomb_that_never_stops_ends_at_its_time(place: Place) -> None:
    script = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n"
    found = attack(place, script, resources=Resources(memory=64 * MIB, timeout=4.0))
    status, reason = outcome(found)
    assert status in (Status.TIMEOUT, Status.OUT_OF_MEMORY)
    assert reason.startswith(("did not end within 4 s (resources.timeout)", "out of memory"))


def test_every_folder_that_can_be_written_is_full_at_its_limit(place: Place) -> None:
    before = used()
    script = f"{FILL}fill('.'); fill('/dev/shm'); os.unlink('filler'); fill('/tmp'); print('loss 1')"
    found = attack(place, script, resources=SMALL)
    assert outcome(found) == (Status.OK, "")
    assert found.log_tail.splitlines()[:3] == [". 31 ENOSPC", "/dev/shm 8 ENOSPC", "/tmp 32 ENOSPC"]
    assert used() - before < 64 * MIB


def test_nothing_else_can_be_written_at_all(place: Place) -> None:
    script = """\
import json, os
written = []
for at, folders, files in os.walk("/"):
    free = ("/proc", "/sys", "/tmp", "/dev", "/ml-experiment/work")
    folders[:] = [name for name in folders if os.path.join(at, name) not in free]
    try:
        open(os.path.join(at, "x"), "w")
        written.append(at)
    except OSError:
        pass
print(json.dumps(written)); print("loss 1")
"""
    assert json.loads(attack(place, script).log_tail.splitlines()[0]) == []


def test_a_million_empty_files_run_out_of_names_and_not_the_host(place: Place) -> None:
    script = """\
import errno, os
made = 0
try:
    for folder in range(2000):
        os.mkdir(f"{folder}")
        for name in range(1000):
            os.mknod(f"{folder}/{name}"); made += 1
except OSError as error:
    print(made <= 1_000_000, errno.errorcode[error.errno])
print("loss 1")
"""
    found = attack(place, script, resources=Resources(memory=2048 * MIB, timeout=240.0))
    status, reason = outcome(found)
    assert (status, reason) == (Status.OK, "")
    assert found.log_tail.splitlines()[0] == "True ENOSPC"


def test_memory_shared_memory_and_files_in_memory_count_together(place: Place) -> None:
    big = Resources(memory=64 * MIB, disk=512 * MIB, shm=512 * MIB, timeout=60.0)
    for folder in (".", "/dev/shm", "/tmp"):
        found = attack(place, f"{FILL}print('loss 1', flush=True); fill('{folder}')", resources=big)
        status, reason = outcome(found)
        assert status is Status.OUT_OF_MEMORY
        assert reason == "out of memory: a process of the run was killed at 0.0625 GiB (resources.memory)"


def test_a_log_at_full_speed_is_bounded_here_and_in_the_engine(place: Place) -> None:
    before = used()
    script = """\
import sys, time
line = "x" * 99 + "\\n"
block, end = line * 10_000, time.monotonic() + 5
while time.monotonic() < end:
    sys.stdout.write(block); time.sleep(0.03)
print("loss 1")
"""
    found = attack(place, script)
    assert outcome(found) == (Status.OK, "")
    assert found.log_tail.endswith("loss 1")
    log = (found.folder / "output.log").stat().st_size
    assert log < 2 * MIB
    assert used() - before < 128 * MIB


def test_a_line_without_end_is_bounded(place: Place) -> None:
    script = "import sys\nfor _ in range(400): sys.stdout.write('x' * 100_000)\nprint('\\nloss 1')"
    found = attack(place, script)
    assert outcome(found) == (Status.OK, "")
    assert (found.folder / "output.log").stat().st_size < 2 * MIB


DEAF = "import signal\nfor n in {*range(1, 32)} - {9, 19}:\n    signal.signal(n, signal.SIG_IGN)\n"
LEFT_BEHIND = "import subprocess\nsubprocess.Popen(['sleep', '600'], start_new_session=True)\n"
STOPS_THE_FIRST_PROCESS = "import ctypes\nctypes.CDLL(None).ptrace(16, 1, 0, 0)\n"


@pytest.mark.parametrize("holds_on", [DEAF, LEFT_BEHIND, STOPS_THE_FIRST_PROCESS])
def test_what_never_ends_is_ended_at_its_time(place: Place, holds_on: str) -> None:
    script = f"{holds_on}print('loss 1', flush=True)\nwhile True:\n    pass\n"
    found = attack(place, script, resources=Resources(timeout=5.0))
    assert outcome(found) == (Status.TIMEOUT, "did not end within 5 s (resources.timeout)")
    assert found.record.metrics["loss"].value == 1.0


def test_only_the_processors_given_are_used(place: Place) -> None:
    found = attack(place, "import os; print(len(os.sched_getaffinity(0))); print('loss 1')")
    assert found.log_tail.splitlines()[0] == "1"


def test_what_it_fills_is_gone_with_it(place: Place, tmp_path: Path) -> None:
    found = attack(place, f"{FILL}fill('.'); print('loss 1')", resources=SMALL, artifacts=("filler",))
    assert outcome(found) == (Status.OK, "")
    kept = sum(path.stat().st_size for path in (place.root / ".ml-experiment").rglob("*") if path.is_file())
    assert kept < 34 * MIB
