"""The fork-safe pair: what a stranger's run left is judged by our policy and posted on the pull request of its head."""

from pathlib import Path

import pytest
from actions import Setting, Stepped, artifact
from forge.server import Forge
from forge.state import FORK_TOKEN
from occasions import a_workflow_run
from repositories import Repository

WORKFLOW = ".github/workflows/reproduce.yml"


@pytest.fixture(scope="session")
def strangers_once(accepted_once: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A stranger's branch that costs accuracy, run once; the workflow is the default branch's."""
    made = accepted_once.copy(tmp_path_factory.mktemp("stranger") / "repository")
    (made.folder / WORKFLOW).parent.mkdir(parents=True)
    made.write(WORKFLOW, "name: ml-experiment\n")
    made.commit()
    made.git("checkout", "-q", "-b", "topic")
    made.change("train.py", "0.9 + random", "0.8 + random")
    made.commit()
    assert made.run("reproduce").code == 1
    return made


@pytest.fixture
def setting(strangers_once: Repository, forge: Forge, tmp_path: Path) -> Setting:
    made = Setting(strangers_once.copy(tmp_path / "stranger"), forge, tmp_path)
    forge.state.token()
    made.git("push", "-q", str(forge.git.folder), "HEAD~1:refs/heads/main")
    return made


def strangers_job(setting: Setting) -> bytes:
    """The first job, on the fork's read-only token; its bundle."""
    token = setting.forge.state.token("ghs_fork", FORK_TOKEN)
    done = setting.hurried_step("pull_request", setting.pull_request(source="stranger/train"), token=token, run=500)
    assert done.code == 1
    return (setting.repository.folder / done.outputs["bundle"]).read_bytes()


def leave(setting: Setting, content: bytes, name: str = "ml-experiment-tiny") -> None:
    """The run as GitHub knows it, with its artifact."""
    setting.forge.state.runs[500] = {
        "id": 500, "event": "pull_request", "path": WORKFLOW, "head_sha": setting.head, "head_branch": "topic",
        "head_repository": {"full_name": "stranger/train"}, "created_at": "2026-11-24T11:00:00Z", "run_attempt": 1,
        "status": "completed",
    }  # fmt: skip
    setting.forge.state.an_artifact(500, name, content)


def second_job(setting: Setting, **inputs: str) -> Stepped:
    return setting.hurried_step("workflow_run", a_workflow_run(head=setting.head), run=501, **inputs)


def test_the_pair_posts_what_one_job_would_have(setting: Setting) -> None:
    leave(setting, artifact(strangers_job(setting)))
    done = second_job(setting)
    assert (done.code, done.outputs["verdict"], done.outputs["passed"]) == (0, "regressed", "false")
    (text,) = setting.comments()
    assert text.body.startswith("### tiny: **regressed** — `accuracy` fell by 0.1")
    assert text.age == (500, 1)  # the run that measured, so that reports keep its order
    check = setting.check()
    assert (check["name"], check["conclusion"], check["head_sha"]) == ("ml-experiment / tiny", "failure", setting.head)
    assert done.outputs["comment-url"]
    assert done.outputs["check-url"]


def test_a_run_of_something_else_is_nothing_to_report(setting: Setting) -> None:
    setting.pull_request(source="stranger/train")
    leave(setting, b"")
    setting.forge.state.runs[500]["event"] = "push"
    done = second_job(setting)
    assert (done.code, setting.forge.state.written()) == (0, [])
    assert "there is no pull request to report on" in done.summary


def test_a_pull_request_that_moved_on_or_was_closed_is_left_alone(setting: Setting) -> None:
    leave(setting, artifact(strangers_job(setting)))
    setting.forge.state.pulls[7]["head"]["sha"] = "d" * 40
    done = second_job(setting)
    assert (done.code, setting.comments()) == (0, [])
    assert "it was closed or has moved on" in done.summary
    assert setting.forge.state.written() == []


def test_a_run_that_left_no_report_completes_the_check_as_failed(setting: Setting) -> None:
    setting.pull_request(source="stranger/train")
    leave(setting, b"", name="something-else")
    done = second_job(setting)
    assert done.outputs["passed"] == "false"
    assert setting.check()["conclusion"] == "failure"
    assert "artifact ml-experiment-tiny: expected once, found 0 times" in setting.check()["output"]["title"]


def test_without_a_token_it_says_what_is_missing(setting: Setting) -> None:
    done = setting.hurried_step("workflow_run", a_workflow_run(head=setting.head), token="")
    assert done.code == 2
    assert "mode report: no token" in done.summary
