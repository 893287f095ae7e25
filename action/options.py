"""What commands of the terminal have in common: options, how they are read, and where output goes."""

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from action.endings import say

if TYPE_CHECKING:
    from action.screen import Screen

Folder = Annotated[Path, typer.Argument(help="The folder with ml-experiment.yaml, or the file itself.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else there.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Run everything again, also what is recorded already.")]
Seeds = Annotated[
    str | None, typer.Option("--seeds", help="Which seeds: 0,1,2 or 0-9. Default: the experiment file's.")
]
Environment = Annotated[
    Literal["image", "dockerfile", "lock"] | None,
    typer.Option("--environment", help="Which of the declared environments to run in. Default: the file's choice."),
]
BuildArgs = Annotated[
    list[str] | None, typer.Option("--build-arg", help="NAME=VALUE for the Dockerfile; may be given several times.")
]


def parse_seeds(text: str | None) -> tuple[int, ...] | None:
    """The seeds of `--seeds`; BadParameter says what was found."""
    from action.seeds import WrongSeeds
    from action.seeds import parse_seeds as parse

    try:
        return None if text is None else parse(text)
    except WrongSeeds as error:
        raise typer.BadParameter(str(error), param_hint="--seeds") from None


def parse_build_args(given: list[str] | None) -> dict[str, str]:
    """`NAME=VALUE` each; BadParameter says what was found."""
    found: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--build-arg")
        found[name] = value
    return found


def print_json(found: dict[str, object]) -> None:
    """One object on standard output."""
    say(json.dumps(found, allow_nan=False))


def screen_for(as_json: bool) -> "Screen":
    """The view on standard output, or on standard error where that is kept for JSON."""
    from rich.console import Console

    from action.screen import Screen

    return Screen(Console(stderr=as_json, highlight=False, soft_wrap=True))


class Starter(StrEnum):
    """A starter workflow, by the name of its file."""

    REPRODUCE = "reproduce"
    REPORT = "report"
    BASELINE = "baseline"
    SWEEP = "sweep"
