"""Reading `ml-experiment.yaml`: every refusal names file, line, key, what was found and what would be right."""

import json
import os
import re
import warnings
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, TaggedScalar
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scalarbool import ScalarBoolean

from experiment.errors import Refused
from experiment.spec import FILE_NAME, Experiment
from experiment.wording import Location, key_of, problems, shown

MAX_VALUES = 100_000
MAX_DEPTH = 32
MAX_PROBLEMS = 20
_SCALARS = (bool, int, float, str, date)  # a datetime is a date


class NoExperimentFile(Refused):
    """There is no ml-experiment.yaml where it was looked for."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: no experiment file\n"
            "  write one with: ml-experiment init\n"
            f"  or name the folder that holds one: ml-experiment reproduce FOLDER\n"
            "nothing was run"
        )


class WrongExperimentFile(Refused):
    """The experiment file cannot be used as it stands."""


@dataclass(frozen=True)
class _Place:
    line: int  # from 0
    column: int
    width: int


def load(path: Path) -> Experiment:
    """Read the experiment file at `path` (a file or the folder it lies in).

    Raises NoExperimentFile or WrongExperimentFile, whose text lists every problem found.
    """
    file = path / FILE_NAME if path.is_dir() else path
    if file.is_symlink() and not Path(os.path.realpath(file)).is_relative_to(file.parent.resolve()):
        # a stranger's link to a file of this machine: what is refused is shown with its lines
        raise WrongExperimentFile(
            f"{file}: a link that leads out of its folder\n  put the file itself there\nnothing was run"
        )
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise NoExperimentFile(file) from None
    except UnicodeDecodeError as error:
        raise WrongExperimentFile(f"{file}: not UTF-8 text: {error.reason}\nnothing was run") from None
    except OSError as error:
        raise WrongExperimentFile(f"{file}: cannot be read: {error.strerror}\nnothing was run") from None
    return parse(text, name=str(file), default_name=file.resolve().parent.name)


def parse(text: str, *, name: str, default_name: str) -> Experiment:
    """`text` as an Experiment. `name` is how messages call the file; `default_name` the experiment's name if absent.

    Raises WrongExperimentFile, whose text lists every problem found.
    """
    lines = text.splitlines()
    tree = _tree(text, name, lines)
    if not isinstance(tree, CommentedMap):
        raise WrongExperimentFile(
            f"{name}: expected keys with values, found {shown(_plain(tree))}\n  the smallest file:\n"
            "    command: python train.py\n    environment: {lock: requirements.lock}\nnothing was run"
        )
    written = _plain(tree)
    written.setdefault("experiment", re.sub(r"[^A-Za-z0-9_.\-]+", "-", default_name).strip("-_.")[:64] or "experiment")
    try:
        return Experiment.model_validate_json(json.dumps(written))
    except ValidationError as error:
        found = [(_place(tree, where), what, hint) for where, what, hint in problems(error, written)]
        found.sort(key=lambda problem: problem[0].line if problem[0] else -1)
        messages = [_message(name, lines, place, what, hint) for place, what, hint in found]
        more = [f"and {len(messages) - MAX_PROBLEMS} more"] if len(messages) > MAX_PROBLEMS else []
        raise WrongExperimentFile("\n".join([*messages[:MAX_PROBLEMS], *more, "nothing was run"])) from None


def _tree(text: str, name: str, lines: list[str]) -> Any:
    """The YAML tree with the places of its keys, checked to be a tree of plain values."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ReusedAnchorWarning)  # which of the two an alias means is the reader's guess
            tree = YAML(typ="rt").load(text)
    except ReusedAnchorWarning as error:
        told = str(error).strip()
        line, column = map(int, re.findall(r", line ([0-9]+), column ([0-9]+)", told)[-1])
        problem = f"{told.splitlines()[0]}; give each anchor a name of its own"
        raise _wrong(name, lines, _Place(line - 1, column - 1, 1), problem) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _Place(mark.line, mark.column, 1) if mark else None
        problem = (error.problem or "not YAML").split("\n")[0].removeprefix("but ")
        raise _wrong(name, lines, place, f"not YAML: {problem}") from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise WrongExperimentFile(
            f"{name}:{line}: not YAML: the character U+{error.character:04X} is not allowed\nnothing was run"
        ) from None
    except (YAMLError, ValueError, RecursionError) as error:
        problem = "nested too deeply" if isinstance(error, RecursionError) else str(error).split("\n")[0]
        raise WrongExperimentFile(f"{name}: not YAML: {problem}\nnothing was run") from None
    _refuse_unusual(tree, name, lines)
    return tree


def _refuse_unusual(tree: Any, name: str, lines: list[str]) -> None:
    """Refuse what has no end or no plain form. Aliases make trees that hold themselves, or grow without bound."""
    todo: list[tuple[Location, Any]] = [((), tree)]
    seen = 0
    while todo:
        seen += 1
        if seen + len(todo) > MAX_VALUES:
            raise WrongExperimentFile(f"{name}: more than {MAX_VALUES} values, aliases followed\nnothing was run")
        where, node = todo.pop()
        if isinstance(node, dict):
            inner = [((*where, str(key)), value) for key, value in node.items()]
        elif isinstance(node, list):
            inner = [((*where, index), value) for index, value in enumerate(node)]
        elif isinstance(node, str) and "\0" in node:
            raise _wrong(name, lines, _place(tree, where), f"{key_of(where)}: text with a NUL character")
        elif node is None or isinstance(node, (*_SCALARS, TaggedScalar)):
            continue
        else:
            raise _wrong(name, lines, _place(tree, where), f"{key_of(where)}: a YAML type that has no meaning here")
        if len(where) >= MAX_DEPTH:
            raise _wrong(name, lines, _place(tree, where), f"nested deeper than {MAX_DEPTH}")
        todo.extend(inner)


def _plain(node: Any) -> Any:
    """The tree as JSON types; a date is the text it is written as."""
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    if isinstance(node, ScalarBoolean):  # a boolean with an anchor; ruamel makes it an integer
        return bool(node)
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return None if node is None else str(node.value if isinstance(node, TaggedScalar) else node)


def _place(tree: Any, where: Location) -> _Place | None:
    """Where in the file the deepest written part of `where` stands; None where no part of it is written."""
    place, node = None, tree
    for part in where:
        try:
            if isinstance(node, CommentedMap):
                line, column = node.lc.key(part)
                place = _Place(line, column, len(str(part)))
            else:
                line, column = node.lc.item(part)
                place = _Place(line, column, 1 if isinstance(node[part], (dict, list)) else len(str(node[part])))
            node = node[part]
        except (KeyError, IndexError, TypeError, AttributeError):  # not written here, or merged from elsewhere (<<)
            break
    return place


def _wrong(name: str, lines: list[str], place: _Place | None, what: str) -> WrongExperimentFile:
    return WrongExperimentFile(_message(name, lines, place, what, "") + "\nnothing was run")


def _message(name: str, lines: list[str], place: _Place | None, what: str, hint: str) -> str:
    """`file:line: what`, the line itself, and a caret under the key."""
    if place is None or place.line >= len(lines):
        line = f":{place.line + 1}" if place else ""
        return f"{name}{line}: {what}" + (f"\n  {hint}" if hint else "")
    number = str(place.line + 1)
    gutter = " " * len(number)
    caret = " " * place.column + "^" * max(1, min(place.width, len(lines[place.line]) - place.column))
    return (
        f"{name}:{number}: {what}\n  {number} │ {lines[place.line]}\n  {gutter} │ {caret}{' ' + hint if hint else ''}"
    )
