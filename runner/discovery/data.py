"""Which files that git ignores look like data a training reads, so that a trial run finds them."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from runner.discovery.python_files import PythonFile

_NEVER = {
    *(".git", ".venv", "venv", "env", ".env", "node_modules", "__pycache__", ".ml-experiment", ".tox", ".nox"),
    *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints", ".idea", ".vscode", ".cache"),
    *("site-packages", ".eggs"),
    *("wandb", "mlruns", "lightning_logs", "tb_logs", "logs", "log", "runs", "outputs", "output", "out", "results"),
    *("checkpoints", "checkpoint", "ckpt", "saved_models", "artifacts", "dist", "build", "figures", "plots", "tmp"),
}
_DATA_FOLDERS = re.compile(r"\.?(?:data|dataset|datasets|input|inputs|corpus|corpora|raw|processed)(?:[_\-].*)?", re.I)
_SECRETS = re.compile(
    r"\.env(?:\..*)?|.*\.(?:pem|key|p12|pfx)|id_(?:rsa|dsa|ecdsa|ed25519)|\.netrc|credentials.*", re.I
)


def of_interest(ignored: Iterable[str], code: Iterable[PythonFile]) -> tuple[str, ...]:
    """The ignored files worth showing to a trial run: in a folder named as data, or named where `code` reads files.

    Outputs of earlier runs, caches, environments and secrets are left out.
    """
    read = {name for file in code for name in file.read_names if "." in name}
    return tuple(path for path in ignored if _looks_like_data(PurePosixPath(path), read))


def _looks_like_data(path: PurePosixPath, read: set[str]) -> bool:
    if _NEVER & set(path.parts[:-1]) or _SECRETS.fullmatch(path.name) or path.suffix in (".pyc", ".pyo", ".log"):
        return False
    return path.name in read or any(_DATA_FOLDERS.fullmatch(part) for part in path.parts[:-1])
