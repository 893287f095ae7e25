"""The Action on a pull request, as a user meets it: comment, check, summary, outputs, exit code."""

from pathlib import Path

import pytest
from actions import Setting
from forge.server import Forge
from forge.state import FORK_TOKEN, Fault
from occasions import a_merge_group, a_push
from repositories import Repository

WORSE = ("0.9 + random", "0.8 + random")


@pytest.fixture(scope="session")
def worse_once(accepted_once: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A branch that costs accuracy, its runs recorded: what follows takes them from the cache."""
    made = accepted_once.copy(tmp_path_factory.mktemp("worse") / "repository")
    made.git("checkout", "-q", "-b", "topic")
    made.change("train.py", *WORSE)
    made.commit()
    assert made.run("reproduce").code == 1
    return made


@pytest.fixture
def setting(accepted: Repository, forge: Forge, tmp_path: Path) -> Setting:
    """A repository with a baseline on main, and a branch that is no different yet."""
    made = Setting(accepted, forge, tmp_path)
    forge.state.token()
    made.push("main")
    made.git("checkout", "-q", "-b", "topic")
    return made


@pytest.fixture
def worse(worse_once: Repository, forge: Forge, tmp_path: Path) -> Setting:
    """The same, with a branch that costs accuracy."""
    made = Setting(worse_once.copy(tmp_path / "worse"), forge, tmp_path)
    forge.state.token()
    made.git("push", "-q", str(forge.git.folder), "HEAD~1:refs/heads/main")
    return made


def change(setting: Setting, name: str = "train.py", old: str = WORSE[0], new: str = WORSE[1]) -> None:
    setting.repository.change(name, old, new)
    setting.repository.commit()


def test_a_regression_is_commented_checked_summarised_and_fails(setting: Setting) -> None:
    change(setting)
    done = setting.step("pull_request", setting.pull_request())
    assert done.code == 1
    assert done.outputs["verdict"] == "regressed"
    assert done.outputs["passed"] == "false"
    (text,) = setting.comments()
    assert text.body.startswith("### tiny: **regressed** — `accuracy` fell by 0.1")
    assert "```mermaid" not in text.body  # the token may write: the figure is a file
    assert "blob/ml-experiment-data-1/tiny/" in text.body
    assert "somebody who may write sets the label `accept-baseline`" in text.body
    check = setting.check()
    assert (check["status"], check["conclusion"], check["name"]) == ("completed", "failure", "ml-experiment / tiny")
    assert check["head_sha"] == setting.head
    assert check["output"]["title"].startswith("regressed — accuracy fell by 0.1")
    (remark,) = check["annotations"]
    assert (remark["path"], remark["start_line"]) == ("ml-experiment.yaml", 7)
    assert remark["title"] == "accuracy: regressed"
    assert done.summary.startswith("### tiny: **regressed**")
    assert done.outputs["comment-url"].endswith(f"#issuecomment-{next(iter(setting.forge.state.comments))}")
    assert done.outputs["check-url"] == check["html_url"]
    assert (setting.repository.folder / done.outputs["bundle"]).name == "bundle.zip"
    assert (setting.repository.folder / done.outputs["report"]).exists()
    assert [command for command, _ in done.runner.obeyed].count("group") >= 5
    assert any(line.startswith("  seed 0  done") for line in done.runner.lines)
    assert "ghs_own" not in done.log.replace("::add-mask::ghs_own", "")


def test_nothing_that_training_reads_has_changed_and_nothing_is_run(setting: Setting) -> None:
    setting.repository.write("README.md", "# words\n")
    setting.repository.commit()
    before = len(setting.repository.records())
    done = setting.hurried_step("pull_request", setting.pull_request())
    assert (done.code, done.outputs["verdict"], done.outputs["passed"]) == (0, "unchanged", "true")
    assert setting.check()["conclusion"] == "success"
    assert setting.check()["output"]["title"] == "nothing that training reads has changed"
    assert len(setting.repository.records()) == before
    assert "### tiny: **unchanged**" in done.summary


def test_a_comment_in_the_code_is_run_and_identical(setting: Setting) -> None:
    change(setting, old="import json", new="# a comment\nimport json")
    done = setting.hurried_step("pull_request", setting.pull_request(), comment="changes")
    assert (done.code, done.outputs["verdict"], done.outputs["passed"]) == (0, "identical", "true")
    assert setting.comments() == []
    assert setting.check()["conclusion"] == "success"


def test_the_policy_of_the_base_counts_and_the_report_says_so_first(worse: Setting) -> None:
    worse.repository.change("ml-experiment.yaml", "goal: maximize", "goal: maximize, gate: false")
    worse.repository.commit()
    done = worse.hurried_step("pull_request", worse.pull_request())
    assert (done.code, done.outputs["verdict"]) == (1, "regressed")
    lines = worse.comments()[0].body.split("\n")
    assert lines[2].startswith("**Policy:** `metrics` edited here; judged by the policy of `")


def test_an_edited_baseline_is_not_believed_and_the_report_says_so_first(worse: Setting) -> None:
    path = worse.repository.folder / "baselines" / "tiny.json"
    path.write_text(path.read_text().replace('"accuracy": 0.9', '"accuracy": 0.8'))
    worse.repository.commit()
    done = worse.hurried_step("pull_request", worse.pull_request())
    assert (done.code, done.outputs["verdict"]) == (1, "regressed")
    lines = worse.comments()[0].body.split("\n")
    assert lines[2].startswith("**Baseline:** `baselines/tiny.json` is edited here; judged by the one of `")


def test_a_maintainer_lets_a_regression_through_and_the_report_says_who_and_when(worse: Setting) -> None:
    event = worse.pull_request(action="labeled", label={"name": "accept-baseline"})
    worse.forge.state.labelled(7, "accept-baseline", "ann", "2026-11-24T12:30:00Z")
    worse.forge.state.permissions["ann"] = "write"
    done = worse.hurried_step("pull_request", event)
    assert (done.code, done.outputs["verdict"], done.outputs["passed"]) == (0, "regressed", "true")
    assert worse.check()["conclusion"] == "success"
    assert worse.check()["output"]["title"].endswith(", accepted by ann")
    assert "**Accepted as the new level** by `ann`, 2026-11-24 12:30 UTC, by label." in worse.comments()[0].body


def test_a_label_of_somebody_who_may_not_write_changes_nothing(worse: Setting) -> None:
    event = worse.pull_request(action="labeled", label={"name": "accept-baseline"})
    worse.forge.state.labelled(7, "accept-baseline", "eve", "2026-11-24T12:30:00Z")
    worse.forge.state.permissions["eve"] = "read"
    done = worse.hurried_step("pull_request", event)
    assert (done.code, done.outputs["passed"]) == (1, "false")
    assert "**Not accepted:** label" in worse.comments()[0].body


def test_a_label_set_before_the_last_push_was_for_another_commit(worse: Setting) -> None:
    event = worse.pull_request()
    worse.forge.state.labelled(7, "accept-baseline", "ann", "2026-11-24T12:30:00Z")
    worse.forge.state.permissions["ann"] = "admin"
    worse.forge.state.runs[1] = {
        "id": 1,
        "head_sha": worse.head,
        "event": "push",
        "path": "x",
        "created_at": "2026-11-24T12:31:00Z",
    }
    done = worse.hurried_step("pull_request", event)
    assert (done.code, done.outputs["passed"]) == (1, "false")
    assert "set before this commit was pushed" in worse.comments()[0].body


def test_a_second_push_changes_the_same_comment(setting: Setting) -> None:
    change(setting)
    setting.hurried_step("pull_request", setting.pull_request(), run=1000)
    change(setting, old="0.8 + random", new="0.9 + random")
    done = setting.hurried_step("pull_request", setting.pull_request(), run=1001)
    assert (done.code, done.outputs["passed"]) == (0, "true")
    (text,) = setting.comments()
    assert text.age.run == 1001


def test_a_forks_job_posts_nothing_and_leaves_its_bundle(worse: Setting) -> None:
    token = worse.forge.state.token("ghs_fork", FORK_TOKEN)
    done = worse.hurried_step("pull_request", worse.pull_request(source="stranger/train"), token=token)
    assert done.code == 1
    assert worse.forge.state.written() == []
    assert (worse.repository.folder / done.outputs["bundle"]).exists()
    assert "from a fork: the token may not write, so workflows/report.yml posts the report" in done.log
    assert done.summary.startswith("### tiny: **regressed**")
    assert "```mermaid" in done.summary


@pytest.mark.parametrize(
    "fault",
    [
        Fault("*", "/", "before", 503, times=9999),
        Fault("POST", "/check-runs", "after", 500),
        Fault("POST", "/comments", "before", 403, {"Retry-After": "3600"}, times=99),
        Fault("*", "/comments", "drop", times=99),
    ],
)
def test_whatever_the_forge_does_verdict_and_report_stay(worse: Setting, fault: Fault) -> None:
    event = worse.pull_request()
    worse.forge.state.faults.append(fault)
    done = worse.hurried_step("pull_request", event)
    assert (done.code, done.outputs["verdict"], done.outputs["passed"]) == (1, "regressed", "false")
    assert done.summary.startswith("### tiny: **regressed**")
    assert (worse.repository.folder / done.outputs["bundle"]).exists()
    assert len(worse.forge.state.checks) <= 1


def test_without_a_token_the_step_still_judges(worse: Setting) -> None:
    done = worse.hurried_step("pull_request", worse.pull_request(), token="")
    assert (done.code, done.outputs["verdict"]) == (1, "regressed")
    assert worse.forge.state.requests == []
    assert "no token: the report is in the step's summary" in done.log


def test_gate_report_tells_and_never_fails(worse: Setting) -> None:
    done = worse.hurried_step("pull_request", worse.pull_request(), gate="report")
    assert (done.code, done.outputs["passed"]) == (0, "false")
    assert worse.check()["conclusion"] == "neutral"


def test_an_experiment_file_that_is_wrong_completes_the_check_and_marks_the_line(setting: Setting) -> None:
    change(setting, "ml-experiment.yaml", "seeds:", "sedes:")
    done = setting.hurried_step("pull_request", setting.pull_request())
    assert done.code == 2
    assert (setting.check()["status"], setting.check()["conclusion"]) == ("completed", "failure")
    assert (done.outputs["verdict"], done.outputs["passed"]) == ("", "false")
    (remark,) = [data for command, data in done.runner.obeyed if command == "error"]
    assert remark.startswith("unknown key 'sedes'")
    assert "::error file=ml-experiment.yaml,line=4" in done.log
    assert "unknown key 'sedes'" in done.summary


def test_a_new_experiment_has_no_baseline_and_does_not_pass(setting: Setting) -> None:
    setting.git("checkout", "-q", "--orphan", "empty")
    setting.git("rm", "-rq", "--cached", ".")
    setting.git("commit", "-q", "--allow-empty", "-m", "x")
    setting.push("main")
    setting.git("checkout", "-q", "-b", "topic2")
    setting.repository.commit()
    done = setting.hurried_step("pull_request", setting.pull_request())
    assert (done.code, done.outputs["verdict"], done.outputs["passed"]) == (4, "no baseline", "false")
    assert setting.check()["conclusion"] == "action_required"


def test_a_merge_queue_gets_its_verdict_on_the_groups_commit(worse: Setting) -> None:
    base = worse.forge.git.branch("main")
    head = worse.push("gh-readonly-queue/main/pr-7")
    done = worse.hurried_step("merge_group", a_merge_group(head, base))
    assert (done.code, done.outputs["verdict"]) == (1, "regressed")
    assert worse.check()["head_sha"] == head
    assert worse.comments() == []


def test_a_push_to_another_branch_is_checked_against_its_own_baseline(worse: Setting) -> None:
    worse.push("other")
    event = a_push()
    event["repository"]["default_branch"] = "trunk"
    done = worse.hurried_step("push", event)
    assert (done.code, done.outputs["verdict"]) == (1, "regressed")
    assert worse.check()["head_sha"] == worse.head


def test_a_run_that_crashed_can_be_run_again(worse: Setting) -> None:
    event = worse.pull_request()
    worse.forge.state.faults.append(Fault("PATCH", "/check-runs", "before", 503, times=99))
    first = worse.hurried_step("pull_request", event, run=1000)
    assert worse.check()["status"] == "in_progress"
    worse.forge.state.faults.clear()
    second = worse.hurried_step("pull_request", event, run=1001)
    assert first.code == second.code == 1
    assert [run["status"] for run in worse.forge.state.checks.values()][-1] == "completed"
    assert "cached" in second.log
