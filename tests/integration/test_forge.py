"""Our side of GitHub against the test forge: every request and answer held against GitHub's published description."""

import traceback
from datetime import UTC, datetime

import github3
import pytest
from forge.clocks import TestClock
from forge.fixtures import client
from forge.server import Forge
from forge.state import FORK_TOKEN, Fault

from action import check
from action.check import Conclusion, Finding
from action.commands import Annotation, Level
from action.comment import Age, Text
from action.forge.refusals import Busy, Conflict, MayNot, NotThere, UnknownOutcome, Unreachable

HEAD = "a" * 40
pytestmark = [pytest.mark.network, pytest.mark.node]


def test_everything_we_ask_is_what_github_publishes(described: Forge) -> None:
    state, git = described.state, described.git
    base = git.commit_files({"ml-experiment.yaml": b"command: x\n", "big.bin": b"x" * 2_000_000}, branch="main")
    head = git.commit_files({"a.py": b"1"}, base, branch="topic")
    state.a_pull(7, head, base)
    state.labelled(7, "accept-baseline", "ann", "2026-11-24T12:00:00Z")
    state.permissions["ann"] = "write"
    state.runs[500] = {
        "id": 500, "event": "pull_request", "path": ".github/workflows/reproduce.yml", "head_sha": head,
        "head_branch": "topic", "head_repository": {"full_name": "acme/train"}, "created_at": "2026-11-24T11:00:00Z",
        "run_attempt": 1, "status": "completed",
    }  # fmt: skip
    artifact = state.an_artifact(500, "ml-experiment-digits", b"zip bytes")
    us = client(described, state.token())

    assert us.pulls.me() is None  # a workflow's token may not ask
    assert us.pulls.pull(7).head.sha == head
    assert [pull.number for pull in us.pulls.open_from("acme", "topic")] == [7]
    made = us.pulls.comment(7, "hello")
    assert us.pulls.change_comment(made.id, "bye").body == "bye"
    assert [one.body for one in us.pulls.comments(7)] == ["bye"]
    us.pulls.delete_comment(made.id)
    us.pulls.delete_comment(made.id)  # gone is gone
    assert us.pulls.events(7)[0].created_at == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert (us.pulls.permission("ann"), us.pulls.permission("nobody")) == ("write", "none")

    begun = check.begin(us, head, "digits", Age(500, 1), "https://example.org/run")
    assert (begun.status, begun.name, begun.app.slug if begun.app else "") == (
        "in_progress", "ml-experiment / digits", "github-actions",
    )  # fmt: skip
    text = Text("digits", Age(500, 1), "### digits")
    annotations = tuple(Annotation(Level.WARNING, "t", "m", "ml-experiment.yaml", n) for n in range(1, 121))
    finding = Finding(Conclusion.FAILURE, "regressed", "summary", text.marked(), annotations)
    done = check.complete(us, begun, finding)
    assert (done.status, done.conclusion, done.head_sha) == ("completed", "failure", head)
    assert len(state.checks[begun.id]["annotations"]) == 120
    assert check.texts_at(us, head, "digits") == (text,)

    assert us.files.read("ml-experiment.yaml", base) == b"command: x\n"
    assert us.files.read("big.bin", base) == b"x" * 2_000_000
    assert us.files.read("nothing", base) is None
    assert us.files.merge_base("main", head) == base
    blob = us.files.add_blob(b"\x00png")
    tree = us.files.add_tree([("7/a.png", blob)])
    commit = us.files.add_commit(tree, [], "figures")
    us.files.create_ref("ml-experiment-data", commit)
    assert us.files.ref("ml-experiment-data") == commit
    assert us.files.refs("ml-experiment-d") == {"ml-experiment-data": commit}
    assert [entry.path for entry in us.files.entries(commit)] == ["7/a.png"]
    us.files.reset_ref("ml-experiment-data", us.files.add_commit(tree, [], "again"))
    with pytest.raises(Conflict):
        us.files.move_ref("ml-experiment-data", commit)
    with pytest.raises(Conflict):
        us.files.create_ref("ml-experiment-data", commit)
    for _ in range(2):
        us.files.delete_ref("ml-experiment-data")
    with pytest.raises(Conflict):
        us.files.move_ref("ml-experiment-data", commit)
    assert (us.files.ref("nothing"), us.files.refs("ml-experiment-d")) == (None, {})
    for tip in (base, head):
        us.files.set_ref("ml-experiment/new", tip)
        assert us.files.ref("ml-experiment/new") == tip
    asked = us.pulls.open_request("New baseline", "body", "ml-experiment/new", "main")
    assert asked.head.ref == "ml-experiment/new"
    with pytest.raises(Conflict):
        us.pulls.open_request("New baseline", "body", "ml-experiment/new", "main")
    assert us.pulls.change_request(asked.number, "Newer baseline", "another body").number == asked.number
    assert (state.pulls[asked.number]["title"], state.pulls[asked.number]["body"]) == ("Newer baseline", "another body")

    assert us.runs.run(500).path == ".github/workflows/reproduce.yml"
    assert us.runs.first_at(head) == datetime(2026, 11, 24, 11, tzinfo=UTC)
    assert us.runs.first_at(HEAD) is None
    assert [one.id for one in us.runs.artifacts(500)] == [artifact]
    assert us.runs.content(artifact) == b"zip bytes"  # from another host, without the token


