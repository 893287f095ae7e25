"""The lock of a repository: the one it has, or one made from the requirements it names or the modules it imports."""

import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from experiment.errors import Refused
from runner.discovery.python_files import PythonFile, local_paths
from runner.environment import installer, interpreter, lock
from runner.environment.refusals import LockRefused
from runner.process import CommandFailed

LOCK_NAME = "requirements.lock"
SOURCE_NAME = "requirements.in"
_DISTRIBUTIONS = {
    **{"sklearn": "scikit-learn", "skimage": "scikit-image", "PIL": "pillow", "cv2": "opencv-python-headless"},
    **{"yaml": "pyyaml", "bs4": "beautifulsoup4", "dateutil": "python-dateutil", "dotenv": "python-dotenv"},
    **{"git": "gitpython", "Bio": "biopython", "OpenSSL": "pyopenssl", "google.protobuf": "protobuf", "attr": "attrs"},
    **{"pytorch_lightning": "pytorch-lightning", "hydra": "hydra-core", "absl": "absl-py", "umap": "umap-learn"},
    **{"imblearn": "imbalanced-learn", "lightning_fabric": "lightning", "tensorflow_datasets": "tensorflow-datasets"},
    **{
        "sentence_transformers": "sentence-transformers",
        "stable_baselines3": "stable-baselines3",
        "faiss": "faiss-cpu",
    },
    **{"torch_geometric": "torch-geometric", "community": "python-louvain", "serial": "pyserial", "faiss": "faiss-cpu"},
    **{"tensorboardX": "tensorboardx", "Levenshtein": "levenshtein", "rdkit": "rdkit", "ruamel": "ruamel-yaml"},
}
"""Module -> distribution, where the two are not spelled alike."""
_NOT_FROM_AN_INDEX = re.compile(r"\s*(?:-e\b|--editable\b|\.{1,2}(?:[/\[]|\s*$)|file:)")


class NoLock(Refused):
    """The repository has no lock, and none could be made from what it says."""


@dataclass(frozen=True)
class Found:
    """A lock that can be rebuilt. `path` is relative to the folder; `made_from` is None for one that was there.

    `texts`: files to be written beside the experiment file, name -> text.
    """

    path: str
    made_from: str | None
    texts: Mapping[str, str]


def existing(folder: Path, files: Iterable[str]) -> str | None:
    """The lock the folder has already: uv.lock, pylock.toml, or a requirements file with hashes; None without one."""
    top = sorted(name for name in files if "/" not in name)
    hashed = re.compile(r"[\w.-]*requirements[\w.-]*\.(?:lock|txt)")
    ordered = [
        *(name for name in top if name == "uv.lock"),
        *(name for name in top if re.fullmatch(r"pylock(?:\.[\w-]+)?\.toml", name)),
        *(name for name in top if name == LOCK_NAME),
        *(name for name in top if name != LOCK_NAME and hashed.fullmatch(name)),
    ]
    for name in ordered:
        try:
            lock.read(folder / name)
        except LockRefused:
            continue
        return name
    return None


def make(
    folder: Path,
    files: Iterable[str],
    code: Iterable[PythonFile],
    work: Path,
    *,
    inherited: Mapping[str, str],
    say: Callable[[str], None],
) -> Found:
    """Lock what the repository asks for, or else what `code` imports. Only `work` is written.

    Raises NoLock with uv's own words where that cannot be locked.
    """
    names = set(files)
    guessed = imported_distributions(code, names)
    source = _source(folder, names)
    texts: dict[str, str] = {}
    if source is None and not guessed:
        return Found(LOCK_NAME, "the script, which imports no packages", {LOCK_NAME: "# no packages\n"})
    if source is None:
        texts[SOURCE_NAME] = "".join(f"{name}\n" for name in guessed)
        (work / SOURCE_NAME).write_text(f"# guessed from imports by ml-experiment init\n{texts[SOURCE_NAME]}")
        texts[SOURCE_NAME] = (work / SOURCE_NAME).read_text()
        given, origin, cwd = work / SOURCE_NAME, f"the imports of the script ({', '.join(guessed)}): a guess", work
    else:
        given, origin, cwd = _without_local_lines(folder / source, work), source, folder
    say(f"locking {origin}")
    text = _compile(given, cwd, work / LOCK_NAME, origin=origin, inherited=inherited)
    return Found(LOCK_NAME, origin, {**texts, LOCK_NAME: text})


def _compile(given: Path, cwd: Path, output: Path, *, origin: str, inherited: Mapping[str, str]) -> str:
    args = ["pip", "compile", str(given), "--generate-hashes", "--universal", "--no-annotate", "--no-header"]
    args += ["--python", str(interpreter.running().path), "--output-file", str(output)]
    try:
        installer.uv(args, inherited, cwd=cwd)
    except CommandFailed as failed:
        words = "\n".join(f"  {line}" for line in failed.messages.splitlines()[-20:])
        raise NoLock(
            f"no lock could be made from {origin}\n{words}\n"
            "  correct the requirements, or name a lock that works: ml-experiment init --lock FILE\nnothing was written"
        ) from None
    text = output.read_text(encoding="utf-8")
    if not text.strip():
        text = "# no packages\n"
        output.write_text(text, encoding="utf-8")
    return text


def _source(folder: Path, names: set[str]) -> str | None:
    if SOURCE_NAME in names:
        return SOURCE_NAME
    if "requirements.txt" in names:
        return "requirements.txt"
    if "pyproject.toml" in names:
        try:
            project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
        except (OSError, ValueError):
            project = {}
        if project.get("dependencies"):
            return "pyproject.toml"
    others = [
        n for n in sorted(names) if re.fullmatch(r"(?:requirements[/_-])?[\w-]*requirements[\w-]*\.(?:in|txt)", n)
    ]
    return next((n for n in others if not re.search(r"dev|test|doc|lint", n)), None)


def _without_local_lines(source: Path, work: Path) -> Path:
    """The source itself, or a copy without `-e .` and the like: the repository's own code is there without it."""
    if source.name == "pyproject.toml":
        return source
    text = source.read_text(encoding="utf-8-sig", errors="replace")
    kept = [line for line in text.splitlines() if not _NOT_FROM_AN_INDEX.match(line)]
    if len(kept) == len(text.splitlines()):
        return source
    copy = work / SOURCE_NAME
    copy.write_text("\n".join(kept) + "\n", encoding="utf-8")
    return copy


def imported_distributions(code: Iterable[PythonFile], files: set[str]) -> list[str]:
    """Distributions for the modules `code` imports that are neither Python's nor the repository's."""
    found = set()
    for file in code:
        beside = PurePosixPath(file.path).parent.as_posix()
        for module in file.needed_imports:
            top = module.split(".")[0]
            own = any(path in files for path in local_paths(top, file.path))
            own = own or any(f.startswith((f"{top}/", f"{beside}/{top}/", f"src/{top}/")) for f in files)
            if top not in sys.stdlib_module_names and not own and top:
                found.add(_DISTRIBUTIONS.get(top, top.replace("_", "-")))
    return sorted(found)


def place(found: Found, folder: Path, work: Path) -> Path:
    """The folder in which the lock of `found` can be rebuilt from: `work` for one that is not written yet."""
    if found.made_from is None:
        return folder
    for name, text in found.texts.items():
        (work / name).write_text(text, encoding="utf-8")
    version = folder / ".python-version"
    if version.is_file():
        shutil.copyfile(version, work / version.name)
    return work
