"""The starter workflows as two linters see them: one knows GitHub's syntax, the other how it is abused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / "workflows").glob("*.yml"))
ACTIONLINT = "v1.7.12"


def actionlint() -> Path:
    """Built from the Go module proxy the first time."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = root / "ml-experiment-tests" / f"actionlint-{ACTIONLINT}"
    if not (folder / "actionlint").exists():
        package = f"github.com/rhysd/actionlint/cmd/actionlint@{ACTIONLINT}"
        subprocess.run(["go", "install", package], env={**os.environ, "GOBIN": str(folder)}, check=True, timeout=600)
    return folder / "actionlint"


@pytest.mark.network
@pytest.mark.go
def test_actionlint_finds_nothing() -> None:
    done = subprocess.run([actionlint(), *WORKFLOWS], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "")


def test_zizmor_finds_nothing() -> None:
    zizmor = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", "--format=plain", *WORKFLOWS, ROOT / "action.yml"],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_exception_says_why(workflow: Path) -> None:
    for line in workflow.read_text().splitlines():
        if "zizmor: ignore[" in line:
            assert len(line.partition("]")[2].strip()) > 20
