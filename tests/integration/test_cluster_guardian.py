"""A worker's office goes with its process, however and whenever that ends, and so does all that ran in it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from repositories import ROOT
from waiting import wait_for

WORKER = """\
import os, pickle, signal, subprocess, time
from pathlib import Path
from types import SimpleNamespace
from runner.marked import MARK
from runner.sweep.cluster import office

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def run(command):
    subprocess.Popen(["sh", "-c", command], cwd=at.folder, env={**os.environ, MARK: f"{os.getpid()}-seed-0-x"})

def wait_for(path):
    while not path.exists():
        time.sleep(0.01)

assignment = pickle.dumps(SimpleNamespace(variables={}, manifest=SimpleNamespace(entries=())))
"""


def ends(folder: Path, *lines: str) -> int:
    """Have a worker do this, with its cache in `folder`; how it ended."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "ML_EXPERIMENT_CACHE": str(folder)}
    code = [sys.executable, "-c", WORKER + "\n".join(lines)]
    done = subprocess.run(code, check=False, env=environ, timeout=120, stderr=subprocess.PIPE, text=True)
    assert "Error" not in done.stderr, done.stderr
    return done.returncode


def offices(folder: Path) -> list[Path]:
    return list(folder.rglob("offices/*"))


@pytest.mark.parametrize("started", ["die()", "(run(*given, **how), die())"])
def test_killed_while_its_guardian_is_started_it_leaves_no_folder(tmp_path: Path, started: str) -> None:
    code = ends(
        tmp_path,
        "run = subprocess.run",
        f"subprocess.run = lambda *given, **how: {started}",
        "office.found(assignment, print)",
    )
    assert code == -signal.SIGKILL
    assert offices(tmp_path) == []


def test_killed_it_leaves_neither_its_folder_nor_what_it_ran_though_that_starts_itself_again(tmp_path: Path) -> None:
    generations = tmp_path / "generations"
    code = ends(
        tmp_path,
        "at = office.found(assignment, print)",
        f"(at.folder / 'hydra.sh').write_text('''setsid sh hydra.sh & echo >> {generations}; sleep 0.02''')",
        "run('exec sh hydra.sh')",
        f"wait_for(Path({str(generations)!r}))",
        "die()",
    )
    assert code == -signal.SIGKILL
    wait_for(lambda: offices(tmp_path) == [])
    size = generations.stat().st_size
    assert size > 0
    time.sleep(0.2)  # one that got away would be in its tenth generation
    assert generations.stat().st_size == size


def test_closed_while_a_run_still_writes_it_leaves_nothing_when_it_has_ended(tmp_path: Path) -> None:
    code = ends(
        tmp_path,
        "at = office.found(assignment, print)",
        "at.close()",
        "(at.folder / 'tree').mkdir(parents=True)",
        "(at.folder / 'tree' / 'late').touch()",
    )
    assert code == 0
    wait_for(lambda: offices(tmp_path) == [])
