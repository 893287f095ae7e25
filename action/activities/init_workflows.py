"""Starter workflows written where GitHub looks for them: nothing that is there is overwritten."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from action.activities.init import AlreadyThere, CannotWrite
from action.options import Starter
from experiment.atomic import write_whole
from runner import source

_STARTERS = Path(__file__).parents[2] / "workflows"
_PLACE = Path(".github", "workflows")
_EXPERIMENT = re.compile(r"# experiment: models/primaries.*")
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")


def check_free(folder: Path, starters: Sequence[Starter]) -> None:
    """Raise AlreadyThere where one of these files exists."""
    root = source.find(folder).root
    for path in _targets(root, starters).values():
        if path.exists():
            raise AlreadyThere(
                f"{path}: there is such a workflow already\n"
                "  for another experiment, add a step with its own `experiment:` to it; else move it away\n"
                "nothing was written"
            )


def write(folder: Path, starters: Sequence[Starter]) -> Iterator[str]:
    """Write them for the experiment in `folder`; lines for a person. Raises AlreadyThere, CannotWrite."""
    check_free(folder, starters)
    tree = source.find(folder)
    targets = _targets(tree.root, starters)
    try:
        for starter, path in targets.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, _text(starter, tree.folder).encode())
    except OSError as error:
        raise CannotWrite(
            f"{tree.root / _PLACE}: cannot be written: {error.strerror}\n  make room, or permit it"
        ) from None
    yield f"wrote {', '.join(str(path.relative_to(tree.root)) for path in targets.values())}"
    if Starter.REPRODUCE in targets and Starter.REPORT not in targets:
        yield "  pull requests from forks need a second one: ml-experiment init --workflow report"
    if Starter.BASELINE in targets:
        yield "  baseline.yml goes by pushes to main: say so in it where your default branch is called otherwise"
    yield "  each uses ml-experiment@v0: the release notes name the commit to pin it to"
    yield "look through them, then, on the default branch: git add .github && git commit && git push"


def _targets(root: Path, starters: Sequence[Starter]) -> dict[Starter, Path]:
    return {starter: root / _PLACE / f"{starter}.yml" for starter in dict.fromkeys(starters)}


def _text(starter: Starter, folder: str) -> str:
    """The starter, with the experiment's folder in it where that is not the repository's."""
    text = (_STARTERS / f"{starter}.yml").read_text(encoding="utf-8")
    text = text.replace(f"# Copy this to .github/workflows/{starter}.yml. ", "# ", 1)
    if folder == ".":
        return text
    named = folder if _PLAIN.fullmatch(folder) else json.dumps(folder)
    return _EXPERIMENT.sub(lambda _: f"experiment: {named}", text)
