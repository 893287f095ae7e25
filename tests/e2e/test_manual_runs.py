"""Every command of README and manual is run, in the order of its page, in a repository with a small training script."""

import re
import shlex
from pathlib import Path

import pytest
from manual_blocks import PAGES, ROOT, blocks, lines, spoken_of
from manual_runs import BEFORE_PAGE, mine, run_lines
from repositories import Repository
from typer.testing import CliRunner

from action.cli import app

NOT_RUN = {
    "./bootstrap": "sets up a clone: CI's own first step, word for word",
    "./bootstrap && .venv/bin/ml-experiment reproduce examples/digits": "CI runs it word for word",
    "./bootstrap dev && .venv/bin/pytest": "CI runs it word for word",
    "pip install ml-experiment[ray]": "no index has this version yet; the extra is in the lock of the tests",
    "ml-experiment sweep --executor ray --ray-address HEAD:6379": "needs a cluster; the tests of Ray start one",
    "ml-experiment sweep --executor ray --ray-address ray://HEAD:10001": "needs a cluster; the tests of Ray start one",
}
EXAMPLES = {f"examples/{name}/README.md" for name in ("digits", "keras-mnist-like")}  # CI runs each example


@pytest.mark.parametrize("page", [page for page in PAGES if lines(page)], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_line_of_a_shell_block_ends_as_its_page_says(page: Path, tmp_path: Path) -> None:
    if str(page.relative_to(ROOT)) in EXAMPLES:
        assert [line.command for line in lines(page)] == ["ml-experiment reproduce"]
        return
    shown = [line for line in lines(page) if line.command not in NOT_RUN]
    repository = mine(tmp_path, {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    codes, said = run_lines(repository, shown, BEFORE_PAGE.get(page.name, ":"))
    expected = {f"{n} {line.text}": line.code for n, line in enumerate(shown)}
    assert dict(zip(expected, codes, strict=True)) == expected, said[-4000:]


def test_what_is_not_run_is_shown_somewhere() -> None:
    assert set(NOT_RUN) <= {line.command for page in PAGES for line in lines(page)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_the_page_speaks_of_exists_with_its_options(page: Path) -> None:
    for command in spoken_of(page):
        words = [word for word in shlex.split(command)[1:] if re.fullmatch(r"[a-z-]+", word)]
        named = words[: 2 if words[:1] == ["baseline"] else 1] if not words or not words[0].startswith("-") else []
        helped = CliRunner().invoke(app, [*named, "--help"], env={"COLUMNS": "200"})
        assert helped.exit_code == 0, f"{page.name}: {command}"
        options = {word for word in shlex.split(command) if word.startswith("--")}
        assert [option for option in options if option not in helped.output] == [], f"{page.name}: {command}"


def test_experiment_files_of_the_manual_are_read(tmp_path: Path) -> None:
    read = 0
    for page in PAGES:
        for block in blocks(page, "yaml"):
            if block.startswith(("runs-on:", "if:", "- ", "with:", "env:", "steps:")):  # of a workflow
                continue
            made = Repository.make(tmp_path / str(read), {})
            text = block if "command:" in block else f"command: python train.py\n{block}"
            text = text if "environment:" in text else f"environment: {{lock: requirements.lock}}\n{text}"
            if "sweep:" in text and "objective:" not in text:  # one key of it
                text = f"{text.rstrip()}\n  objective: {{loss: minimize}}\n  space: {{lr: {{float: [0.1, 1.0]}}}}\n"
            made.write("ml-experiment.yaml", text)
            done = made.run("doctor", "--json")
            assert done.code != 2, done.err
            read += 1
    assert read >= 3
