"""Check run and comment on the test forge: faults that leave one comment, and eight posters that race."""

import random
import threading

import pytest
from forge.clocks import TestClock
from forge.fixtures import client
from forge.server import Forge
from forge.state import FORK_TOKEN, OWN_TOKEN, READ, WRITE, Fault

from action.check import Conclusion, Finding
from action.comment import Age, Text, read
from action.inputs import Comment
from action.publish import Begun, Place, Posted, begin, comment, complete

HEAD, OTHER = "a" * 40, "d" * 40
RIGHTS_FOR_COMMENTS_ONLY = {"pull_requests": WRITE, "contents": READ}


def a_place(run: int, sha: str = HEAD, experiment: str = "digits") -> Place:
    return Place(experiment, sha, 7, Age(run, 1), f"https://example.org/runs/{run}")


def post(
    forge: Forge,
    run: int,
    *,
    sha: str = HEAD,
    token: str = "ghs_own",
    policy: Comment = Comment.ALWAYS,
    experiment: str = "digits",
    quiet: bool = False,
    body: str = "",
    clock: TestClock | None = None,
) -> Posted:
    """All that one job says, from its beginning to its end."""
    us, place = client(forge, token, clock), a_place(run, sha, experiment)
    text = Text(experiment, place.age, body or f"### {experiment} of run {run}", quiet)
    begun = begin(us, place)
    done = complete(us, begun, Finding(Conclusion.SUCCESS, "identical", "s", text.marked()))
    said = comment(us, place, begun, text, policy)
    return Posted(said.comment_url, done.check_url, (*done.notes, *said.notes))


def ours(forge: Forge) -> list[Text]:
    return [text for one in forge.state.comments.values() if (text := read(one["body"]))]


@pytest.fixture
def pull(forge: Forge) -> Forge:
    forge.state.token()
    forge.state.a_pull(7, HEAD, HEAD)
    return forge


def test_one_comment_is_written_and_then_changed_in_place(pull: Forge) -> None:
    first, second = post(pull, 5), post(pull, 6)
    assert first.comment_url == second.comment_url != ""
    assert [text.age.run for text in ours(pull)] == [6]
    assert first.check_url != second.check_url
    assert {run["status"] for run in pull.state.checks.values()} == {"completed"}


def test_the_check_is_in_progress_before_anything_is_known(pull: Forge) -> None:
    begun = begin(client(pull, "ghs_own"), a_place(5))
    assert begun.check is not None
    assert pull.state.checks[begun.check.id]["status"] == "in_progress"
    assert pull.state.checks[begun.check.id]["conclusion"] is None
    assert pull.state.checks[begun.check.id]["name"] == "ml-experiment / digits"


def test_two_experiments_do_not_touch_each_other(pull: Forge) -> None:
    post(pull, 5)
    post(pull, 6, experiment="digits-2")
    assert sorted((text.experiment, text.age.run) for text in ours(pull)) == [("digits", 5), ("digits-2", 6)]


def test_the_same_words_are_not_written_twice(pull: Forge) -> None:
    post(pull, 5, body="same")
    post(pull, 6, body="same")
    assert [method for method, path, _ in pull.state.written() if "comments" in path] == ["POST"]


def test_it_is_found_on_the_fourth_page(pull: Forge) -> None:
    for number in range(301):
        pull.state.a_comment(7, f"{number}", "somebody")
    post(pull, 5)
    post(pull, 6)
    assert [text.age.run for text in ours(pull)] == [6]


def test_nothing_moved_and_nothing_is_said_until_there_is_something_to_correct(pull: Forge) -> None:
    quiet = post(pull, 5, policy=Comment.CHANGES, quiet=True)
    assert (quiet.comment_url, ours(pull)) == ("", [])
    assert quiet.check_url
    post(pull, 6, policy=Comment.CHANGES)
    post(pull, 7, policy=Comment.CHANGES, quiet=True)
    assert [text.age.run for text in ours(pull)] == [7]
    assert post(pull, 8, policy=Comment.NEVER).comment_url == ""


def test_when_the_pull_request_has_moved_on_an_old_commit_says_nothing(pull: Forge) -> None:
    pull.state.pulls[7]["head"]["sha"] = OTHER
    post(pull, 5)
    assert ours(pull) == []
    post(pull, 4, sha=OTHER)  # a smaller number, and yet the present head
    post(pull, 6)
    assert [text.age.run for text in ours(pull)] == [4]


@pytest.mark.parametrize("kind", ["before", "after", "drop", "drop-after"])
def test_a_comment_whose_answer_is_lost_is_never_doubled(pull: Forge, kind: str) -> None:
    pull.state.faults.append(Fault("POST", "/issues/7/comments", kind, 500))
    assert post(pull, 5).comment_url
    assert len(ours(pull)) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", "/comments", "before", 403, message="You have exceeded a secondary rate limit"),
        Fault("POST", "/comments", "before", 429, {"Retry-After": "9"}),
        Fault("PATCH", "/check-runs", "after", 502, times=2),
        Fault("GET", "/comments", "before", 500, times=3),
    ],
)
def test_what_passes_is_waited_for(pull: Forge, fault: Fault) -> None:
    pull.state.faults.append(fault)
    posted = post(pull, 5)
    assert posted.comment_url
    assert posted.check_url
    assert posted.notes == ()
    assert len(ours(pull)) == 1


