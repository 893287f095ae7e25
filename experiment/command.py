"""The command with its placeholders: `{seed}`, `{param}`; `{{name}}` stands for `{name}`, `${VAR}` is the shell's."""

import difflib
import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from enum import Enum, auto

from experiment.value import Scalar


class UnknownPlaceholder(ValueError):
    """The command names a placeholder that is neither `seed` nor a parameter. `of` is the command's key."""

    def __init__(self, name: str, known: Collection[str], of: str = "command") -> None:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {{{near[0]}}}?" if near else f"; known: {', '.join(f'{{{k}}}' for k in known)}"
        super().__init__(f"unknown placeholder {{{name}}}{hint} (write {{{{{name}}}}} for literal braces)")
        self.of = of


class UnquotablePlaceholder(ValueError):
    """A placeholder stands where no quoting makes every value one argument. `of` is the command's key."""

    def __init__(self, name: str, place: str, variable: str, of: str = "command") -> None:
        super().__init__(
            f'placeholder {{{name}}} inside {place} cannot be quoted safely; write "${{{variable}}}" there'
            f" (write {{{{{name}}}}} for literal braces)"
        )
        self.of = of


class _Kind(Enum):
    TEXT = auto()  # goes to the shell as it is
    NAME = auto()  # a placeholder


class _Quote(Enum):
    NONE = ""
    SINGLE = "'"
    DOUBLE = '"'


_NAME = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.\-]*)\}")
_LITERAL = re.compile(r"\{(\{[A-Za-z_][A-Za-z0-9_.\-]*\})\}")
_VARIABLE = re.compile(r"\$\{[^{}'\"]*\}")
_COMMENT = re.compile(r"(?:(?<=[ \t\n;&|(])|\A)#[^\n]*")


def _pieces(command: str) -> Iterator[tuple[_Kind, str, _Quote, str]]:
    """The command in pieces: (kind, text or name, the quotes it stands in, the unquotable place it stands in or "").

    Follows the shell's quoting: within single quotes everything is literal; elsewhere a backslash keeps the next
    character from meaning anything, a brace included; a comment has no placeholders.
    """
    at, quote, place = 0, _Quote.NONE, ""
    while at < len(command):
        start, char = at, command[at]
        if match := _LITERAL.match(command, at):
            yield _Kind.TEXT, match[1], quote, place
            at = match.end()
            continue
        if match := _NAME.match(command, at):
            yield _Kind.NAME, match[1], quote, place
            at = match.end()
            continue
        if match := _VARIABLE.match(command, at):
            at = match.end()
        elif quote is not _Quote.SINGLE and char == "\\":
            at += 2
        elif quote is _Quote.NONE and (match := _COMMENT.match(command, at)):
            at = match.end()
        else:
            # Quotes nested in such a place follow other rules, so all that comes after it counts as within.
            place = place or _unquotable(command, at, quote)
            if char == quote.value:
                quote = _Quote.NONE
            elif quote is _Quote.NONE and char in "'\"":
                quote = _Quote(char)
            at += 1
        yield _Kind.TEXT, command[start:at], quote, place


_UNQUOTABLE = {
    _Quote.NONE: {"`": "backquotes", "<<": "a here-document", "$'": "$'…'", "${": "${…}"},
    _Quote.DOUBLE: {"$(": "a command substitution within double quotes", "`": "backquotes", "${": "${…}"},
    _Quote.SINGLE: {},
}


def _unquotable(command: str, at: int, quote: _Quote) -> str:
    return next((place for sign, place in _UNQUOTABLE[quote].items() if command.startswith(sign, at)), "")


def placeholders(command: str) -> list[str]:
    """Names in the command, in order of appearance."""
    return [text for kind, text, _, _ in _pieces(command) if kind is _Kind.NAME]


def check(command: str, known: Collection[str], of: str = "command") -> None:
    """Raise UnknownPlaceholder or UnquotablePlaceholder for the first name without a value or where none can stand.

    `known` holds the names that have a value, `seed` included where it has one; `of` is the command's key.
    """
    for kind, name, _, place in _pieces(command):
        if kind is not _Kind.NAME:
            continue
        if name not in known:
            raise UnknownPlaceholder(name, known, of)
        if place:
            raise UnquotablePlaceholder(name, place, "ML_EXPERIMENT_SEED" if name == "seed" else variable(name), of)


def text(value: Scalar) -> str:
    """A parameter as a command line shows it: true/false in lower case, floats so that they read back to the bit."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def fill(command: str, params: Mapping[str, Scalar], seed: int) -> str:
    """The command as the shell gets it: every value quoted, whatever quotes the placeholder stands in.

    Raises UnknownPlaceholder where a name has no value, UnquotablePlaceholder where a value cannot stand.
    """
    values: dict[str, Scalar] = {**params, "seed": seed}
    check(command, values)
    filled = []
    for kind, piece, quote, _ in _pieces(command):
        if kind is _Kind.NAME:
            quoted = shlex.quote(text(values[piece]))
            # 'a{x}b' becomes 'a'<value>'b': the open quotes end before the value and begin again after it.
            filled.append(f"{quote.value}{quoted}{quote.value}")
        else:
            filled.append(piece)
    return "".join(filled)


def variable(name: str) -> str:
    """The environment variable that holds the parameter `name`: ML_EXPERIMENT_PARAM_LR for `lr`."""
    return f"ML_EXPERIMENT_PARAM_{re.sub(r'[^A-Za-z0-9]', '_', name).upper()}"


def variables(params: Mapping[str, Scalar], seed: int) -> dict[str, str]:
    """The same values as environment variables: ML_EXPERIMENT_SEED, and `variable(name)` for each parameter."""
    return {"ML_EXPERIMENT_SEED": str(seed), **{variable(name): text(value) for name, value in params.items()}}
