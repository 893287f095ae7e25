"""Metric files the script writes itself: JSON, JSON lines, YAML, CSV and TSV, read into curves."""

import json
import math
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiment.curves import Curve, split_series
from experiment.errors import Refused
from runner.metric_names import metric_name
from runner.metric_tables import STEP_NAMES, BadTable, table_rows

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 30
MAX_NAMES = 5_000
MAX_POINTS = 10_000_000
MAX_NODES = 1_000_000  # YAML's aliases make a small file a tree without end
_SEPARATORS = {".csv": ",", ".tsv": "\t"}


class UnreadableMetricFile(Refused):
    """The file is not what its name says; the text names file, line and what was found."""


def read(path: Path, name: str) -> list[Curve]:
    """Every number in the file as a curve; `name` is how the file is called in messages and in `Curve.source`.

    Nested keys are joined with "/". A lone number has step 0. A list of numbers is a curve with steps from 1; each
    object of a list, and each line of a table, is a point of every number in it, at its `step`, `epoch`, `iteration` or
    `batch`, or at its position from 1. NaN and the infinities are kept. `time` is 0 throughout: files do not say.

    Raises UnreadableMetricFile; OSError passes through.
    """
    found_there = path.stat()
    if not stat.S_ISREG(found_there.st_mode):  # reading a pipe would wait for ever
        raise UnreadableMetricFile(f"{name}: not a regular file")
    size = found_there.st_size
    if size > MAX_BYTES:
        raise UnreadableMetricFile(f"{name}: {size} bytes, more than the {MAX_BYTES} of a metric file that are read")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        found = f"byte 0x{error.object[error.start]:02x}"
        raise UnreadableMetricFile(f"{name}:{line}: expected UTF-8 text, found {found}") from None
    suffix = path.suffix.lower()
    if suffix not in _SEPARATORS:
        return points_of(_tree(text, suffix, name), f"file {name}")
    try:
        return points_of(list(table_rows(text, _SEPARATORS[suffix])), f"file {name}")
    except BadTable as error:
        raise UnreadableMetricFile(f"{name}:{error.line}: {error}") from None


def points_of(tree: Any, source: str) -> list[Curve]:
    """The curves in JSON-like data: mappings, lists, numbers; all else in it is passed over."""
    found = _Points(source)
    found.add("", tree, 0)
    return found.curves()


def _tree(text: str, suffix: str, name: str) -> Any:
    if suffix in (".yaml", ".yml"):
        return _yaml(text, name)
    if suffix in (".jsonl", ".ndjson"):
        return _json_lines(text, name)
    try:
        return _json(text)
    except json.JSONDecodeError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if error.msg == "Extra data" and lines and _is_json(lines[0]):
            return _json_lines(text, name)
        raise UnreadableMetricFile(f"{name}:{error.lineno}: not JSON: {error.msg}: {_quoted(text, error)}") from None
    except (ValueError, RecursionError) as error:
        raise UnreadableMetricFile(f"{name}:1: not JSON that can be read: {error}") from None


def _json(text: str) -> Any:
    return json.loads(text)  # takes NaN, Infinity and -Infinity, as Python's own writer gives them


def _is_json(line: str) -> bool:
    try:
        _json(line)
    except (ValueError, RecursionError):
        return False
    return True


def _json_lines(text: str, name: str) -> list[Any]:
    found = []
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(_json(line))
        except (ValueError, RecursionError):
            if number == len(lines) and not text.endswith("\n"):
                break  # the writer was ended in the middle of its last line
            raise UnreadableMetricFile(f"{name}:{number}: not a line of JSON: {line[:80]!r}") from None
    return found


def _yaml(text: str, name: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    reader = YAML(typ="safe", pure=True)
    reader.max_depth = MAX_DEPTH
    try:
        return reader.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise UnreadableMetricFile(f"{name}:{line}: not YAML: {error.problem or error.context}") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise UnreadableMetricFile(f"{name}:1: not YAML: {str(error).splitlines()[0]}") from None


def _quoted(text: str, error: json.JSONDecodeError) -> str:
    lines = text.splitlines()
    return repr(lines[error.lineno - 1][:80]) if 0 < error.lineno <= len(lines) else "the file is empty"


def number(value: object) -> float | None:
    """A JSON or YAML number as a double, or None; integers beyond a double's range are infinite."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


@dataclass
class _Points:
    source: str
    steps: dict[str, list[int]] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)
    nodes: int = 0
    points: int = 0

    def add(self, name: str, node: Any, depth: int) -> None:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            return
        value = number(node)
        if value is not None:
            self._point(name or "value", 0, value)
        elif isinstance(node, Mapping):
            for key, inner in node.items():
                self.add(f"{name}/{key}" if name else str(key), inner, depth + 1)
        elif isinstance(node, list):
            self._add_list(name, node)

    def _add_list(self, name: str, node: list[Any]) -> None:
        if node and all(isinstance(entry, Mapping) for entry in node):
            self.add_rows(name, node)
            return
        numbers = [value for value in map(number, node) if value is not None]
        if len(numbers) < len(node):
            return  # words, or a matrix: no curve
        for step, value in enumerate(numbers, 1):
            self._point(name or "value", step, value)

    def add_rows(self, name: str, rows: Iterable[Mapping[Any, Any]]) -> None:
        for index, row in enumerate(rows, 1):
            flat = dict(self._flat(row, "", 0))
            column = next((key for key in flat if key.rpartition("/")[2].lower() in STEP_NAMES), None)
            given = flat.pop(column) if column is not None else None
            step = int(given) if given is not None and given.is_integer() and abs(given) < 2**53 else index
            for key, value in flat.items():
                self._point(f"{name}/{key}" if name else key, step, value)

    def _flat(self, row: Mapping[Any, Any], name: str, depth: int) -> Iterable[tuple[str, float]]:
        for key, inner in row.items():
            self.nodes += 1
            path = f"{name}/{key}" if name else str(key)
            value = number(inner)
            if value is not None:
                yield path, value
            elif isinstance(inner, Mapping) and depth < MAX_DEPTH and self.nodes < MAX_NODES:
                yield from self._flat(inner, path, depth + 1)

    def _point(self, name: str, step: int, value: float) -> None:
        metric = metric_name(name)
        self.points += 1
        if self.points <= MAX_POINTS and (metric in self.steps or len(self.steps) < MAX_NAMES):
            self.steps.setdefault(metric, []).append(step)
            self.values.setdefault(metric, []).append(value)

    def curves(self) -> list[Curve]:
        return [
            curve
            for metric, steps in self.steps.items()
            for curve in split_series(metric, self.source, steps, self.values[metric], [0.0] * len(steps))
        ]
