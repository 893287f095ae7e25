"""What an experiment file may contain, for editors (JSON Schema) and for the manual, both made from the spec.

`python -m experiment.schema` writes both files again.
"""

import ast
import inspect
import json
import re
from pathlib import Path
from typing import Any

from experiment import registration, search, spec, sweep_policy
from experiment.spec import Experiment
from experiment.wording import FORMS

ROOT = Path(__file__).resolve().parent.parent
SCHEMA_FILE = ROOT / "experiment" / "ml-experiment.schema.json"
MANUAL_FILE = ROOT / "docs" / "experiment-file.md"
_MODULES = (registration, search, spec, sweep_policy)

_INTRODUCTION = """# The experiment file

<!-- Made by `python -m experiment.schema` from experiment/spec.py: edit there. -->

`ml-experiment.yaml` says what is run, in which environment, and how the result is judged. `ml-experiment init` writes
one for an existing repository. Only `command` and `environment` have to be there:

```yaml
command: python train.py
environment: {lock: requirements.lock}
```

Paths are relative to the folder the file lies in. Unknown keys, wrong types and impossible values are refused with the
line they stand in (exit code 2) before anything runs. On a pull request the policy (what is judged, and how) is read
from the base commit.

Editors that know JSON Schema complete and check the file: point them at `experiment/ml-experiment.schema.json`.

## Everything at once

```yaml
"""

EXAMPLE = """experiment: primaries
environment:
  lock: requirements.lock
command: python train.py --epochs {epochs} --lr {lr} --seed {seed}
params: {epochs: 20, lr: 1e-3}
seeds: [0, 1, 2, 3, 4]
stages: {first: 1, escalate: 0.2}
alpha: 0.01
pairing: none
determinism: strict
data:
  - path: data/events.npz
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
metrics:
  test/auc: {goal: maximize, margin: 0.005}
  test/loss: {goal: minimize, tolerance: {rel: 1e-3}}
  test/accuracy: {goal: maximize, last: 100, quantum: 0.0001, pattern: 'accuracy = (?P<value>[0-9.]+)'}
  runtime_s: {goal: minimize, gate: false}
metric_files: [metrics.json]
artifacts: [model.keras]
evaluate:
  command: python evaluate.py --model model.keras
  data:
    - path: data/heldout.npz
      sha256: 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752
resources: {gpus: 1, cpus: 8, memory: 16GiB, shm: 2GiB, disk: 20GiB, timeout: 2h, network: none}
gate: {reproduce: required, baseline: non-inferior, no_baseline: fail}
baseline: {file: baselines/primaries.json}
sweep:
  trials: 60
  parallelism: 4
  sampler: tpe
  order: recorded
  objective: {test/auc: maximize}
  space: {lr: {float: [1e-4, 1e-1], log: true}, hidden: {int: [16, 256]}, act: {choice: [relu, tanh]}}
  on_pull_request: best
  limits: {trials: 200, parallelism: 16, time: 12h}
notify: [{on: [regressed, error], url: "${SLACK_URL}"}]
hooks: [my_package.hooks]
"""

