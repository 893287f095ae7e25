"""T10: nothing from outside becomes a command, an option or a path of ours."""

import io
import json
from pathlib import Path

import pytest
from forge.server import Forge
from occasions import HEAD, a_pull_request, environment

from action import github
from action.base import Checkout, base_commit
from action.event import parse
from action.inputs import INPUTS

NASTY = ["$(touch stolen)", "`touch stolen`", "; touch stolen", "--upload-pack=touch stolen", "-c", "| touch stolen #"]


@pytest.mark.parametrize("value", NASTY)
@pytest.mark.parametrize("name", [*INPUTS])
def test_an_input_is_a_value_and_nothing_else(forge: Forge, tmp_path: Path, name: str, value: str) -> None:
    workspace = tmp_path / "workspace"
    given = environment(workspace, "pull_request", a_pull_request(), github_token=forge.state.token(), **{name: value})
    given["GITHUB_API_URL"] = forge.url
    assert github.run(given, io.StringIO()) == 2
    assert list(tmp_path.rglob("stolen")) == []
    assert forge.state.written() == []


@pytest.mark.parametrize("value", NASTY)
def test_a_branchs_name_never_reaches_a_command(tmp_path: Path, value: str) -> None:
    event = a_pull_request()
    for side in ("head", "base"):
        event["pull_request"][side]["ref"] = value
    asked = []

    def forge(base: str, head: str) -> str:
        asked.append((base, head))
        return HEAD

    found = base_commit(parse(json.dumps(event).encode(), "pull_request"), Checkout(tmp_path, HEAD, ()), forge)
    assert (found, asked) == (HEAD, [(value, HEAD)])  # an address, quoted by `part`
    assert list(tmp_path.rglob("stolen")) == []


@pytest.mark.parametrize("value", ["main", "--all", "a" * 39, "a" * 40 + "\n", "A" * 40, "a" * 39 + "é"])
def test_a_commit_is_forty_digits(value: str) -> None:
    event = a_pull_request()
    event["pull_request"]["head"]["sha"] = value
    with pytest.raises(Exception, match="String should match pattern") as error:
        parse(json.dumps(event).encode(), "pull_request")
    assert getattr(error.value, "exit_code", None) == 2
