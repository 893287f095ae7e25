"""The manual as a site: built strictly, and every command in it is one there is."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from action.cli import app

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
COMMAND = re.compile(r"(?:^|`)(ml-experiment [a-z][^`#\n|]*)", re.MULTILINE)


def commands(page: Path) -> list[list[str]]:
    return [shlex.split(found.strip()) for found in COMMAND.findall(page.read_text(encoding="utf-8"))]


def test_it_builds_without_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "index.html").exists()
    assert "fonts.googleapis" not in (tmp_path / "site" / "index.html").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_one_there_is(page: Path) -> None:
    root = get_command(app)
    for _, *words in commands(page):
        command = root
        while words and hasattr(command, "commands") and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        assert command is not root, f"{page.name}: ml-experiment {' '.join(words)}"
        known = {option for parameter in command.params for option in parameter.opts}
        assert [word for word in words if word.startswith("--") and word.split("=")[0] not in known] == []


def test_the_commands_of_getting_started_are_found() -> None:
    found = [words[1:3] for words in commands(ROOT / "docs/getting-started.md")]
    assert found == [["init"], ["reproduce"], ["baseline", "accept"], ["reproduce"], ["init", "--workflow"]]
