"""GitHub's OpenAPI description, as published on npm: every request and every answer of a test is held against it."""

import json
import os
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from jsonschema import ValidationError
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

VERSION = "23.0.2"
PACKAGE = "@octokit/openapi"
GITHUB, ENTERPRISE = "api.github.com", "ghes"
_BASE = "urn:github"


class Mismatch(AssertionError):
    """A request or an answer is not what GitHub documents."""


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "ml-experiment-tests" / f"octokit-openapi-{VERSION}"


def _generated() -> Path:
    """The folder with the descriptions, installed the first time."""
    folder = _cache()
    found = folder / "node_modules" / PACKAGE / "generated"
    if not (found / "api.github.com.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
        subprocess.run(["npm", "install", *options, f"{PACKAGE}@{VERSION}"], check=True, cwd=folder, timeout=300)
    return found


def _newest_enterprise(folder: Path) -> Path:
    def number(path: Path) -> tuple[int, ...]:
        found = re.fullmatch(r"ghes-(\d+)\.(\d+)\.json", path.name)
        return tuple(map(int, found.groups())) if found else ()

    return max((path for path in folder.glob("ghes-*.json") if number(path)), key=number)


@cache
def load(which: str) -> "Description":
    """The description of github.com (`GITHUB`) or of the newest Enterprise Server (`ENTERPRISE`)."""
    folder = _generated()
    path = _newest_enterprise(folder) if which == ENTERPRISE else folder / f"{which}.json"
    return Description(json.loads(path.read_text(encoding="utf-8")))


class Description:
    """One OpenAPI 3.0 description."""

    def __init__(self, tree: dict[str, Any]) -> None:
        _allow_null(tree)
        self._tree = tree
        resource: Resource[Any] = DRAFT4.create_resource(tree)
        self._registry: Registry[Any] = Registry().with_resource(_BASE, resource)

    def check_request(self, method: str, template: str, query: str, body: object | None) -> None:
        """Raise Mismatch where GitHub would not know a parameter, or the body is not of its form."""
        operation = self._operation(method, template)
        shared = self._tree["paths"][template].get("parameters", [])
        known = {self._resolved(p)["name"]: self._resolved(p) for p in [*shared, *operation.get("parameters", [])]}
        for name, values in parse_qs(query, keep_blank_values=True).items():
            if name not in known or known[name]["in"] != "query":
                raise Mismatch(f"{method} {template}: unknown parameter {name}")
            schema = self._resolved(known[name]["schema"])
            value: Any = int(values[0]) if schema.get("type") == "integer" else values[0]
            self._validate(schema, value, f"{method} {template}?{name}")
        wanted = operation.get("requestBody")
        if body is not None:
            if wanted is None:
                raise Mismatch(f"{method} {template}: takes no body")
            schema = self._resolved(wanted)["content"]["application/json"]["schema"]
            self._known_keys(schema, body, f"{method} {template}")
            self._validate(schema, body, f"{method} {template} body")

    def complete_answer(self, method: str, template: str, status: int, body: Any) -> Any:
        """`body` with everything else GitHub always sends, checked. Raises Mismatch."""
        answers = self._operation(method, template)["responses"]
        if str(status) not in answers:
            raise Mismatch(f"{method} {template}: {status} is not documented")
        content = self._resolved(answers[str(status)]).get("content", {})
        if not content:
            return body
        schema = content["application/json"]["schema"]
        whole = self._completed(schema, body)
        self._validate(schema, whole, f"{method} {template} -> {status}")
        return whole

    def _known_keys(self, schema: dict[str, Any], body: object, where: str) -> None:
        """GitHub ignores what it does not know, so a misspelt key would pass: refuse it."""
        schema = self._resolved(schema)
        names = set(schema.get("properties", {}))
        for inner in [*schema.get("oneOf", []), *schema.get("anyOf", []), *schema.get("allOf", [])]:
            names |= set(self._resolved(inner).get("properties", {}))
        if isinstance(body, dict) and names and set(body) - names:
            raise Mismatch(f"{where}: unknown keys {sorted(set(body) - names)}")

    def _operation(self, method: str, template: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._tree["paths"][template][method.lower()]
        except KeyError:
            raise Mismatch(f"{method} {template} is not in the description") from None
        return found

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            node: Any = self._tree
            for piece in schema["$ref"].removeprefix("#/").split("/"):
                node = node[piece.replace("~1", "/").replace("~0", "~")]
            schema = node
        return schema

    def _validate(self, schema: dict[str, Any], value: Any, where: str) -> None:
        rooted = {"$ref": f"{_BASE}{schema['$ref']}"} if "$ref" in schema else _rooted(schema)
        validator = OAS30Validator(rooted, registry=self._registry)
        error = next(iter(sorted(validator.iter_errors(value), key=lambda e: len(e.absolute_path))), None)
        if error is not None:
            raise Mismatch(f"{where}: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")

    def _completed(self, schema: dict[str, Any], value: Any) -> Any:
        schema = self._resolved(schema)
        if value is None:
            return None
        for inner in schema.get("allOf", []):
            value = self._completed(inner, value)
        choices = schema.get("anyOf") or schema.get("oneOf")
        if choices:
            return self._first_valid(choices, value)
        if isinstance(value, list):
            return [self._completed(schema.get("items", {}), one) for one in value]
        if not isinstance(value, dict):
            return value
        properties = schema.get("properties", {})
        whole = {key: self._completed(properties.get(key, {}), inner) for key, inner in value.items()}
        for key in schema.get("required", []):
            if key not in whole:
                whole[key] = self._example(properties.get(key, {}), key)
        return whole

    def _first_valid(self, choices: list[dict[str, Any]], value: Any) -> Any:
        for choice in choices:
            whole = self._completed(choice, value)
            try:
                self._validate(choice, whole, "")
            except Mismatch:
                continue
            return whole
        return value

    def _example(self, schema: dict[str, Any], key: str) -> Any:
        schema = self._resolved(schema)
        if schema.get("nullable") and not {"oneOf", "anyOf"} & set(schema):
            return None
        if "enum" in schema:
            return schema["enum"][0]
        for choice in [*schema.get("allOf", [])[:1], *schema.get("anyOf", [])[:1], *schema.get("oneOf", [])[:1]]:
            return self._example(choice, key)
        match schema.get("type"):
            case "object" | None if "properties" in schema or schema.get("type") == "object":
                return self._completed(schema, {})
            case "array":
                return []
            case "integer" | "number":
                return 1
            case "boolean":
                return False
        by_format = {"date-time": "2026-11-24T12:00:00Z", "uri": f"https://example.org/{key}", "email": "a@example.org"}
        return by_format.get(schema.get("format", ""), key)


def _allow_null(node: Any) -> None:
    """What is nullable may be null though its list of values does not say so: GitHub means it so, and sends it."""
    if isinstance(node, dict):
        if node.get("nullable") is True and isinstance(node.get("enum"), list) and None not in node["enum"]:
            node["enum"].append(None)
        for inner in node.values():
            _allow_null(inner)
    elif isinstance(node, list):
        for inner in node:
            _allow_null(inner)


def _rooted(node: Any) -> Any:
    """The schema with its references made absolute."""
    if isinstance(node, dict):
        return {
            key: f"{_BASE}{value}" if key == "$ref" and isinstance(value, str) else _rooted(value)
            for key, value in node.items()
            if key != "discriminator"  # oneOf says the same, and its references are not found from here
        }
    return [_rooted(one) for one in node] if isinstance(node, list) else node


__all__ = ["ENTERPRISE", "GITHUB", "Description", "Mismatch", "ValidationError", "load"]
