"""The JSON Schema for editors and the manual's page: made from the spec, committed, and true."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from strategies import values

from experiment import schema
from experiment.file import parse
from experiment.schema import EXAMPLE, MANUAL_FILE, SCHEMA_FILE
from experiment.spec import Experiment
from experiment.wording import FORMS

ROOT = Path(__file__).parents[2]
VALIDATOR = Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
EXAMPLES = sorted(ROOT.glob("examples/*/ml-experiment.yaml"))


def refusals(document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(document)]


def loaded(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def as_yaml(document: Any) -> str:
    """JSON is YAML once what YAML does not take as it is (DEL, surrogate pairs) is escaped its way."""
    text = json.dumps(document, ensure_ascii=False)
    return "".join(c if " " <= c <= "~" else f"\\U{ord(c):08x}" for c in text)


def test_the_committed_files_are_what_the_spec_makes() -> None:
    remedy = "make them again: python -m experiment.schema"
    assert json.loads(SCHEMA_FILE.read_text(encoding="utf-8")) == schema.schema(), remedy
    assert MANUAL_FILE.read_text(encoding="utf-8") == schema.manual(), remedy


def test_the_command_writes_both_files_as_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SCHEMA_FILE", "MANUAL_FILE"):
        monkeypatch.setattr(schema, name, tmp_path / name)
    schema.main()
    assert (tmp_path / "SCHEMA_FILE").read_bytes() == SCHEMA_FILE.read_bytes()
    assert (tmp_path / "MANUAL_FILE").read_bytes() == MANUAL_FILE.read_bytes()


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema.schema())


@settings(max_examples=100)
@given(values(Experiment))
def test_the_schema_accepts_what_the_loader_accepts(experiment: Experiment) -> None:
    document = json.loads(experiment.to_json())
    assume("\\u0000" not in json.dumps(document))  # the loader refuses NUL: no command line can hold it
    assert parse(as_yaml(document), name="e", default_name="e") == experiment
    assert refusals(document) == []


@pytest.mark.parametrize(
    "text", [EXAMPLE, *(path.read_text() for path in EXAMPLES)], ids=lambda text: text.split("\n")[0]
)
def test_the_loader_and_the_schema_accept_every_example(text: str) -> None:
    parse(text, name="ml-experiment.yaml", default_name="e")
    assert refusals(loaded(text)) == []


def test_the_schema_lets_the_folder_name_the_experiment() -> None:
    assert refusals({"command": "t", "environment": {"lock": "r.lock"}}) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"sedes": [0]},
        {"seeds": []},
        {"seeds": [-1]},
        {"determinism": "hard"},
        {"resources": {"memory": "16XB"}},
        {"resources": {"memory": 0}},
        {"resources": {"timeout": "2 parsecs"}},
        {"metrics": {"a b": {}}},
        {"metrics": {"a": {"margin": 0}}},
        {"params": {"1a": 3}},
        {"params": {"a": [1]}},
        {"sweep": {"objective": {"a": "maximize"}, "space": {"x": {"float": [1]}}}},
        {"gate": {"baseline": "maybe"}},
    ],
    ids=json.dumps,
)
def test_an_editor_marks_what_is_plainly_wrong(wrong: dict[str, Any]) -> None:
    assert refusals({"command": "t", "environment": {"lock": "r.lock"}, **wrong})


def test_the_example_of_the_manual_uses_every_key() -> None:
    assert set(loaded(EXAMPLE)) == set(Experiment.model_fields)


def test_every_form_that_can_be_refused_has_words() -> None:
    patterns = {
        node["pattern"] for node in _nodes(schema.schema()) if "pattern" in node and isinstance(node["pattern"], str)
    } | {name for node in _nodes(schema.schema()) for name in node.get("patternProperties", {})}
    units = {pattern for pattern in patterns if pattern.startswith(r"^\s*")}  # their own parser words these
    assert patterns - units <= set(FORMS)


def _nodes(node: Any) -> list[dict[str, Any]]:
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    return ([node] if isinstance(node, dict) else []) + [found for child in inner for found in _nodes(child)]