@pytest.mark.parametrize(
    ("fault", "note"),
    [
        (Fault("POST", "/comments", "before", 403, {"Retry-After": "3600"}, times=99), "asked to wait 3,600 s"),
        (Fault("*", "/", "before", 503, times=999), "no check run: "),
        (Fault("*", "/", "drop", times=999), "no comment: "),
    ],
)
def test_what_does_not_pass_is_named_and_nothing_breaks(pull: Forge, fault: Fault, note: str) -> None:
    pull.state.faults.append(fault)
    clock = TestClock()
    posted = post(pull, 5, clock=clock)
    assert posted.comment_url == ""
    assert note in "\n".join(posted.notes)
    assert sum(clock.slept) < 400


def test_a_forks_token_is_told_where_its_report_is_posted_from(pull: Forge) -> None:
    posted = post(pull, 5, token=pull.state.token("ghs_fork", FORK_TOKEN))
    assert posted.check_url == posted.comment_url == ""
    assert all("the token may not (403 Resource not accessible by integration)" in note for note in posted.notes)
    assert pull.state.comments == {}


def test_without_the_right_to_checks_the_comment_still_comes(pull: Forge) -> None:
    posted = post(pull, 5, token=pull.state.token("ghs_few", RIGHTS_FOR_COMMENTS_ONLY))
    assert posted.comment_url
    assert posted.check_url == ""
    assert len(posted.notes) == 1


def test_an_apps_token_knows_its_own_comments(pull: Forge) -> None:
    for run in (5, 6):
        token = pull.state.token("ghs_app", OWN_TOKEN, app="acme-bot")
        pull.state.tokens[token].login = "acme-bot[bot]"
        post(pull, run, token=token)
    assert [text.age.run for text in ours(pull)] == [6]


def test_a_persons_token_knows_its_own_comments(pull: Forge) -> None:
    for run in (5, 6):
        token = pull.state.token("ghp_ann", OWN_TOKEN, app=None)
        pull.state.tokens[token].login = "ann"
        post(pull, run, token=token)
    assert [text.age.run for text in ours(pull)] == [6]


def race(forge: Forge, runs: list[int]) -> None:
    """All of them at once, each a job of its own."""
    start = threading.Barrier(len(runs))

    def job(run: int) -> None:
        us, place = client(forge, "ghs_own", TestClock()), a_place(run)
        text = Text("digits", place.age, f"### run {run}")
        begun = begin(us, place)
        start.wait()
        complete(us, begun, Finding(Conclusion.SUCCESS, "t", "s", text.marked()))
        posted = comment(us, place, begun, text, Comment.ALWAYS)
        assert posted.comment_url, posted.notes

    threads = [threading.Thread(target=job, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("batch", range(5))
def test_eight_posters_race_and_one_comment_stays_the_newest(pull: Forge, there: bool, batch: int) -> None:
    dice = random.Random(batch)
    pull.state.jitter_s = 0.004
    for number in range(10):
        pull.state.comments.clear()
        pull.state.checks.clear()
        if there:
            post(pull, 1)
        runs = [100 * (number + 1) + i for i in range(8)]
        dice.shuffle(runs)
        race(pull, runs)
        assert [text.age.run for text in ours(pull)] == [max(runs)]


@pytest.mark.parametrize("verb", ["change_comment", "comment"])
def test_who_is_overtaken_between_looking_and_writing_puts_the_newer_back(pull: Forge, verb: str) -> None:
    """The worst interleaving there is: run 6 begins and ends while run 5 is about to write what it decided on."""
    if verb == "change_comment":
        post(pull, 4)
    us, place = client(pull, "ghs_own"), a_place(5)
    write = getattr(us.pulls, verb)

    def late(*args: object) -> object:
        setattr(us.pulls, verb, write)
        post(pull, 6)
        return write(*args)

    setattr(us.pulls, verb, late)
    text = Text("digits", place.age, "### run 5")
    begun = begin(us, place)
    complete(us, begun, Finding(Conclusion.SUCCESS, "t", "s", text.marked()))
    posted = comment(us, place, begun, text, Comment.ALWAYS)
    assert [found.age.run for found in ours(pull)] == [6]
    assert posted.notes == ("a newer run of this pull request has reported already",)


def test_nothing_to_complete_is_not_an_error(forge: Forge) -> None:
    us = client(forge, forge.state.token())
    assert complete(us, Begun(None, ("why",)), Finding(Conclusion.FAILURE, "t", "s")) == Posted(notes=("why",))
