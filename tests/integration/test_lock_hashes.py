"""Hashes come into a lock from the package index; comments, markers and layout stay."""

import os
from pathlib import Path

import pytest

from runner.environment import lock
from runner.environment.installer import IndexUnreachable
from runner.environment.lock_hashes import missing, with_hashes
from runner.environment.refusals import LockNotPinned, NotInstallable

SIX = (
    "--hash=sha256:1e61c37477a1626458e36f7b1d82aa5c9b094fa4802892072e49de9c60c4c926 \\\n"
    "    --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254"
)
FILE = Path("requirements.lock")


@pytest.mark.network
def test_what_lacks_a_hash_gets_it_and_the_rest_stays(tmp_path: Path) -> None:
    file = tmp_path / "requirements.lock"
    before = (
        "# mine\n--only-binary=:all:\nSix==1.16.0  # old, on purpose\n\n"
        f"packaging==24.0 ; python_version > '3' \\\n    --hash=sha256:{'2' * 64}\n"
        "six == 1.15.0 ; sys_platform == 'win32'\n"
    )
    after = with_hashes(file, before.encode(), os.environ).decode()
    assert after.startswith(
        f"# mine\n--only-binary=:all:\nSix==1.16.0 \\\n    {SIX}  # old, on purpose\n\npackaging==24.0 ;"
    )
    assert "six == 1.15.0 ; sys_platform == 'win32' \\\n    --hash=sha256:30639c035cdb23534cd4aa2dd52c3bf4" in after
    file.write_text(after)
    assert lock.read(file).names == ("six", "packaging")
    assert missing(file, after.encode()) == ()


@pytest.mark.network
def test_a_version_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(NotInstallable) as caught:
        with_hashes(tmp_path / FILE, b"six==99.0\n", os.environ)
    assert "there is no version of six==99.0" in str(caught.value)


def test_no_package_index(tmp_path: Path) -> None:
    nowhere = {**os.environ, "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_CACHE_DIR": str(tmp_path / "cache")}
    with pytest.raises(IndexUnreachable):
        with_hashes(tmp_path / FILE, b"six==1.16.0\n", {**nowhere, "UV_HTTP_RETRIES": "0"})


@pytest.mark.parametrize("line", ["six", "six>=1", "six==1.*", "six @ https://example.org/six.tar.gz", "./six"])
def test_a_hash_needs_one_version(line: str) -> None:
    with pytest.raises(LockNotPinned) as caught:
        missing(FILE, f"# first\n{line}\n".encode())
    assert str(caught.value).startswith(
        f"requirements.lock:2: not pinned to one version (==), so no hash can be looked up\n  2 │ {line}\n"
    )