def test_another_library_reads_back_what_ours_wrote(described: Forge) -> None:
    state = described.state
    state.a_pull(7, HEAD, HEAD)
    us = client(described, state.token())
    us.pulls.comment(7, "### digits: regressed — é ✓")
    begun = check.begin(us, HEAD, "digits", Age(1, 1), "https://example.org/run")
    check.complete(us, begun, Finding(Conclusion.SUCCESS, "identical", "the same bits"))

    other = github3.GitHubEnterprise(described.url.removesuffix("/api/v3"), token="ghs_own")
    issue = other._iter(-1, f"{described.url}/repos/acme/train/issues/7/comments", github3.issues.comment.IssueComment)
    assert [comment.body for comment in issue] == ["### digits: regressed — é ✓"]
    answer = other.session.get(f"{described.url}/repos/acme/train/commits/{HEAD}/check-runs")
    run = github3.checks.CheckRun(answer.json()["check_runs"][0], other.session)
    assert (run.name, run.status, run.conclusion) == ("ml-experiment / digits", "completed", "success")


def test_every_page_is_read(described: Forge) -> None:
    described.state.a_pull(7, HEAD, HEAD)
    for number in range(250):
        described.state.a_comment(7, f"{number}", "somebody")
    us = client(described, described.state.token())
    assert [one.body for one in us.pulls.comments(7)] == [f"{number}" for number in range(250)]


def test_a_forks_token_may_read_and_not_write(described: Forge) -> None:
    described.state.a_pull(7, HEAD, HEAD)
    us = client(described, described.state.token("ghs_fork", FORK_TOKEN))
    assert us.pulls.pull(7).number == 7
    with pytest.raises(MayNot, match="Resource not accessible by integration") as error:
        us.pulls.comment(7, "hello")
    assert "workflows/report.yml posts for it" in str(error.value)
    with pytest.raises(MayNot):
        check.begin(us, HEAD, "digits", Age(1, 1), "https://example.org")


def test_a_wrong_token_is_named_and_not_shown(forge: Forge) -> None:
    us = client(forge, "ghs_verysecret")
    with pytest.raises(MayNot, match="401 Bad credentials") as error:
        us.pulls.pull(7)
    shown = "".join(traceback.format_exception(error.value)) + repr(us)
    assert "verysecret" not in shown.replace('client(forge, "ghs_verysecret")', "")


@pytest.mark.parametrize("kind", ["before", "after", "drop", "drop-after"])
def test_a_check_run_whose_answer_is_lost_is_found_again(forge: Forge, clock: TestClock, kind: str) -> None:
    forge.state.faults.append(Fault("POST", "/check-runs", kind, 502))
    us = client(forge, forge.state.token(), clock)
    begun = check.begin(us, HEAD, "digits", Age(1, 1), "https://example.org")
    assert list(forge.state.checks) == [begun.id]


@pytest.mark.parametrize("kind", ["before", "after", "drop", "drop-after"])
def test_what_changes_something_is_repeated_until_it_is_done(forge: Forge, clock: TestClock, kind: str) -> None:
    us = client(forge, forge.state.token(), clock)
    begun = check.begin(us, HEAD, "digits", Age(1, 1), "https://example.org")
    forge.state.faults.append(Fault("PATCH", "/check-runs", kind, 500, times=3))
    done = check.complete(us, begun, Finding(Conclusion.FAILURE, "t", "s"))
    assert done.conclusion == "failure"
    assert [wait for wait in clock.slept if wait > 1] == [2.0, 4.0]


def test_limits_are_waited_for_and_an_hour_is_not(forge: Forge, clock: TestClock) -> None:
    forge.state.a_pull(7, HEAD, HEAD)
    us = client(forge, forge.state.token(), clock)
    secondary = "You have exceeded a secondary rate limit."
    forge.state.faults += [
        Fault("POST", "/comments", "before", 403, message=secondary),
        Fault("POST", "/comments", "before", 429, {"Retry-After": "5"}),
    ]
    us.pulls.comment(7, "once")
    assert [one["body"] for one in forge.state.comments.values()] == ["once"]
    assert [wait for wait in clock.slept if wait > 1] == [60.0, 5.0]
    forge.state.faults.append(Fault("POST", "/comments", "before", 403, {"Retry-After": "3600"}))
    with pytest.raises(Busy, match="asked to wait 3,600 s"):
        us.pulls.comment(7, "never")
    assert 3600.0 not in clock.slept


def test_a_forge_that_is_down_is_given_up(forge: Forge, clock: TestClock) -> None:
    forge.state.faults.append(Fault("*", "/", "before", 503, times=1000))
    us = client(forge, forge.state.token(), clock)
    with pytest.raises(Unreachable):
        us.pulls.pull(7)
    with pytest.raises(UnknownOutcome):
        us.pulls.comment(7, "hello")
    assert sum(clock.slept) < 60


def test_what_is_not_there_is_named(forge: Forge) -> None:
    us = client(forge, forge.state.token())
    with pytest.raises(NotThere, match="GET /repos/acme/train/pulls/7: not found"):
        us.pulls.pull(7)


def test_writes_keep_a_second_between_them(forge: Forge, clock: TestClock) -> None:
    forge.state.a_pull(7, HEAD, HEAD)
    us = client(forge, forge.state.token(), clock)
    for number in range(4):
        us.pulls.comment(7, f"{number}")
    assert clock.slept == pytest.approx([1.0, 1.0, 1.0])
