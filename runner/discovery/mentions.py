"""Commands that a repository's own words name: `python train.py --epochs 5` in a README, a Makefile, a shell script."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MAX_BYTES = 500_000
_PLACES = (  # in the order they are believed
    re.compile(r"README(\.\w+)?", re.I),
    re.compile(r"Makefile|justfile|Snakefile|Dockerfile", re.I),
    re.compile(r"(?:.*/)?[\w.-]+\.sh"),
    re.compile(r"\.github/workflows/[\w.-]+\.ya?ml"),
    re.compile(r"docs?/[\w.-]+\.(?:md|rst)", re.I),
)
_COMMAND = re.compile(
    r"(?<![\w./-])(?P<variables>(?:[A-Z][A-Z0-9_]*=[^\s$`;&|<>\"']+ +)*)"
    r"(?:(?:uv|poetry|pipenv|pdm) +run +)?"
    r"(?:python(?:3(?:\.\d+)?)? +(?:-u +)?(?P<target>-m +[\w.]+|[\w./-]+\.py)|(?P<bare>(?<=run )[\w./-]+\.py))"
    r"(?P<rest>[^\n`|;&<>#]*)"
)
_PLACEHOLDER = re.compile(r"\.\.\.|…|/path/|path/to|\$|\[|\]|YOUR|your[-_]|%s|\\$|[*?]|^[^\"]*\"[^\"]*$")
_MACHINE = re.compile(r"(?:CUDA_VISIBLE_DEVICES|PYTHONPATH|OMP_NUM_THREADS)=\S+ +")


@dataclass(frozen=True)
class Mention:
    """A command found in the file `place`. `script` is a path as written, or a dotted module after `-m`."""

    place: str
    script: str
    variables: str  # "A=1 " or ""
    rest: str  # arguments, stripped
    complete: bool  # False: with placeholders, or cut; it shows the script is run, not how


def find(folder: Path, files: Iterable[str]) -> list[Mention]:
    """All mentions in the `files` of `folder`, the most believable place first, in the order they stand there."""
    names = list(files)
    return [
        mention
        for place in _PLACES
        for name in sorted(names, key=lambda path: (path.count("/"), path))
        if place.fullmatch(name)
        for mention in _in_text(name, _text(folder / name))
    ]


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _in_text(place: str, text: str) -> Iterator[Mention]:
    joined = re.sub(r"\\\r?\n\s*", " ", text)
    for match in _COMMAND.finditer(joined):
        target = match["target"] or match["bare"]
        rest = " ".join(match["rest"].split()).rstrip(".,:)'*")
        after = joined[match.end() : match.end() + 1]
        complete = after not in ("<",) and not _PLACEHOLDER.search(rest)
        script = target.removeprefix("-m").strip() if target.startswith("-m") else str(PurePosixPath(target))
        yield Mention(place, script, _MACHINE.sub("", match["variables"]), rest if complete else "", complete)
