"""One repository on the forge: its pull requests, checks, files and runs, asked with one token."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from action.forge.checks import Checks
from action.forge.clock import Clock
from action.forge.files import Files
from action.forge.pulls import Pulls
from action.forge.runs import Runs
from action.forge.transport import Transport

if TYPE_CHECKING:
    from action.inputs import Token


@dataclass(frozen=True)
class Forge:
    """What can be asked about a repository."""

    repository: str
    pulls: Pulls
    checks: Checks
    files: Files
    runs: Runs
    clock: Clock


def connect(api_url: str, repository: str, token: "Token", clock: Clock | None = None) -> Forge:
    """The repository at this API. Nothing is asked yet."""
    ask = Transport(api_url, token, clock)
    return Forge(
        repository, Pulls(ask, repository), Checks(ask, repository), Files(ask, repository), Runs(ask, repository),
        ask.clock,
    )  # fmt: skip
