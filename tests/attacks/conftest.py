"""Where attacks start: a stranger's pull request; or a repository with a container environment, a secret beside it."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from container_bed import Bed
from container_place import Place
from forge.server import Forge
from stranger import Stranger

from experiment.spec import EnvironmentSpec
from runner.container.build import LABEL

SECRET = "s3cr3t-4f9c"


@pytest.fixture
def stranger(forge: Forge, tmp_path: Path) -> Stranger:
    return Stranger.opens_a_pull_request(tmp_path, forge)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("container-cache")


@pytest.fixture
def secret(tmp_path: Path) -> str:
    """A word that stands in a file beside the repository, and must never be seen inside."""
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "token").write_text(SECRET)
    return SECRET


@pytest.fixture
def place(tmp_path: Path, cache: Path, bed: Bed, secret: str) -> Place:
    """A repository whose `.git` holds a token, as a checkout in CI leaves it, and whose owner has more of them."""
    made = Place.make(tmp_path / "repo", cache, image=bed.base)
    made.write("README", "x")
    made.commit()
    with (made.root / ".git" / "config").open("a") as config:
        config.write(f'[http "https://example.org/"]\n\textraheader = AUTHORIZATION: basic {secret}\n')
    tokens = ("GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN", "INPUT_GITHUB-TOKEN", "RUNNER_TEMP", "AWS_SECRET_ACCESS_KEY")
    made.inherited |= dict.fromkeys((*tokens, "HF_TOKEN", "DOCKER_AUTH_CONFIG", "MLFLOW_TRACKING_PASSWORD"), secret)
    return made


@pytest.fixture
def dockerfile(place: Place, tmp_path: Path) -> Iterator[Callable[[str], Place]]:
    """The same repository with a Dockerfile of this text; what is built is removed."""
    name = f"attack-{tmp_path.parent.name[-40:]}-{tmp_path.name[-40:]}".lower()

    def made(text: str) -> Place:
        place.write("Dockerfile", text)
        place.spec |= {"environment": EnvironmentSpec(dockerfile="Dockerfile"), "experiment": name}
        return place

    yield made
    images = ["docker", "images", "--quiet", "--filter", f"label={LABEL}={name}"]
    for image in set(subprocess.run(images, capture_output=True, text=True, check=True).stdout.split()):
        subprocess.run(["docker", "rmi", "--force", image], capture_output=True, check=False)


@pytest.fixture
def pushed(bed: Bed, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Builds a Dockerfile's text that we would refuse to build, and pushes it: an image as a stranger offers it."""
    tags = []

    def made(text: str) -> str:
        tag = f"{bed.registry}/ml-experiment-attacks/{uuid.uuid4().hex}:1"
        tags.append(tag)
        folder = tmp_path / "stranger"
        folder.mkdir()
        (folder / "Dockerfile").write_text(text)
        environ = {**os.environ, "DOCKER_BUILDKIT": "0"}  # the same for every engine that tests run with
        subprocess.run(
            ["docker", "build", "--quiet", "--tag", tag, folder], check=True, capture_output=True, env=environ
        )
        shutil.rmtree(folder)
        subprocess.run(["docker", "push", "--quiet", tag], check=True, capture_output=True)
        digests = ["docker", "inspect", "--format", "{{index .RepoDigests 0}}", tag]
        return subprocess.run(digests, check=True, capture_output=True, text=True).stdout.strip()

    yield made
    subprocess.run(["docker", "rmi", "--force", *tags], capture_output=True, check=False)
