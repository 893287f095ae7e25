"""README, manual and command line name the same commands and exit codes."""

import re
from pathlib import Path

from action import cli, endings
from action.options import parse_seeds

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> set[str]:
    found = set()
    for info in cli.app.registered_commands:
        assert info.callback is not None
        found.add(info.name or info.callback.__name__)
    for info in cli.baseline_app.registered_commands:
        assert info.callback is not None
        found.add(f"baseline {info.name or info.callback.__name__}")
    return found


def test_the_readme_names_every_command_and_no_other() -> None:
    code = "\n".join([*re.findall(r"```sh\n(.*?)```", README, re.DOTALL), *re.findall(r"`([^`\n]+)`", README)])
    named = set(re.findall(r"ml-experiment ((?:baseline )?[a-z]+)", code))
    assert named == commands()


def test_the_entry_point_says_the_exit_codes_of_the_readme() -> None:
    listed = set(re.findall(r"^\| (\d+) \|", README, re.MULTILINE))
    assert cli.main.__doc__ is not None
    assert set(re.findall(r"\b(\d+)\b", cli.main.__doc__)) == listed
    assert {str(endings.CANCELLED), str(endings.BUG)} <= listed


def test_every_command_has_a_sentence_of_help() -> None:
    for info in (*cli.app.registered_commands, *cli.baseline_app.registered_commands):
        assert info.callback is not None
        assert (info.callback.__doc__ or "").split("\n")[0].endswith(".")


def test_seeds_are_numbers_ranges_or_both() -> None:
    assert parse_seeds(None) is None
    assert parse_seeds("3") == (3,)
    assert parse_seeds("0, 2,5-7") == (0, 2, 5, 6, 7)
    assert parse_seeds("0-999") == tuple(range(1000))
    assert parse_seeds("4294967295") == (2**32 - 1,)
