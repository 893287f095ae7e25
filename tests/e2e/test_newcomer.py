"""From a repository with a script to a gated pull request, by the commands of docs/getting-started.md alone."""

import re
from pathlib import Path

import pytest
from act_runs import Copy, as_act_can, our_action
from container_bed import Bed
from forge.server import Forge
from manual_blocks import ROOT, lines
from manual_runs import mine, run_lines

from action.comment import read

pytestmark = [pytest.mark.docker, pytest.mark.go, pytest.mark.network]


def test_the_first_pull_request_that_costs_is_stopped(tmp_path: Path, forge: Forge, bed: Bed) -> None:
    repository = mine(tmp_path, {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    shown = [line for line in lines(ROOT / "docs/getting-started.md") if line.command != "./bootstrap"]
    codes, said = run_lines(repository, shown)
    assert codes == [line.code for line in shown], said[-3000:]
    copy = Copy(repository.folder, forge, bed, our_action(tmp_path / "action", bed))
    copy.rewrite(".github/workflows/reproduce.yml", as_act_can)
    copy.git("remote", "set-url", "origin", "https://github.com/acme/train")
    copy.commit("What act cannot do")
    copy.push("main")
    copy.git("checkout", "-q", "-b", "topic")
    copy.rewrite("train.py", lambda text: text.replace("default=0.5", "default=0.1"))
    copy.commit("Learn more slowly")
    done = copy.run("pull_request", copy.pull_request("acme/train"), "reproduce.yml")
    assert (done.outputs["verdict"], done.outputs["passed"]) == ("regressed", "false"), done.log[-3000:]
    (check,) = forge.state.checks.values()
    assert (check["name"], check["conclusion"]) == ("ml-experiment / mine", "failure")
    (comment,) = forge.state.comments.values()
    text = read(comment["body"])
    assert text is not None
    assert re.match(r"### mine: \*\*regressed\*\* — `loss` rose by 0\.4", text.body)
