"""The test bed itself: its images are real, calling it again changes nothing, a build reaches the package index."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import container_bed
import pytest
from container_bed import Bed

pytestmark = pytest.mark.docker


def docker(*args: str) -> str:
    return subprocess.run(["docker", *args], check=True, capture_output=True, text=True, timeout=300).stdout


def test_the_base_image_can_be_pulled_by_its_digest_and_has_a_python(bed: Bed) -> None:
    assert bed.base_digest != bed.other_digest
    for image in (bed.base, bed.other):
        docker("pull", "--quiet", image)
    assert docker("run", "--rm", "--network", "none", bed.base, "python3", "-c", "print(6 * 7)") == "42\n"


def test_calling_it_again_and_twice_at_once_changes_nothing(bed: Bed) -> None:
    def call(_: int) -> None:
        subprocess.run([container_bed.UP], check=True, capture_output=True, timeout=300)

    with ThreadPoolExecutor() as pool:
        list(pool.map(call, range(2)))
    assert container_bed.read() == bed
    assert container_bed.missing() is None


@pytest.mark.network
def test_a_build_reaches_the_package_index(bed: Bed, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {bed.base}\nRUN pip download --no-deps --no-cache-dir -d /wheels six\n")
    built = ["build", "--quiet", "--no-cache", "--network", "host", "--label", "ml-experiment-bed-test", str(tmp_path)]
    image = docker(*built).strip()
    try:
        assert "six-" in docker("run", "--rm", image, "ls", "/wheels")
    finally:
        docker("rmi", "--force", image)