_COMMAND = """
## The command

The shell runs it in the experiment's folder. `{seed}` and `{parameter}` are replaced by the run's values, quoted so
that each reaches the program as one argument or part of one, also within quotes: `--config '{"lr": {lr}}'`. The same
values are in the environment, as `ML_EXPERIMENT_SEED` and `ML_EXPERIMENT_PARAM_LR`. `{{name}}` stands for `{name}`;
`${NAME}` is left to the shell, and so are comments and what follows a backslash. Where no quoting is safe (in a
here-document, or in a command substitution within double quotes) a placeholder is refused: use the variable there.
"""


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of an experiment file. It accepts every file that the loader accepts."""
    made = Experiment.model_json_schema()
    definitions = made.pop("$defs")
    for name, definition in {"Experiment": made, **definitions}.items():
        texts = _descriptions().get(name, {})
        definition.pop("title", None)
        for key, value in definition.get("properties", {}).items():
            value.pop("title", None)
            value["description"] = texts[key]
            if "patternProperties" in value:
                value["additionalProperties"] = False
    made["required"].remove("experiment")  # the loader takes the folder's name
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": spec.FILE_NAME}
    return {**head, **made, "$defs": dict(sorted(definitions.items()))}


def _descriptions() -> dict[str, dict[str, str]]:
    """Class -> key -> the docstring below the field, read from the source: Python does not keep it."""
    found: dict[str, dict[str, str]] = {}
    for node in (node for module in _MODULES for node in ast.parse(inspect.getsource(module)).body):
        if isinstance(node, ast.ClassDef):
            texts = found.setdefault(node.name, {})
            for field, below in zip(node.body, node.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    assert isinstance(below, ast.Expr), f"{node.name}.{field.target.id} has no docstring"
                    texts[field.target.id.rstrip("_")] = str(ast.literal_eval(below.value))
    return found


def manual() -> str:
    """The manual's page on the experiment file, Markdown: every key with its meaning, form and default."""
    made = schema()
    definitions = made["$defs"]
    parts = [_INTRODUCTION, EXAMPLE, "```\n", _COMMAND, "\n## Keys\n\n", _table(made, definitions)]
    order = list(made["properties"])
    uses = {name: _uses(name, made, definitions) for name, kind in definitions.items() if "properties" in kind}
    for name, keys in sorted(uses.items(), key=lambda use: (order.index(re.split(r"\W", use[1][0])[0]), use[1])):
        text, table = definitions[name]["description"], _table(definitions[name], definitions)
        parts.append(f"\n### {', '.join(f'`{key}`' for key in keys)}\n\n{text}\n\n{table}")
    return "".join(parts)


def _table(definition: dict[str, Any], definitions: dict[str, Any]) -> str:
    required = definition.get("required", [])
    lines = ["| key | what it is | form | default |", "|:---|:---|:---|:---|"]
    for key, value in definition["properties"].items():
        default = "required" if key in required else _default(value)
        lines.append(f"| `{key}` | {value['description']} | {_form(value, definitions)} | {default} |")
    return "\n".join(lines) + "\n"


def _default(value: dict[str, Any]) -> str:
    default = value.get("default")
    return "" if default in (None, [], {}) or isinstance(default, dict) else f"`{json.dumps(default)}`"


def _form(value: dict[str, Any], definitions: dict[str, Any]) -> str:
    """The type of a value in words."""
    match value:
        case {"$ref": reference}:
            target = definitions[reference.rpartition("/")[2]]
            form = "keys below" if "properties" in target else _form(target, definitions)
        case {"enum": choices}:
            form = ", ".join(f"`{choice}`" for choice in choices)
        case {"anyOf": members}:
            forms = [_form(member, definitions) for member in members if member != {"type": "null"}]
            # Every whole number is a number.
            form = " or ".join(f for f in dict.fromkeys(forms) if f != "whole number" or "number" not in forms)
        case {"prefixItems": items}:
            form = f"[{', '.join(_form(item, definitions) for item in items)}]"
        case {"items": item}:
            form = f"list: {_form(item, definitions)}"
        case {"type": "object"}:
            inner = value.get("additionalProperties") or next(iter(value["patternProperties"].values()))
            form = f"names: {_form(inner, definitions)}"
        case _:
            form = FORMS.get(value.get("pattern", ""), _scalar(value))
    return form


def _scalar(value: dict[str, Any]) -> str:
    words = {"boolean": "`true`, `false`", "integer": "whole number", "number": "number", "string": "text"}
    bounds = {"minimum": "≥ ", "exclusiveMinimum": "> ", "maximum": "≤ "}
    return " ".join([words[value["type"]], *(f"{sign}{value[name]}" for name, sign in bounds.items() if name in value)])


def _uses(name: str, made: dict[str, Any], definitions: dict[str, Any]) -> list[str]:
    """The keys that hold a definition, with their path: `sweep.space.<name>`."""
    found = []
    for owner, definition in {"": made, **definitions}.items():
        for key, value in definition.get("properties", {}).items():
            if f'"#/$defs/{name}"' in json.dumps(value):
                inner = "[]" if value.get("type") == "array" else ".<name>" if value.get("type") == "object" else ""
                above = _uses(owner, made, definitions) if owner else [""]
                found += [f"{path}.{key}{inner}".removeprefix(".") for path in above]
    return found


def main() -> None:
    """Write the schema and the manual's page."""
    SCHEMA_FILE.write_text(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    MANUAL_FILE.write_text(manual(), encoding="utf-8")


if __name__ == "__main__":
    main()
