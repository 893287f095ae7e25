"""The stored baseline, `baselines/<experiment>.json`: accepted runs and where they come from."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from experiment.errors import CannotJudge
from experiment.snapshot import Snapshot
from experiment.untrusted import Untrusted, parse_json
from experiment.value import Value
from experiment.wording import first_fault

SCHEMA_VERSION: Literal[1] = 1


class Acceptance(Value):
    """When a baseline was accepted and what was said about it."""

    at: str  # ISO 8601, UTC
    tool_version: str
    note: str = ""


class Baseline(Value):
    """A snapshot somebody accepted as the level to hold."""

    schema_version: Literal[1] = SCHEMA_VERSION
    accepted: Acceptance
    snapshot: Snapshot


class NoBaseline(CannotJudge):
    """There is no baseline file."""


class UnreadableBaseline(CannotJudge):
    """The baseline file is there and cannot be used; the text says why and what to do."""


class OtherExperiment(UnreadableBaseline):
    """The baseline belongs to another experiment."""


def dumps(baseline: Baseline) -> str:
    """The file's text: declared order, one line per run, package, file and curve column, so that a diff can be read."""
    return _lines(baseline.model_dump(mode="json"), 0) + "\n"


def _lines(node: Any, depth: int) -> str:
    compact = json.dumps(node, ensure_ascii=False, allow_nan=False)
    if not isinstance(node, (dict, list)):
        return compact
    nested = any(isinstance(v, (dict, list)) for v in (node.values() if isinstance(node, dict) else node))
    column = isinstance(node, list) and not nested
    if column or not node or (len(compact) <= 110 and not nested) or depth >= 5:
        return compact
    pad, end = "  " * (depth + 1), "  " * depth
    if isinstance(node, dict):
        inner = [f"{pad}{json.dumps(k, ensure_ascii=False)}: {_lines(v, depth + 1)}" for k, v in node.items()]
        return "{\n" + ",\n".join(inner) + f"\n{end}}}"
    inner = [f"{pad}{json.dumps(v, ensure_ascii=False, allow_nan=False)}" for v in node]
    return "[\n" + ",\n".join(inner) + f"\n{end}]"


def loads(data: bytes, *, name: str, experiment: str | None = None) -> Baseline:
    """Read a baseline; `name` is how messages call the file, `experiment` whose baseline it must be (None: any).

    Raises UnreadableBaseline for bytes that are not one and for a newer schema, OtherExperiment for another's.
    """
    remedy = "take it from git again (git checkout), or store a new one with: ml-experiment baseline accept"
    try:
        tree = parse_json(data)
    except Untrusted as error:
        raise UnreadableBaseline(f"{name}: the baseline cannot be read: {error}\n  {remedy}") from None
    version = tree.get("schema_version") if isinstance(tree, dict) else None
    if type(version) is not int:  # true is one, says Python
        raise UnreadableBaseline(f"{name}: not a baseline (no schema_version)\n  {remedy}")
    if version > SCHEMA_VERSION:
        raise UnreadableBaseline(
            f"{name}: written by a newer ml-experiment (schema {version}, this one reads {SCHEMA_VERSION})\n"
            "  update ml-experiment, or store a new baseline with: ml-experiment baseline accept"
        )
    try:
        baseline = Baseline.model_validate_json(json.dumps(tree))
    except ValidationError as error:
        raise UnreadableBaseline(f"{name}: not a valid baseline: {first_fault(error)}\n  {remedy}") from None
    found = baseline.snapshot.experiment
    if experiment is not None and found != experiment:
        raise OtherExperiment(
            f"{name}: the baseline of another experiment: found {found!r}, expected {experiment!r}\n"
            "  correct 'experiment' or 'baseline.file' in ml-experiment.yaml"
        )
    return baseline


def load(path: Path, *, experiment: str | None = None) -> Baseline:
    """Read the baseline at `path`. Raises NoBaseline, UnreadableBaseline."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NoBaseline(f"{path}: no baseline yet\n  store one with: ml-experiment baseline accept") from None
    except OSError as error:
        raise UnreadableBaseline(f"{path}: the baseline cannot be read: {error.strerror}") from None
    return loads(data, name=str(path), experiment=experiment)
