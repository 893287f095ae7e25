"""The Action's image: small, with all that our sources ask for in it, and able to do every kind of errand."""

import ast
import subprocess
from pathlib import Path

import pytest
from container_bed import ROOT, Bed, builder_image

pytestmark = [pytest.mark.docker, pytest.mark.network]

MOST_BYTES = 450_000_000
NOT_IN_IT = {"ray", "grpc", "torch"}  # what executors and a sampler need that are refused without it
PYTHON = "/opt/ml-experiment/bin/python"


def docker(*args: str, **options: object) -> str:
    done = subprocess.run(["docker", *args], capture_output=True, text=True, timeout=900, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr[-3000:]
    return str(done.stdout)


@pytest.fixture(scope="session")
def image(bed: Bed) -> str:
    """The image as the runner builds it, on the bed's base."""
    given = [f"BASE={bed.base}", f"BUILDX={builder_image(bed)}"]
    args = [part for one in given for part in ("--build-arg", one)]
    return docker(
        "build", "--quiet", "--network", "host", *args, "--tag", "ml-experiment-test-image", str(ROOT)
    ).strip()


def asked_for() -> set[str]:
    """What our sources import from elsewhere, at their top or in functions; not what goes into training processes."""
    found: set[str] = set()
    for package in ("experiment", "runner", "reporting", "action"):
        for path in (ROOT / package).rglob("*.py"):
            if "recorder" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.partition(".")[0] not in NOT_IN_IT}


def test_it_takes_no_more_room_than_promised(image: str) -> None:
    size = int(docker("image", "inspect", image, "--format", "{{.Size}}"))
    assert size <= MOST_BYTES, f"{size / 1e6:.0f} MB: see what costs how much with benchmarks/image.py"


def test_it_has_all_that_our_sources_ask_for_and_does_every_errand(image: str) -> None:
    names = asked_for()
    assert {"scipy.special.stdtr", "mlflow.MlflowClient", "optuna"} <= names
    place = ["--volume", f"{ROOT / 'tests/image_errands.py'}:/errands.py:ro", "--network", "none", "--interactive"]
    command = ["--entrypoint", PYTHON, image, "-I", "/errands.py"]
    said = docker("run", "--rm", *place, *command, input="\n".join(sorted(names)))
    assert said.split() == ["imports", "statistics", "suggestions", "figures", "tracking", "help_of_the_command"]


def test_its_git_reads_a_repository(image: str, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "a").write_text("1\n")
    subprocess.run(["git", "-C", tmp_path, "add", "a"], check=True)
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", tmp_path, *who, "commit", "-q", "-m", "a"], check=True)
    (tmp_path / "a").write_text("2\n")
    commands = (
        "git status --porcelain=v1 -z --untracked-files=all | tr '\\0' '\\n'; git ls-tree --name-only HEAD;"
        "git cat-file blob HEAD:a; git diff --name-only -z HEAD -- | tr '\\0' '\\n'; git archive HEAD | tar -t;"
        "git merge-base HEAD HEAD | wc -c; git check-ignore -q . || echo not ignored"
    )
    place = ["--volume", f"{tmp_path}:/repository", "--workdir", "/repository", "--entrypoint", "sh"]
    trusted = [
        "--env",
        "GIT_CONFIG_COUNT=1",
        "--env",
        "GIT_CONFIG_KEY_0=safe.directory",
        "--env",
        "GIT_CONFIG_VALUE_0=*",
    ]
    said = docker("run", "--rm", *trusted, *place, image, "-c", commands)
    assert said.splitlines() == [" M a", "a", "1", "a", "a", "41", "not ignored"]


def test_it_says_where_what_builds_dockerfiles_comes_from(image: str, bed: Bed) -> None:
    told = docker("run", "--rm", "--entrypoint", "sh", image, "-c", "echo $ML_EXPERIMENT_BUILDX").strip()
    assert told == builder_image(bed)


def test_without_an_event_it_says_what_is_missing(image: str) -> None:
    done = subprocess.run(["docker", "run", "--rm", image], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert "GITHUB_" in done.stdout
