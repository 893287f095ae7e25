"""Ending `reproduce` early where it runs in containers: nothing stays in the engine, and the next one goes on."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from container_bed import Bed
from repositories import Repository, lines
from unharmed import left
from waiting import wait_for

pytestmark = pytest.mark.docker
LIMIT_S = 60.0
"""Until the end after a signal. Promised are 5 s on a machine that has nothing else to do; benchmarks/cancels.py."""

SLOW = """\
import json, os, sys, time
print("seed", os.environ["ML_EXPERIMENT_SEED"], flush=True)
if os.environ["ML_EXPERIMENT_SEED"] != "0":
    time.sleep(600)
json.dump({"accuracy": 0.9}, open("metrics.json", "w"))
"""
EXPERIMENT = """\
experiment: cancelled
environment: {{image: {image}}}
command: python3 train.py
seeds: [0, 1]
metric_files: [metrics.json]
metrics:
  accuracy: {{goal: maximize}}
resources: {{cpus: 1, memory: 512MiB, disk: 64MiB, timeout: 300s}}
"""


@pytest.fixture
def slow(repository: Repository, bed: Bed, tmp_path: Path) -> Repository:
    """Seed 0 ends at once, seed 1 never. Nothing is known of the image yet."""
    repository.write("train.py", SLOW)
    repository.write("ml-experiment.yaml", EXPERIMENT.format(image=bed.base))
    repository.commit()
    return Repository(repository.folder, {**repository.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")})


def in_engine(role: str) -> Callable[[Repository], bool]:
    """Whether the engine has something of this role for a repository."""

    def found(repository: Repository) -> bool:
        kinds = (["ps", "--all"], ["volume", "ls"])
        wanted = ["--filter", f"label=ml-experiment.role={role}", "--format", '{{.Label "ml-experiment.lease"}}']
        told = [
            subprocess.run(["docker", *kind, *wanted], capture_output=True, text=True, check=True) for kind in kinds
        ]
        leases = [Path(lease) for done in told for lease in done.stdout.split()]
        return any(lease.is_relative_to(repository.folder) for lease in leases)

    return found


def leased(repository: Repository) -> bool:
    return any((repository.state / "leases").glob("*.lease"))


def one_is_done(repository: Repository) -> bool:
    return len(repository.records()) == 1 and in_engine("run")(repository)


PHASES: dict[str, Callable[[Repository], bool]] = {
    "the image is looked for": leased,
    "the kit is put in": in_engine("kit"),
    "the image is asked what it has": in_engine("probe"),
    "files are put in": in_engine("work"),
    "a run goes on": in_engine("run"),
    "one is done": one_is_done,
}


def nothing_is_left(repository: Repository) -> None:
    assert left(repository.folder) == []
    assert list((repository.state / "work").iterdir()) == []


@pytest.mark.parametrize("phase", list(PHASES))
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_any_phase_leaves_nothing(slow: Repository, phase: str, number: signal.Signals) -> None:
    process = slow.start("reproduce")
    wait_for(lambda: PHASES[phase](slow))
    process.send_signal(number)
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130
    assert err == "cancelled; what finished is recorded, and the same command goes on from there\n"
    nothing_is_left(slow)


def test_what_finished_is_kept_and_the_next_goes_on_from_there(slow: Repository) -> None:
    process = slow.start("reproduce")
    wait_for(lambda: one_is_done(slow))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LIMIT_S)
    before = slow.recorded()
    statuses = [(record["parts"]["seed"], record["outcome"]["status"]) for record in slow.records()]
    assert sorted(statuses) == [(0, "ok"), (1, "cancelled")]

    again = slow.start("reproduce")
    wait_for(lambda: in_engine("run")(slow))
    again.send_signal(signal.SIGINT)
    out, _ = again.communicate(timeout=LIMIT_S)
    assert any(line.startswith("seed 0  cached") for line in lines(out))
    assert before.items() <= slow.recorded().items()
    nothing_is_left(slow)


def test_an_impatient_second_and_third_ctrl_c_leave_nothing_either(slow: Repository) -> None:
    process = slow.start("reproduce", start_new_session=True)
    wait_for(lambda: in_engine("run")(slow))
    for _ in range(3):
        os.killpg(process.pid, signal.SIGINT)  # as the terminal's driver does
        time.sleep(0.3)
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130
    assert "Traceback" not in err
    wait_for(lambda: left(slow.folder) == [])


def test_a_kill_leaves_nothing_after_the_lease(slow: Repository) -> None:
    process = slow.start("reproduce")
    wait_for(lambda: in_engine("run")(slow))
    process.kill()
    process.communicate()
    wait_for(lambda: left(slow.folder) == [])
    wait_for(lambda: not leased(slow))
