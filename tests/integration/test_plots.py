"""Figures in a comment: files on a branch of their own, Mermaid where that may not be, and pruning."""

import re
import threading

import pytest
from forge.clocks import TestClock
from forge.fixtures import client
from forge.server import Forge
from forge.state import FORK_TOKEN, Fault
from hypothesis import given
from hypothesis import strategies as st
from report_cases import CASES, report_of

from action import data_branch
from action.comment import Age
from action.data_branch import MOST_BYTES, PREFIX, is_full, upload
from action.forge.values import TreeEntry
from action.inputs import Plots
from action.plots import figures
from action.publish import Place
from reporting.render import Drawing, Link, to_markdown

SERVER = "https://github.com"
PLACE = Place("digits", "a" * 40, 7, Age(500, 1), "")
BRANCH = f"{PREFIX}1"
REPORT = report_of(CASES["regressed"]())


@pytest.mark.network
@pytest.mark.node
def test_figures_are_one_commit_on_a_branch_without_the_codes_history(described: Forge) -> None:
    main = described.git.commit_files({"train.py": b"x"}, branch="main")
    us = client(described, described.state.token())
    found = figures(REPORT, Plots.AUTO, us, PLACE, SERVER)
    (link,) = found.shown
    assert isinstance(link, Link)
    path = f"digits/{500:019d}.1/pull-7/0-light.png"
    assert link.light == f"https://github.com/acme/train/blob/{BRANCH}/{path}?raw=true"
    assert described.git.file(path, BRANCH)[1].startswith(b"\x89PNG")
    assert described.git.line("rev-list", "--count", BRANCH) == "1"
    assert described.git.branch("main") == main
    markdown = to_markdown(REPORT, found.shown)
    assert f'srcset="{link.dark}"' in markdown

    figures(REPORT, Plots.BRANCH, us, Place("digits", "a" * 40, 8, Age(501, 1), ""), SERVER)
    names = [entry["path"] for entry in described.git.tree(BRANCH)]
    assert len([name for name in names if name.endswith(".png")]) == 4
    assert described.git.line("rev-list", "--count", BRANCH) == "2"


@pytest.mark.parametrize("plots", [Plots.AUTO, Plots.BRANCH])
def test_where_the_token_may_not_write_the_comment_draws_them_itself(forge: Forge, plots: Plots) -> None:
    us = client(forge, forge.state.token("ghs_fork", FORK_TOKEN))
    found = figures(REPORT, plots, us, PLACE, SERVER)
    assert isinstance(found.shown[0], Drawing)
    assert len(found.notes) == (0 if plots is Plots.AUTO else 1)
    markdown = to_markdown(REPORT, found.shown)
    assert markdown.count("```mermaid\n") == 2
    assert ". In words: test/accuracy of each run: " in markdown
    assert len(markdown.encode()) < 65_000


def test_a_forge_that_fails_costs_the_pictures_and_nothing_else(forge: Forge, clock: TestClock) -> None:
    forge.state.faults.append(Fault("POST", "/git/trees", "before", 500, times=9))
    found = figures(REPORT, Plots.AUTO, client(forge, forge.state.token(), clock), PLACE, SERVER)
    assert isinstance(found.shown[0], Drawing)
    assert "figures are drawn in the comment: POST" in found.notes[0]


@pytest.mark.parametrize("kind", ["before", "after", "drop-after"])
def test_what_is_named_by_its_content_is_stored_again(forge: Forge, clock: TestClock, kind: str) -> None:
    for path in ("/git/blobs", "/git/trees", "/git/commits"):
        forge.state.faults.append(Fault("POST", path, kind, 502))
    found = figures(REPORT, Plots.BRANCH, client(forge, forge.state.token(), clock), PLACE, SERVER)
    assert found.notes == ()
    assert isinstance(found.shown[0], Link)


