"""What Python files say without being run: options they take, modules they import, files they name to read."""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

MAX_BYTES = 1_000_000
MAX_FOLLOWED = 200
_SEED = re.compile(
    r"--?(?:(?:random|rand|rng|global|manual|torch|np|numpy|training|train)[-_]?)?(?:seed|random[-_]?state)s?", re.I
)
_OPTION_CALLS = {"add_argument", "option", "Option", "add_option", "argument"}
_FLAG_CALLS = {"DEFINE_integer", "DEFINE_int"}
_READ_CALLS = re.compile(r"^(?:read|read_\w+|load|load_\w+|loadtxt|loadmat|genfromtxt|from_csv|imread|File|Path)$")


@dataclass(frozen=True, eq=False)
class PythonFile:
    """One parsed file; `path` is relative to the folder that was searched, with forward slashes."""

    path: str
    tree: ast.Module

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node, outer ones first."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def imports(self) -> frozenset[str]:
        """Dotted names of all modules imported; those of `from . import x` are resolved against the file's folder."""
        return self._imported(self.nodes)

    @cached_property
    def needed_imports(self) -> frozenset[str]:
        """Imports without those that may fail: tried, with an answer to ImportError."""
        tried = [node for node in self.nodes if isinstance(node, ast.Try) and any(map(_catches_import, node.handlers))]
        optional = {id(inner) for node in tried for outer in node.body for inner in ast.walk(outer)}
        return self._imported(node for node in self.nodes if id(node) not in optional)

    def _imported(self, nodes: Iterable[ast.AST]) -> frozenset[str]:
        found: set[str] = set()
        package = PurePosixPath(self.path).parent.parts
        for node in nodes:
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                above = package[: max(0, len(package) - node.level + 1)] if node.level else ()
                base = ".".join([*above, *([node.module] if node.module else [])])
                found |= {base, *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)} - {""}
        return frozenset(found)

    @cached_property
    def imports_relatively(self) -> bool:
        """Whether it only works as a part of its package: `python -m`."""
        return any(isinstance(node, ast.ImportFrom) and node.level for node in self.nodes)

    @cached_property
    def called(self) -> frozenset[str]:
        """Names of everything called, the last part only: `fit` for `model.fit(...)`."""
        return frozenset(name for node in self.nodes if isinstance(node, ast.Call) and (name := _name(node)))

    @cached_property
    def is_started(self) -> bool:
        """Whether it has an `if __name__ == "__main__"`."""
        tests = [node.test for node in self.tree.body if isinstance(node, ast.If)]
        return any(isinstance(n, ast.Name) and n.id == "__name__" for test in tests for n in ast.walk(test))

    @cached_property
    def acts(self) -> bool:
        """Whether it does something when run, apart from defining things."""
        passive = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
        return self.is_started or any(
            isinstance(node, (ast.For, ast.While, ast.With))
            or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
            for node in self.tree.body
            if not isinstance(node, passive)
        )

    @cached_property
    def seed_option(self) -> str | None:
        """The option that takes the seed, such as `--seed`."""
        return next((option for option in self._options() if _SEED.fullmatch(option)), None)

    def _options(self) -> Iterator[str]:
        for node in self.nodes:
            if isinstance(node, ast.Call) and _name(node) in _OPTION_CALLS:
                names = [text for text in _texts(node.args) if text.startswith("-")]
                yield from sorted(names, key=lambda name: not name.startswith("--"))
            elif isinstance(node, ast.Call) and _name(node) in _FLAG_CALLS:
                yield from (f"--{text}" for text in _texts(node.args[:1]))

    @cached_property
    def read_names(self) -> frozenset[str]:
        """Last parts of file names written out in calls that read: `events.csv` of `pd.read_csv("in/events.csv")`."""
        names: set[str] = set()
        for node in self.nodes:
            if not isinstance(node, ast.Call):
                continue
            name = _name(node) or ""
            if _READ_CALLS.match(name) or (name == "open" and not _writes(node)):
                names |= {PurePosixPath(text).name for text in _texts([*node.args, *(k.value for k in node.keywords)])}
        return frozenset(names)


def _catches_import(handler: ast.ExceptHandler) -> bool:
    names = (
        {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)} if handler.type else {"Exception"}
    )
    return bool(names & {"ImportError", "ModuleNotFoundError", "Exception"})


def _name(call: ast.Call) -> str | None:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def _texts(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for outer in nodes:
        for node in ast.walk(outer):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def _writes(call: ast.Call) -> bool:
    given = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "mode"), *call.args[:1]]
    modes = [node.value for node in given if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return any(re.fullmatch(r"[wax]b?\+?t?|r\+b?", mode) for mode in modes)


def read(folder: Path, path: str) -> PythonFile | None:
    """The file at `path` below `folder`; None where it cannot be read or is not Python."""
    try:
        file = folder / path
        if file.stat().st_size > MAX_BYTES:
            return None
        with warnings.catch_warnings(action="ignore"):  # SyntaxWarning: their escapes are not our affair
            return PythonFile(path, ast.parse(file.read_bytes(), path))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def with_local_imports(start: PythonFile, parsed: dict[str, PythonFile]) -> list[PythonFile]:
    """`start` and every file of the repository it imports, directly or through others. `parsed`: path -> file."""
    found, todo = {start.path: start}, [start]
    while todo and len(found) < MAX_FOLLOWED:
        file = todo.pop(0)
        for module in sorted(file.imports):
            for path in local_paths(module, file.path):
                if path in parsed and path not in found:
                    found[path] = parsed[path]
                    todo.append(parsed[path])
    return list(found.values())


def local_paths(module: str, importer: str) -> Iterator[str]:
    """Where a module of the repository could lie: beside the importer, at the top, or in src/."""
    inner = module.replace(".", "/")
    for base in dict.fromkeys([PurePosixPath(importer).parent.as_posix(), ".", "src"]):
        prefix = "" if base == "." else f"{base}/"
        yield f"{prefix}{inner}.py"
        yield f"{prefix}{inner}/__init__.py"
