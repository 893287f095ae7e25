"""What `tests/bed/up` brought up: an engine, a registry on loopback, a base image known by its digest."""

import json
import os
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
UP = ROOT / "tests" / "bed" / "up"


@dataclass(frozen=True)
class Bed:
    """References as a Dockerfile or an experiment file writes them. `base` and `other` differ in their digests."""

    registry: str  # "127.0.0.1:5055"
    repository: str  # registry/name, where base and other are
    base: str  # repository@sha256:…: Debian with python3, venv, pip; builds reach the package index
    base_tag: str  # repository:tag of the same image
    other: str
    other_tag: str
    engine: str  # "20.10.24"
    buildx: str  # "v0.30.0"; empty where there is none

    @property
    def base_digest(self) -> str:
        """sha256:… of the base image."""
        return self.base.partition("@")[2]

    @property
    def other_digest(self) -> str:
        """sha256:… of the other image."""
        return self.other.partition("@")[2]


def builder_image(bed: Bed) -> str:
    """The image of the bed's registry that has buildx in it, by its digest."""
    address = f"http://{bed.registry}/v2/ml-experiment-bed/buildx/manifests/{bed.buildx}"
    wanted = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
    asked = urllib.request.Request(address, headers=wanted, method="HEAD")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=5) as answer:
        return f"{bed.registry}/ml-experiment-bed/buildx@{answer.headers['Docker-Content-Digest']}"


def answer_file() -> Path:
    """Where `tests/bed/up` keeps its answer."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "ml-experiment-bed" / "bed.json"


def read() -> Bed:
    """The bed as `tests/bed/up` left it."""
    return Bed(**json.loads(answer_file().read_bytes()))


def missing() -> str | None:
    """Why docker-marked tests cannot run here; None where they can. Quick, and starts nothing."""
    try:
        bed = read()
    except FileNotFoundError:
        return "no test bed: run tests/bed/up as root"
    except (ValueError, TypeError):
        return "the test bed's answer is of another version: run tests/bed/up again"
    try:
        subprocess.run(["docker", "version"], capture_output=True, check=True, timeout=10)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{bed.registry}/v2/", timeout=5):
            return None
    except (subprocess.SubprocessError, OSError) as error:
        return f"the test bed does not answer ({error}): run tests/bed/up again"
