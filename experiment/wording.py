"""What pydantic found wrong with an experiment file, in the words of somebody who writes one."""

import difflib
import json
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from experiment.command import UnknownPlaceholder, UnquotablePlaceholder
from experiment.names import (
    ARGUMENT_NAME,
    EXPERIMENT_NAME,
    METRIC_NAME,
    MODEL_ALIAS,
    PARAM_NAME,
    REGISTERED_ALIAS,
    REGISTERED_MODEL,
    SHA256,
)
from experiment.search import WrongSpace
from experiment.spec import Experiment

Location = tuple[str | int, ...]

FORMS = {
    EXPERIMENT_NAME: "a name of letters, digits, '.', '_' and '-', at most 64",
    METRIC_NAME: "a name of letters, digits and _ . / : @ % + = -, at most 64",
    PARAM_NAME: "a name that starts with a letter or '_', then letters, digits, '.', '_' and '-', at most 64",
    ARGUMENT_NAME: "a name of letters, digits and '_' that does not start with a digit",
    SHA256: "a SHA-256: 64 hexadecimal digits in lower case",
    MODEL_ALIAS: "models:/NAME@ALIAS",
    REGISTERED_MODEL: "a name without / : and @",
    REGISTERED_ALIAS: "a name of letters, digits, '_' and '-'; 'latest' and 'v1', 'v2' … are MLflow's own",
}
"""Pattern in the spec -> what has that form."""

_TYPES = {
    "tuple_type": "a list",
    "dict_type": "names with values",
    "model_type": "keys with values",
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "finite_number": "a finite number",
    "string_too_short": "text that is not empty",
}
_BOUNDS = {
    "greater_than": ("gt", "a number above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
    "string_too_long": ("max_length", "text no longer than"),
}


class Problem(NamedTuple):
    """One thing that is wrong: where in the file, what, and what would be right ("" where `what` says it)."""

    where: Location
    what: str
    hint: str


def problems(error: ValidationError, written: Any) -> list[Problem]:
    """Every problem of `error` once, apart from those that only follow from another. `written` is the file as JSON."""
    placed = [(_location(detail, written), detail) for detail in error.errors(include_url=False)]
    # A list whose entries are wrong is also "too short", and a value of no allowed type is wrong once per type.
    causes = [(where, d) for where, d in placed if not any(o[: len(where)] == where and o != where for o, _ in placed)]
    causes.sort(key=lambda cause: [str(part) for part in cause[0]])
    groups = groupby(causes, key=lambda cause: cause[0])
    return [Problem(where, *_words(where, [detail for _, detail in group])) for where, group in groups]


def _location(detail: ErrorDetails, written: Any) -> Location:
    """Where the error lies in what is written: pydantic adds parts for members of unions and for keys themselves."""
    fault = detail.get("ctx", {}).get("error")
    if isinstance(fault, (UnknownPlaceholder, UnquotablePlaceholder)):
        return tuple(fault.of.split("."))
    if isinstance(fault, WrongSpace):
        return tuple(part for part in fault.where if part)
    real: list[str | int] = []
    node = written
    for part in detail["loc"]:
        if isinstance(node, dict) and part in node:
            node = node[part]
        elif isinstance(node, list) and isinstance(part, int):
            node = node[part] if part < len(node) else None
        else:
            continue
        real.append(part)
    if detail["type"] == "missing":
        real += detail["loc"][len(real) :]
    return tuple(real)


def key_of(where: Location) -> str:
    """A location as people write it: `data[0].sha256`. What cannot be printed is escaped: it could steer a terminal."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in where]
    text = "".join(parts).removeprefix(".") or "the file"
    return text if text.isprintable() else repr(text)[1:-1]


def first_fault(error: ValidationError) -> str:
    """Where and why JSON that a program wrote is not the value it should be, in one line that is safe to print."""
    first = error.errors(include_url=False)[0]
    return f"{key_of(first['loc'])}: {first['msg']}"


def _words(where: Location, details: list[ErrorDetails]) -> tuple[str, str]:
    """What is wrong at one place, and what would be right."""
    detail, key = details[0], key_of(where)
    match detail["type"]:
        case "extra_forbidden":
            known = sorted(keys_at(where[:-1]))
            near = difflib.get_close_matches(str(where[-1]), known, 1)
            return f"unknown key '{key}'", f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(known)}"
        case "missing" if isinstance(where[-1], int):
            return f"{key_of(where[:-1])}: an entry is missing", "for example: [0.1, 0.5]"
        case "missing":
            example = {"command": "command: python train.py", "environment": "environment: {lock: requirements.lock}"}
            return f"missing key '{key}'", f"for example: {example[key]}" if key in example else ""
        case "value_error":
            return f"{key}: {detail['msg'].removeprefix('Value error, ')}", ""
    found = detail["input"]
    expected = list(dict.fromkeys(_expected(d) for d in details if not _implied(d, details)))
    return f"{key}: expected {_either(expected)}, found {shown(found)}", _suggestion(where, details)


def _implied(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """Whether another error at the same place says it better: every whole number is a number, inf is one of them."""
    types = {d["type"] for d in details}
    if "finite_number" in types:
        return detail["type"] != "finite_number"
    return detail["type"] in ("int_type", "int_from_float") and "float_type" in types


def _expected(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _TYPES:
        return _TYPES[kind]
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"{words} {context[name]:.15g}"
    if kind in ("too_short", "too_long"):
        bound = context.get("min_length", context.get("max_length"))
        return f"{'at least' if kind == 'too_short' else 'at most'} {bound} {'entry' if bound == 1 else 'entries'}"
    if kind == "string_pattern_mismatch":
        return FORMS[context["pattern"]]
    return str(context["expected"])  # enum and literal_error: 'a', 'b' or 'c'


def _either(words: list[str]) -> str:
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1]).replace(' or ', ', ')} or {words[-1]}"


def _suggestion(where: Location, details: list[ErrorDetails]) -> str:
    found = details[0]["input"]
    for detail in details:
        if detail["type"] in ("enum", "literal_error") and isinstance(found, str):
            choices = detail["ctx"]["expected"].replace(" or ", ", ").split(", ")
            near = difflib.get_close_matches(found, [choice.strip("'") for choice in choices], 1)
            if near:
                return f"did you mean '{near[0]}'?"
        if detail["type"] == "model_type":
            return f"keys here: {', '.join(sorted(keys_at(where)))}"
        if detail["type"] == "tuple_type" and len(details) == 1 and isinstance(found, (str, int, float)):
            return f"write [{shown(found).removeprefix('the text ')}]"
    return ""


def shown(value: Any) -> str:
    """A value as a message quotes it, in one line of at most about 60 characters."""
    if value is None:
        return "nothing"
    kinds: dict[type, str] = {str: "the text ", list: "the list ", dict: "the mapping "}
    text = repr(value) if isinstance(value, str) else json.dumps(value)
    return kinds.get(type(value), "") + (text if len(text) <= 60 else f"{text[:57]}...")


@cache
def keys_at(where: Location) -> frozenset[str]:
    """The keys allowed in the mapping at `where`; empty where any name is allowed."""
    annotation: Any = Experiment
    for part in where:
        model = next(_models_in(annotation), None)
        fields = {field.alias or name: field for name, field in model.model_fields.items()} if model else {}
        if part in fields:
            annotation = fields[str(part)].annotation
    model = next(_models_in(annotation), None)
    return frozenset(field.alias or name for name, field in model.model_fields.items()) if model else frozenset()


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