def test_mermaid_and_none_ask_the_forge_nothing(forge: Forge) -> None:
    us = client(forge, forge.state.token())
    assert isinstance(figures(REPORT, Plots.MERMAID, us, PLACE, SERVER).shown[0], Drawing)
    assert figures(REPORT, Plots.NONE, us, PLACE, SERVER).shown == ()
    assert isinstance(figures(REPORT, Plots.AUTO, None, PLACE, SERVER).shown[0], Drawing)
    assert forge.state.requests == []
    assert "Figure, in words: " in to_markdown(REPORT)


def test_reports_at_the_same_moment_lose_no_figure(forge: Forge) -> None:
    forge.state.token()
    forge.state.jitter_s = 0.003

    def report(run: int) -> None:
        upload(client(forge, "ghs_own"), {f"digits/{run:019d}.1/a/{i}.png": b"%d" % run for i in range(2)}, "x")

    threads = [threading.Thread(target=report, args=(run,)) for run in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {entry["path"] for entry in forge.git.tree(BRANCH)}
    assert names == {"README.md", *(f"digits/{run:019d}.1/a/{i}.png" for run in range(1, 5) for i in range(2))}


def test_a_full_branch_is_followed_by_a_new_one_and_only_the_one_before_is_kept(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    us = client(forge, forge.state.token())
    monkeypatch.setattr(data_branch, "is_full", lambda there, added: is_full(there, added, most_files=5))
    branches = [upload(us, {f"digits/{run}/{i}.png": b"%d" % run for i in range(2)}, "x") for run in range(1, 8)]
    assert branches == [f"{PREFIX}{number}" for number in (1, 1, 2, 2, 3, 3, 4)]
    assert [name for name, _ in forge.git.branches(PREFIX)] == [f"{PREFIX}3", f"{PREFIX}4"]
    assert forge.git.line("rev-list", "--count", f"{PREFIX}4") == "1"  # nothing of the others in its history
    assert {entry["path"] for entry in forge.git.tree(f"{PREFIX}3")} == {
        "README.md", *(f"digits/{run}/{i}.png" for run in (5, 6) for i in range(2))
    }  # fmt: skip


def test_a_branch_of_somebody_elses_is_not_counted(forge: Forge) -> None:
    us = client(forge, forge.state.token())
    for name in ("old", "0", "٣", "1x", "99999999999"):
        forge.git.commit_files({"a": b"a"}, branch=f"{PREFIX}{name}")
    assert upload(us, {"digits/1/0.png": b"1"}, "x") == BRANCH


def test_that_an_old_branch_cannot_be_deleted_costs_nothing(forge: Forge, clock: TestClock) -> None:
    for number in (1, 2):
        forge.git.commit_files({"a": b"a" * 9}, branch=f"{PREFIX}{number}")
    forge.state.faults.append(Fault("DELETE", "/git/refs", "before", 403))
    big = {"digits/1/0.png": b"1" * (MOST_BYTES - 5)}
    assert upload(client(forge, forge.state.token(), clock), big, "x") == f"{PREFIX}3"


def an_entry(size: int) -> TreeEntry:
    return TreeEntry(path="a", mode="100644", type="blob", sha="s", size=size)


@given(st.lists(st.integers(0, 40), max_size=30), st.lists(st.integers(0, 40), max_size=9), st.integers(0, 300))
def test_a_branch_is_full_where_the_new_ones_do_not_fit(there: list[int], added: list[int], most: int) -> None:
    found = is_full(list(map(an_entry, there)), list(map(an_entry, added)), most, 12)
    assert found == (bool(there) and (sum(there) + sum(added) > most or len(there) + len(added) > 12))


def test_an_address_says_where_and_nothing_else() -> None:
    found = data_branch.address(SERVER, "acme/train", BRANCH, data_branch.folder_of(PLACE))
    assert re.fullmatch(r"https://github\.com/acme/train/blob/ml-experiment-data-1/[\w./-]+\?raw=true", found)
