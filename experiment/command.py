"""The command with its placeholders: `{seed}`, `{param}`; `{{` and `}}` stand for braces, `${VAR}` is the shell's."""

import difflib
import re
import shlex
from collections.abc import Mapping

from experiment.value import Scalar

_TOKEN = re.compile(r"\$\{[^}]*\}|\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_.\-]*)\}")


class UnknownPlaceholder(ValueError):
    """The command names a placeholder that is neither `seed` nor a parameter."""

    def __init__(self, name: str, known: list[str]) -> None:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {{{near[0]}}}?" if near else f"; known: {', '.join(f'{{{k}}}' for k in known)}"
        super().__init__(f"unknown placeholder {{{name}}}{hint} (write {{{{{name}}}}} for literal braces)")


def placeholders(command: str) -> list[str]:
    """Names in the command, in order of appearance."""
    return [match[1] for match in _TOKEN.finditer(command) if match[1]]


def check(command: str, params: Mapping[str, Scalar]) -> None:
    """Raise UnknownPlaceholder for the first name that has no value."""
    known = ["seed", *params]
    for name in placeholders(command):
        if name not in known:
            raise UnknownPlaceholder(name, known)


def text(value: Scalar) -> str:
    """A parameter as a command line shows it: true/false in lower case, floats so that they read back to the bit."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def fill(command: str, params: Mapping[str, Scalar], seed: int) -> str:
    """The command as the shell gets it, every value quoted. UnknownPlaceholder where a name has no value."""
    check(command, params)
    values: dict[str, Scalar] = {**params, "seed": seed}

    def replace(match: re.Match[str]) -> str:
        if match[1]:
            return shlex.quote(text(values[match[1]]))
        return {"{{": "{", "}}": "}"}.get(match[0], match[0])

    return _TOKEN.sub(replace, command)


def variables(params: Mapping[str, Scalar], seed: int) -> dict[str, str]:
    """The same values as environment variables: ML_EXPERIMENT_SEED, ML_EXPERIMENT_PARAM_LR for `lr`."""
    named = {f"ML_EXPERIMENT_PARAM_{re.sub(r'[^A-Za-z0-9]', '_', k).upper()}": text(v) for k, v in params.items()}
    return {"ML_EXPERIMENT_SEED": str(seed), **named}
