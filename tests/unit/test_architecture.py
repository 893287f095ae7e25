"""The plan of the house: what may lean on what, and what every module says of itself."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("experiment", "runner", "reporting", "action")
MAY_IMPORT = {
    "experiment": {"experiment"},
    "runner": {"runner", "experiment"},
    "reporting": {"reporting", "experiment"},
    "action": {"action", "reporting", "runner", "experiment"},
    "runner/recorder": {"runner.recorder"},
}
RECORDER = "runner/recorder"
MODULES = sorted(path.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LONGEST = 350
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


def tree_of(module: str) -> ast.Module:
    return ast.parse((ROOT / module).read_text(encoding="utf-8"), module)


def imports_of(module: str) -> set[str]:
    """Dotted names of everything a module imports, at its top or inside functions, relative ones resolved."""
    package = Path(module).parent.parts
    found: set[str] = set()
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*above, *([node.module] if node.module else [])])
            found |= {f"{origin}.{alias.name}" for alias in node.names}
    return found


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def owner(module: str) -> str:
    return RECORDER if module.startswith(f"{RECORDER}/") else module.partition("/")[0]


def test_the_modules_are_found() -> None:
    assert {"experiment/spec.py", "reporting/decision.py", "runner/recorder/__init__.py"} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_leans_only_on_what_lies_below_it(module: str) -> None:
    ours = {name for name in imports_of(module) if any(within(name, package) for package in (*PACKAGES, "tests"))}
    allowed = MAY_IMPORT[owner(module)]
    assert {name for name in ours if not any(within(name, package) for package in allowed)} == set()


@pytest.mark.parametrize("module", [module for module in MODULES if owner(module) == RECORDER])
def test_the_recorder_needs_nothing_but_the_standard_library(module: str) -> None:
    roots = {name.split(".")[0] for name in imports_of(module)}
    own = {"runner", "_ml_experiment_recorder"}  # relative imports resolve to the first, its start goes by the second
    assert roots - set(sys.stdlib_module_names) - own == set()


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_first_what_it_is_for(module: str) -> None:
    docstring = ast.get_docstring(tree_of(module)) or ""
    assert len(docstring.split("\n")[0]) > 20, "the first line of the docstring is the module's reason to exist"


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_one_reason_to_exist_and_the_length_of_it(module: str) -> None:
    assert len((ROOT / module).read_text(encoding="utf-8").splitlines()) <= LONGEST
    assert Path(module).stem not in VAGUE
