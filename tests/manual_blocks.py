"""Commands that README and manual show: shell blocks line by line, and commands within sentences."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("examples/*/README.md")))
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_EXIT_CODE = re.compile(r"#.*\bexit code (\d+)")
_SHELL = ("sh", "bash", "console", "")


@dataclass(frozen=True)
class Line:
    """One line of a shell block. `code`: how it ends, by its own comment."""

    page: Path
    text: str
    code: int

    @property
    def command(self) -> str:
        """Without the comment."""
        return " ".join(shlex.split(self.text, comments=True))


def lines(page: Path) -> list[Line]:
    """What the page's shell blocks have, in its order."""
    found = []
    for kind, block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        for text in block.splitlines() if kind in _SHELL else ():
            if text.strip() and not text.startswith("#"):
                code = _EXIT_CODE.search(text)
                found.append(Line(page, text.strip(), int(code[1]) if code else 0))
    return found


def blocks(page: Path, kind: str) -> list[str]:
    """The page's blocks of one kind."""
    return [block for found, block in _BLOCK.findall(page.read_text(encoding="utf-8")) if found == kind]


def spoken_of(page: Path) -> Iterator[str]:
    """Our commands within the page's sentences, and those of its blocks."""
    text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    yield from re.findall(r"`(ml-experiment (?!/)[^`]*)`", text)
    for line in lines(page):
        yield from re.findall(r"(?<![\w/])(ml-experiment [^&|#]*)", line.text.partition(" #")[0])
