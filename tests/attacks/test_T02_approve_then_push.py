"""T2: everything is about one commit: another checkout is refused, and a head that moved is not spoken about."""

import io
import subprocess
from pathlib import Path

import pytest
from forge.server import Forge
from occasions import BASE, HEAD, a_pull_request, environment
from stranger import Stranger

from action import github


def test_a_checkout_of_another_commit_is_refused_before_anything_runs(forge: Forge, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    given = environment(workspace, "pull_request", a_pull_request(), github_token=forge.state.token())
    given["GITHUB_API_URL"] = forge.url
    (workspace / "ml-experiment.yaml").write_text("command: touch stolen\nenvironment: {lock: requirements.lock}\n")
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=workspace, check=True)
    assert github.run(given, io.StringIO()) == 2
    summary = (workspace / "summary").read_text()
    assert "is checked out: the event is about another" in summary
    assert f"expected: {HEAD}" in summary
    assert not (workspace / "stolen").exists()
    assert forge.state.written() == []


def test_a_report_of_a_head_that_moved_is_not_posted(stranger: Stranger) -> None:
    stranger.leaves_bundle(stranger.bundle())
    stranger.forge.state.pulls[7]["head"]["sha"] = "d" * 40
    done = stranger.is_reported()
    assert stranger.forge.state.written() == []
    assert done.outputs["passed"] == "false"
    assert "it was closed or has moved on" in done.summary


@pytest.mark.parametrize("commit", [BASE, None, "f" * 40])
def test_a_bundle_of_another_commit_is_refused(stranger: Stranger, commit: str | None) -> None:
    found = stranger.bundle()
    stranger.leaves_bundle(
        found.model_copy(update={"candidate": found.candidate.model_copy(update={"commit": commit})})
    )
    done = stranger.is_reported()
    assert stranger.check()["conclusion"] == "failure"
    assert "the bundle's commit is" in stranger.check()["output"]["title"]
    assert (done.outputs["passed"], stranger.comments()) == ("false", [])
