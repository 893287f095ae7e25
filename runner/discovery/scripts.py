"""Finds the training script of a repository and the command that starts it, and says why it thinks so."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runner.discovery import mentions, python_files
from runner.discovery.mentions import Mention
from runner.discovery.python_files import PythonFile

MAX_FILES = 2_000
ENOUGH = 25  # a file below this is not proposed unless it is the only script there is

_NAMES = (
    (re.compile(r"train(?:er|ing)?", re.I), 40, "its name says training"),
    (re.compile(r"(?:.*[_\-])?(?:train|training|trainer|fit)(?:[_\-].*)?|train.*", re.I), 30, "its name says training"),
    (re.compile(r"main|experiment|benchmark", re.I), 15, "its name says it is the main script"),
    (re.compile(r"(?:run|main|experiment|model)(?:[_\-].*)?", re.I), 10, "its name says it runs something"),
)
_OTHER_JOBS = re.compile(
    r"(?:.*[_\-])?(?:test|tests|eval|evaluate|evaluation|predict|inference|infer|plot|plots|visuali[sz]e|download|"
    r"prepare|preprocess|convert|export|setup|conftest|serve|server|app|sample|generate|demo|config|utils?|dataset|"
    r"data|models?|version|get_.*|make_.*)(?:[_\-].*)?",
    re.I,
)
_OTHER_FOLDERS = {"test", "tests", "doc", "docs", "notebooks", "scripts_old", "third_party", "vendor", "build", "dist"}
_TRAINING_CALLS = {"fit", "partial_fit", "fit_transform", "fit_generator", "backward", "train_on_batch", "zero_grad"}
_TRAINING_CALLS |= {"train_step", "apply_gradients", "value_and_grad", "train_one_epoch", "cross_validate"}
_LIBRARIES = {"torch", "tensorflow", "keras", "sklearn", "jax", "xgboost", "lightgbm", "catboost", "flax", "fastai"}
_LIBRARIES |= {"lightning", "pytorch_lightning", "transformers", "statsmodels", "gymnasium", "stable_baselines3"}
_PARSERS = {"argparse", "click", "typer", "fire", "hydra", "absl", "docopt", "simple_parsing", "tyro", "jsonargparse"}
_PLAIN_BRACES = re.compile(r"(\{[A-Za-z_][A-Za-z0-9_.\-]*\})")


@dataclass(frozen=True)
class Script:
    """A way to start a training. `files` are the script and what it imports of the repository."""

    path: str
    command: str
    seed_option: str | None  # "--seed" where the command has it with {seed}
    score: int
    reasons: tuple[str, ...]
    files: tuple[PythonFile, ...]


def find(folder: Path, files: Iterable[str]) -> list[Script]:
    """Scripts that could be the training, the likeliest first; empty where nothing points to one.

    `files` are paths relative to `folder`. Where the folder has only one script, it is taken whatever it is called.
    """
    names = sorted(files, key=lambda path: (path.count("/"), path))
    python = [path for path in names if path.endswith(".py")][:MAX_FILES]
    parsed = {file.path: file for path in python if (file := python_files.read(folder, path)) is not None}
    said = _resolved(mentions.find(folder, names), parsed, _project_scripts(folder))
    imported = {p for f in parsed.values() for m in f.imports for p in python_files.local_paths(m, f.path)}
    runnable = [f for f in parsed.values() if f.acts and PurePosixPath(f.path).name not in ("setup.py", "conftest.py")]
    rated = [_rated(file, parsed, said.get(file.path, []), file.path in imported) for file in runnable]
    likely = [script for script in rated if script.score >= ENOUGH]
    if not likely and len(runnable) == 1:
        likely = [_with_reason(rated[0], "the only script there is")]
    return sorted(likely, key=lambda script: (-script.score, script.path.count("/"), script.path))


def started_by(folder: Path, files: Iterable[str], command: str) -> tuple[PythonFile, ...]:
    """The scripts that `command` names and what they import of the repository; empty where it names none."""
    python = [path for path in files if path.endswith(".py")][:MAX_FILES]
    parsed = {file.path: file for path in python if (file := python_files.read(folder, path)) is not None}
    found: dict[str, PythonFile] = {}
    for word in re.findall(r"[\w./\-]+", command):
        inner = word.replace(".", "/")
        for path in (str(PurePosixPath(word)), f"{inner}.py", f"{inner}/__main__.py", f"src/{inner}.py"):
            if path in parsed:
                found |= {file.path: file for file in python_files.with_local_imports(parsed[path], parsed)}
    return tuple(found.values())


def _rated(file: PythonFile, parsed: dict[str, PythonFile], said: list[Mention], imported: bool) -> Script:
    pure = PurePosixPath(file.path)
    reach = python_files.with_local_imports(file, parsed)
    calls = frozenset[str]().union(*(each.called for each in reach))
    modules = {name.split(".")[0] for each in reach for name in each.imports}
    evidence: list[tuple[int, str]] = []
    named = next(((points, why) for pattern, points, why in _NAMES if pattern.fullmatch(pure.stem)), None)
    if named is not None:
        evidence.append(named)
    elif _OTHER_JOBS.fullmatch(pure.stem):
        evidence.append((-25, "its name says another job"))
    if said:
        evidence.append((25, f"{said[0].place} runs it"))
    if trains := sorted(_TRAINING_CALLS & calls):
        own = _TRAINING_CALLS & file.called
        evidence.append((20 if own else 12, f"it calls {(sorted(own) or trains)[0]}()"))
    if libraries := sorted(_LIBRARIES & modules):
        evidence.append((8, f"it uses {libraries[0]}"))
    if parsers := sorted(_PARSERS & {name.split(".")[0] for name in file.imports}):
        evidence.append((6, f"it takes options ({parsers[0]})"))
    if file.is_started:
        evidence.append((8, "it has a __main__ part"))
    if imported:
        evidence.append((-10, "other files import it"))
    if _OTHER_FOLDERS & set(pure.parts[:-1]):
        evidence.append((-30, "of its folder"))
    evidence.append((-4 * file.path.count("/"), "of its depth"))
    seed = next((each.seed_option for each in reach if each.seed_option is not None), None)
    return Script(
        path=file.path,
        command=_command(file, said, seed, parsed),
        seed_option=seed,
        score=sum(points for points, _ in evidence),
        reasons=tuple(why for points, why in evidence if points > 0),
        files=tuple(reach),
    )


def _with_reason(script: Script, reason: str) -> Script:
    return Script(
        script.path, script.command, script.seed_option, script.score, (*script.reasons, reason), script.files
    )


def _command(file: PythonFile, said: list[Mention], seed: str | None, parsed: dict[str, PythonFile]) -> str:
    mention = next((each for each in said if each.complete), None)
    start = _start(file, parsed)
    rest = _PLAIN_BRACES.sub(r"{\1}", mention.rest) if mention is not None else ""
    command = f"{mention.variables if mention is not None else ''}{start} {rest}".strip()
    if seed is None:
        return command
    given = re.compile(rf"(?<!\S){re.escape(seed)}(?:=|\s+)\S+")
    return given.sub(f"{seed} {{seed}}", command) if given.search(command) else f"{command} {seed} {{seed}}"


def _start(file: PythonFile, parsed: dict[str, PythonFile]) -> str:
    """`python train.py`, or `python -m package.train` where the file only works as a part of its package."""
    pure = PurePosixPath(file.path)
    beside = pure.parent.as_posix()
    needs_package = file.imports_relatively or (
        beside != "." and any(_only_from_top(module, beside, parsed) for module in file.imports)
    )
    if not needs_package:
        return f"python {file.path}"
    top, path = ("PYTHONPATH=src:$PYTHONPATH ", file.path[4:]) if file.path.startswith("src/") else ("", file.path)
    module = path.removesuffix(".py").removesuffix("/__main__").replace("/", ".")
    return f"{top}python -m {module}"


def _only_from_top(module: str, beside: str, parsed: dict[str, PythonFile]) -> bool:
    """Whether `module` is one of the repository's that is found from its top, not from the folder of the importer."""
    inner = module.replace(".", "/")
    here = any(f"{beside}/{inner}{end}" in parsed for end in (".py", "/__init__.py"))
    base = "src/" if beside.startswith("src/") else ""
    return not here and any(f"{base}{inner}{end}" in parsed for end in (".py", "/__init__.py"))


