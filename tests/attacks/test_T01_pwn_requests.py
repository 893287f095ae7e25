"""T1: an event that would let a stranger's code meet our rights is refused: no run, no engine, no write."""

import hashlib
import io
import os
import shlex
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from forge.server import Forge
from occasions import a_pull_request, a_workflow_run, environment

from action import github

ROOT = Path(__file__).parents[2]


class Engine:
    """A socket where Docker's would be; counts who calls."""

    def __init__(self, path: Path) -> None:
        self.calls = 0
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.calls += 1
            connection.close()

    def close(self) -> None:
        self._socket.close()


def everything_in(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("output", "summary")
    }


MODES = ("auto", "reproduce", "report", "sweep", "baseline")
REFUSED = [(name, mode) for name in ("pull_request_target", "issue_comment", "release") for mode in MODES]
REFUSED += [("workflow_run", mode) for mode in ("reproduce", "sweep", "baseline")]  # reporting runs no code: T11


@pytest.mark.parametrize(("name", "mode"), REFUSED)
def test_it_is_refused_whatever_the_inputs_say(
    forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, mode: str
) -> None:
    engine = Engine(tmp_path / "docker.sock")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'docker.sock'}")
    event = a_workflow_run() if name == "workflow_run" else a_pull_request()
    workspace = tmp_path / "workspace"
    given = environment(workspace, name, event, github_token=forge.state.token(), mode=mode, gate="report")
    given |= {"GITHUB_API_URL": forge.url, "DOCKER_HOST": os.environ["DOCKER_HOST"]}
    (workspace / "ml-experiment.yaml").write_text("command: touch stolen\nenvironment: {lock: requirements.lock}\n")
    before = everything_in(workspace)
    out = io.StringIO()
    assert github.run(given, out) == 2
    assert f"event {name}: refused: " in (workspace / "summary").read_text()
    assert "passed<<" in (workspace / "output").read_text()
    assert "\ntrue\n" not in (workspace / "output").read_text()
    assert forge.state.requests == []
    assert engine.calls == 0
    assert everything_in(workspace) == before
    engine.close()


def test_the_strangers_modules_are_never_imported(tmp_path: Path) -> None:
    """GitHub starts the image in the workspace: what lies there must not become our code."""
    for name in ("action", "experiment", "runner", "reporting", "typing", "json", "sitecustomize", "usercustomize"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"open({str(tmp_path / 'stolen')!r}, 'a').write({name!r})\n")
        (tmp_path / name / "__main__.py").write_text(f"open({str(tmp_path / 'stolen')!r}, 'a').write({name!r})\n")
    dockerfile = (ROOT / "Dockerfile").read_text()
    entry = next(line for line in dockerfile.splitlines() if line.startswith("ENTRYPOINT"))
    first, *rest = shlex.split(entry.removeprefix("ENTRYPOINT ").strip("[]").replace(",", " "))
    after = next(line for line in dockerfile.splitlines() if "printf" in line)
    assert first == "/opt/ml-experiment/bin/python"
    assert f"exec {first} -I -m action.afterwards" in after
    event = environment(tmp_path / "step", "pull_request_target", a_pull_request())
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), **event}
    for command in (rest, ["-I", "-m", "action.afterwards"]):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
        )
        assert done.stderr == ""
    assert not (tmp_path / "stolen").exists()
