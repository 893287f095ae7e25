"""Reading `ml-experiment.yaml`: every refusal names file, line, key, what was found and what would be right."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from experiment.errors import Refused
from experiment.spec import FILE_NAME, Experiment


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
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise NoExperimentFile(file) from None
    except UnicodeDecodeError as error:
        raise WrongExperimentFile(f"{file.name}: not UTF-8 text ({error.reason})\nnothing was run") from None
    return parse(text, name=file.name, default_name=file.resolve().parent.name)


def parse(text: str, *, name: str, default_name: str) -> Experiment:
    """`text` as an Experiment. `name` is how messages call the file; `default_name` the experiment's name if absent."""
    lines = text.splitlines()
    try:
        tree = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _Place(mark.line, mark.column, 1) if mark else _Place(0, 0, 1)
        problem = (error.problem or "not YAML").split("\n")[0]
        raise WrongExperimentFile(
            _message(name, lines, place, f"not YAML: {problem}", "") + "\nnothing was run"
        ) from None
    except (YAMLError, ValueError) as error:
        raise WrongExperimentFile(f"{name}: not YAML: {error}\nnothing was run") from None
    if not isinstance(tree, CommentedMap):
        found = "nothing" if tree is None else f"a {_kind(tree)}"
        raise WrongExperimentFile(
            f"{name}: expected keys and values, found {found}\n  the smallest file:\n"
            "    command: python train.py\n    environment: {lock: requirements.lock}\nnothing was run"
        )
    plain = _plain(tree)
    plain.setdefault("experiment", default_name)
    try:
        return Experiment.model_validate_json(json.dumps(plain, default=str))
    except ValidationError as error:
        problems = sorted(_problems(error), key=lambda p: _place(tree, p[0]).line)
        messages = [_message(name, lines, _place(tree, at), what, hint) for at, what, hint in problems]
        raise WrongExperimentFile("\n".join([*messages, "nothing was run"])) from None


def _plain(node: Any) -> Any:
    """The tree without ruamel's classes, as JSON types."""
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


def _problems(error: ValidationError) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """(where, what, hint) of each error, one per place: a union reports every member it tried."""
    seen: set[tuple[str | int, ...]] = set()
    for detail in error.errors(include_url=False):
        where = _real_location(detail["loc"])
        if where not in seen:
            seen.add(where)
            yield where, *_words(detail, where)


def _real_location(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """`loc` without the parts pydantic adds for union members and dictionary keys, which the file does not have."""
    added = ("[key]", "constrained", "tuple[", "literal[", "function-", "finite-", "lax-or-strict")
    members = {"bool", "int", "str", "float"}
    real = [p for i, p in enumerate(loc) if not (isinstance(p, str) and (p.startswith(added) or (i and p in members)))]
    return tuple(real)


def _words(detail: ErrorDetails, where: tuple[str | int, ...]) -> tuple[str, str]:
    """What is wrong, and what would be right."""
    key, found = ".".join(str(part) for part in where), detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(str(where[-1]), sorted(_keys_at(where[:-1])), 1)
            known = ", ".join(sorted(_keys_at(where[:-1])))
            return f"unknown key {key!r}", f"did you mean {near[0]!r}?" if near else f"known here: {known}"
        case "missing":
            return f"missing key {key!r}", {"command": "for example: command: python train.py"}.get(key, "")
        case "value_error":
            return f"{key or 'experiment'}: {detail['msg'].removeprefix('Value error, ')}", ""
        case "enum" | "literal_error":
            expected = str(detail.get("ctx", {}).get("expected", ""))
            near = difflib.get_close_matches(
                str(found), [e.strip("' ") for e in expected.replace(" or ", ",").split(",")], 1
            )
            hint = f"did you mean {near[0]!r}?" if near else ""
            return f"{key}: expected {expected}, found {found!r}", hint
        case "string_pattern_mismatch":
            pattern = detail.get("ctx", {}).get("pattern", "")
            return f"{key}: {_shown(found)} does not have the form {pattern}", ""
        case _:
            wanted = detail["msg"].removeprefix("Input should be ").removeprefix("a valid ")
            return f"{key}: expected {wanted}, found {_shown(found)}", ""


def _shown(value: object) -> str:
    text = repr(value)
    return f"{_kind(value)} {text if len(text) <= 60 else text[:57] + '...'}"


def _kind(value: object) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "text"}
    if isinstance(value, (dict, CommentedMap)):
        return "mapping"
    if isinstance(value, (list, tuple, CommentedSeq)):
        return "list"
    return names.get(type(value), type(value).__name__)


@cache
def _models() -> dict[str, type[BaseModel]]:
    """Class name -> model, of every model the experiment file is made of."""
    found: dict[str, type[BaseModel]] = {}

    def walk(model: type[BaseModel]) -> None:
        found[model.__name__] = model
        for field in model.model_fields.values():
            for inner in _inner(field.annotation):
                if inner.__name__ not in found:
                    walk(inner)

    walk(Experiment)
    return found


def _inner(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _inner(argument)


def _keys_at(where: tuple[str | int, ...]) -> set[str]:
    """The keys allowed in the mapping at `where`."""
    model: type[BaseModel] | None = Experiment
    for part in where:
        if model is None:
            return set()
        by_key = {field.alias or name: field for name, field in model.model_fields.items()}
        if part in by_key:
            model = next(_inner(by_key[str(part)].annotation), None)
    return {field.alias or name for name, field in model.model_fields.items()} if model else set()


def _place(tree: Any, where: tuple[str | int, ...]) -> _Place:
    """Where in the file the deepest known part of `where` is written."""
    place, node = _Place(0, 0, 1), tree
    for part in where:
        try:
            if isinstance(node, CommentedMap) and part in node:
                line, column = node.lc.key(part)
                place = _Place(line, column, len(str(part)))
            elif isinstance(node, CommentedSeq) and isinstance(part, int):
                line, column = node.lc.item(part)
                place = _Place(line, column, len(str(node[part])) if not isinstance(node[part], (dict, list)) else 1)
            else:
                break
            node = node[part]
        except (KeyError, IndexError, TypeError):
            break
    return place


def _message(name: str, lines: list[str], place: _Place, what: str, hint: str) -> str:
    """`file:line: what`, the line itself, and a caret under the key."""
    number = str(place.line + 1)
    head = f"{name}:{number}: {what}"
    if place.line >= len(lines):
        return f"{head}\n  {hint}" if hint else head
    gutter = " " * len(number)
    caret = " " * place.column + "^" * max(1, place.width)
    return f"{head}\n  {number} │ {lines[place.line]}\n  {gutter} │ {caret}{' ' + hint if hint else ''}"