def _resolved(found: list[Mention], parsed: dict[str, PythonFile], project: dict[str, str]) -> dict[str, list[Mention]]:
    """Script -> what is said about it. A bare name counts for the one script of that name, wherever it lies."""
    by_name: dict[str, list[str]] = {}
    for known in parsed:
        by_name.setdefault(PurePosixPath(known).name, []).append(known)
    said: dict[str, list[Mention]] = {}
    for mention in found:
        inner = mention.script.replace(".", "/")
        exact = [mention.script, f"{inner}.py", f"{inner}/__main__.py", f"src/{inner}.py", f"src/{inner}/__main__.py"]
        path: str | None = next((each for each in exact if each in parsed), None)
        same = by_name.get(PurePosixPath(mention.script).name, [])
        if path is None and len(same) == 1:
            path = same[0]
        if path is not None:
            said.setdefault(path, []).append(mention)
    for name, module in project.items():
        inner = module.replace(".", "/")
        for each in (f"{inner}.py", f"src/{inner}.py"):
            if each in parsed:
                said.setdefault(each, []).append(Mention(f"pyproject.toml ({name})", each, "", "", False))
    return said


def _project_scripts(folder: Path) -> dict[str, str]:
    """Name -> module of the scripts of pyproject.toml whose name says training."""
    try:
        document = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        listed = document.get("project", {}).get("scripts", {})
        entries = {str(name): str(target).split(":")[0] for name, target in listed.items()}
    except (OSError, ValueError, AttributeError):
        return {}
    return {name: module for name, module in entries.items() if re.search(r"train|fit|run|experiment", name, re.I)}
