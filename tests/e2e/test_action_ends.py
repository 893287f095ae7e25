"""How a step ends when it is ended: cancelled, or gone without a word; nothing waits for it afterwards."""

import contextlib
import io
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from actions import Setting
from forge.clocks import TestClock
from forge.server import Forge
from forge.state import Fault
from repositories import Repository
from waiting import wait_for

from action.afterwards import afterwards


@pytest.fixture
def setting(accepted: Repository, forge: Forge, tmp_path: Path) -> Setting:
    made = Setting(accepted, forge, tmp_path)
    forge.state.token()
    made.push("main")
    made.git("checkout", "-q", "-b", "topic")
    made.repository.change("train.py", "import json", "import time; time.sleep(300)\nimport json")
    made.repository.commit()
    return made


def working_below(folder: Path) -> list[str]:
    """Processes of runs, whose working directory is a copy of the tree below `folder`."""
    runs = folder / ".ml-experiment"
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(runs):
                found.append(" ".join(process.cmdline()))
    return found


def started(setting: Setting) -> "subprocess.Popen[str]":
    """The step, once its first run has begun."""
    environ = setting.environment("pull_request", setting.pull_request(), "ghs_own", 1000)
    environ["GITHUB_STATE"] = str(setting.folder / "state")
    process = subprocess.Popen(
        [sys.executable, "-m", "action"],
        cwd=setting.repository.folder, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if "started" in line:
            break
    wait_for(lambda: working_below(setting.repository.folder))  # the line comes before the process
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_job_completes_its_check_and_leaves_no_process(setting: Setting, number: signal.Signals) -> None:
    process = started(setting)
    assert setting.check()["status"] == "in_progress"
    process.send_signal(number)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (setting.check()["status"], setting.check()["conclusion"]) == ("completed", "cancelled")
    assert "cancelled; what finished is recorded" in rest
    assert "passed<<" in (setting.folder / "step-1000" / "output").read_text()
    assert working_below(setting.repository.folder) == []


def test_a_step_that_was_killed_is_completed_afterwards(setting: Setting) -> None:
    process = started(setting)
    process.kill()
    process.communicate(timeout=60)
    assert setting.check()["status"] == "in_progress"
    number = (setting.folder / "state").read_text().split("\n")[1]
    environ = setting.environment("pull_request", setting.pull_request(), "ghs_own", 1000) | {"STATE_check": number}
    out = io.StringIO()
    afterwards(environ, out, TestClock())
    assert (setting.check()["status"], setting.check()["conclusion"]) == ("completed", "cancelled")
    assert "it was left in progress; completed as cancelled" in out.getvalue()
    writes = len(setting.forge.state.written())
    afterwards(dict(environ, **{"INPUT_GITHUB-TOKEN": "ghs_own"}), io.StringIO(), TestClock())
    assert len(setting.forge.state.written()) == writes  # a check that is completed is left alone


def test_afterwards_never_fails(setting: Setting) -> None:
    environ = setting.environment("pull_request", setting.pull_request(), "ghs_own", 1000)
    setting.forge.state.faults.append(Fault("*", "/", "before", 500, times=99))
    for number in ("", "x", "999"):
        afterwards({**environ, "STATE_check": number}, io.StringIO(), TestClock())
    afterwards({}, io.StringIO(), TestClock())
