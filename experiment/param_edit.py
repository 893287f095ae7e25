"""New values under `params` in an experiment file's text: comments, layout and everything else stay as they are."""

import json
from collections.abc import Mapping

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from experiment.value import Scalar

_Edit = tuple[int, int, str]  # from, to, text


class CannotEdit(ValueError):
    """The text is not laid out in a way that can be edited with certainty."""


def with_params(text: str, values: Mapping[str, Scalar]) -> str:
    """The text with these values under `params`; keys that are not there are added. Raises CannotEdit."""
    try:
        tree = YAML(typ="rt").compose(text)
    except YAMLError as error:
        raise CannotEdit(f"not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(tree, MappingNode):
        raise CannotEdit("not a mapping")
    found = _value(tree, "params")
    if found is None:
        line = "" if text.endswith("\n") or not text else "\n"
        return f"{text}{line}params: {{{', '.join(_pair(name, value) for name, value in values.items())}}}\n"
    if not isinstance(found, MappingNode):
        raise CannotEdit("params: not a mapping")
    edits = [_replaced(found, name, value) for name, value in values.items() if _value(found, name) is not None]
    added = {name: value for name, value in values.items() if _value(found, name) is None}
    if added:
        edits.append(_added(text, found, added))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _value(mapping: MappingNode, name: str) -> Node | None:
    return next((value for key, value in mapping.value if isinstance(key, ScalarNode) and key.value == name), None)


def _replaced(mapping: MappingNode, name: str, value: Scalar) -> _Edit:
    node = _value(mapping, name)
    if not isinstance(node, ScalarNode) or node.anchor or node.style in ("|", ">"):
        raise CannotEdit(f"params.{name}: not a plain value")
    return node.start_mark.index, node.end_mark.index, written(value)


def _added(text: str, mapping: MappingNode, values: Mapping[str, Scalar]) -> _Edit:
    pairs = [_pair(name, value) for name, value in values.items()]
    if mapping.flow_style:
        at = mapping.end_mark.index - 1
        at -= len(text[:at]) - len(text[:at].rstrip(" "))
        return at, at, (", " if mapping.value else "") + ", ".join(pairs)
    key = mapping.value[0][0]
    line = text.rfind("\n", 0, key.start_mark.index) + 1
    indent = text[line : key.start_mark.index]
    if indent.strip():
        raise CannotEdit("params: its first key does not start its line")
    return line, line, "".join(f"{indent}{pair}\n" for pair in pairs)


def _pair(name: str, value: Scalar) -> str:
    return f"{name}: {written(value)}"


def written(value: Scalar) -> str:
    """A value as YAML: text in double quotes, where JSON and YAML agree; numbers so that they read back to the bit."""
    return value if isinstance(value, str) and value.isalpha() and _is_text(value) else json.dumps(value)


def _is_text(value: str) -> bool:
    return value.lower() not in ("true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf")
