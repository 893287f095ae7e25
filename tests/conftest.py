"""What every test can count on: how properties are searched, and which tests a machine can run."""

import contextlib
import importlib.util
import os
import shutil
import signal

import container_bed
import pytest
from container_bed import Bed
from hypothesis import HealthCheck, settings

pytest_plugins = ["accepted", "forge.fixtures", "ray_fixtures"]

# Below nohup and in the background of a script these are ignored, and commands under test would ignore them too.
for ignored, usual in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
    if signal.getsignal(ignored) is signal.SIG_IGN:
        with contextlib.suppress(ValueError):
            signal.signal(ignored, usual)

# Machines differ in speed by more than any deadline; in CI the same examples are tried every time.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

MISSING = {
    "frameworks": None
    if os.environ.get("ML_EXPERIMENT_FRAMEWORKS") == "1"
    else "ML_EXPERIMENT_FRAMEWORKS=1 is not set",
    "browser": None if shutil.which("chromium") else "chromium is not installed",
    "docker": container_bed.missing(),
    "go": None if shutil.which("go") else "go is not installed",
    "node": None if shutil.which("npm") else "npm is not installed",
    "root": None if os.geteuid() == 0 else "not root",
    "ray": None if importlib.util.find_spec("ray") else "Ray is not installed (./bootstrap dev)",
}
"""Marker -> why this machine cannot run such tests. `.ci/run` has everything and refuses to skip any."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what this machine cannot run."""
    for item in items:
        for marker, reason in MISSING.items():
            if reason is not None and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def bed() -> Bed:
    """The registry and the images of `tests/bed/up`; for tests marked `docker`."""
    return container_bed.read()
