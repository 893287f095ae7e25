"""Venvs rebuilt from locks by the real uv: once, completely, unaltered, with the very bytes the lock names."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import pytest

from experiment.environment import hardware_class
from experiment.errors import InfrastructureFailed
from experiment.spec import EnvironmentSpec
from runner.environment import lock, venv
from runner.environment.installer import DiskFull, IndexUnreachable, NotWritable
from runner.environment.prepared import Prepared, prepare
from runner.environment.refusals import HashMismatch, NotInstallable, PythonMissing
from runner.process_runtime import ProcessRuntime

ROOT = Path(__file__).parent.parent.parent
SIX = """six==1.17.0 \\
    --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274 \\
    --hash=sha256:ff70335d468e7eb6ec65b95b99d3a2836546063f63acc5171de367e834932a81
"""
DEAD = "http://127.0.0.1:9"  # the discard port: nothing listens
HEAR = """
import os, sys
from pathlib import Path
from experiment.spec import EnvironmentSpec
from runner.environment.prepared import prepare
from runner.process_runtime import ProcessRuntime
say = lambda line: print(line, flush=True)
print(prepare(EnvironmentSpec(lock="requirements.lock"), Path("."), None, os.environ, say).label)
"""


class Workplace:
    """A folder with a lock, and a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.heard: list[str] = []
        self.inherited: dict[str, str] = {**os.environ, "ML_EXPERIMENT_CACHE": str(folder / "cache")}

    def lock(self, text: str, name: str = "requirements.lock") -> Self:
        (self.folder / name).write_text(text, encoding="utf-8")
        return self

    def prepare(self, name: str = "requirements.lock", **variables: str) -> Prepared:
        self.heard.clear()
        inherited: Mapping[str, str] = {**self.inherited, **variables}
        return prepare(EnvironmentSpec(lock=name), self.folder, None, inherited, self.heard.append)

    def start(self) -> subprocess.Popen[str]:
        """Another process that prepares the same environment."""
        env = {**self.inherited, "PYTHONPATH": str(ROOT)}
        args = [sys.executable, "-c", HEAR]
        return subprocess.Popen(args, cwd=self.folder, env=env, stdout=subprocess.PIPE, encoding="utf-8")

    def site_packages(self) -> Path:
        return next((self.folder / "cache").glob("venvs/*/venv/lib/python*/site-packages"))


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def runtime(prepared: Prepared) -> ProcessRuntime:
    assert isinstance(prepared.runtime, ProcessRuntime)
    return prepared.runtime


def ask(prepared: Prepared, code: str) -> str:
    """What the environment's Python prints, run as a training command is: by name, with only the run's variables."""
    args = ["/bin/sh", "-c", 'python -c "$CODE"']
    env = {**runtime(prepared).variables, "CODE": code}
    return subprocess.run(
        args, cwd=runtime(prepared).python.parent, env=env, check=True, capture_output=True, encoding="utf-8"
    ).stdout


def test_an_environment_is_built_once_and_then_comes_from_the_cache(place: Workplace) -> None:
    first = place.lock("# no packages\n").prepare()
    assert place.heard
    assert first.label.startswith("environment requirements.lock, 0 packages, built in ")
    second = place.prepare()
    assert second.label == "environment requirements.lock, 0 packages, from cache"
    assert place.heard == []
    assert (second.environment, runtime(second).python) == (first.environment, runtime(first).python)


def test_another_lock_is_another_environment(place: Workplace) -> None:
    first = place.lock("# no packages\n").prepare()
    second = place.lock("# no packages, again\n").prepare()
    assert runtime(first).python != runtime(second).python
    assert first.environment.installed_digest() != second.environment.installed_digest()


def test_the_environment_does_not_see_our_own_packages(place: Workplace) -> None:
    prepared = place.lock("# no packages\n").prepare(PYTHONPATH=str(ROOT), VIRTUAL_ENV=sys.prefix)
    found = ask(
        prepared, "import importlib.util as u; print([n for n in ('pydantic', 'experiment') if u.find_spec(n)])"
    )
    assert found.strip() == "[]"
    assert ask(prepared, "import sys; print(sys.prefix)").strip() == str(runtime(prepared).python.parent.parent)


def test_a_venv_whose_builder_was_killed_is_built_again(place: Workplace) -> None:
    process = place.lock("# no packages\n").start()
    assert process.stdout is not None
    assert "building" in process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    prepared = place.prepare()
    assert ask(prepared, "print('works')") == "works\n"
    assert place.prepare().label.endswith("from cache")


def test_a_venv_without_its_last_mark_is_built_again(place: Workplace) -> None:
    place.lock("# no packages\n").prepare()
    (place.site_packages() / "left_over.py").write_text("", encoding="utf-8")
    next((place.folder / "cache").glob("venvs/*/complete.json")).unlink()
    assert "built in" in place.prepare().label
    assert not (place.site_packages() / "left_over.py").exists()


def test_a_venv_somebody_installed_into_is_built_again_and_that_is_said(place: Workplace) -> None:
    place.lock("# no packages\n").prepare()
    (place.site_packages() / "sitecustomize.py").write_text("", encoding="utf-8")
    assert "built in" in place.prepare().label
    assert place.heard[0] == "requirements.lock: the environment was altered since it was built; building it again"


def test_compiled_files_are_no_alteration(place: Workplace) -> None:
    place.lock("# no packages\n").prepare()
    (place.site_packages() / "__pycache__").mkdir()
    assert place.prepare().label.endswith("from cache")


def test_two_processes_at_once_build_one_environment(place: Workplace) -> None:
    place.lock("# no packages\n")
    ends = [process.communicate()[0].splitlines() for process in [place.start(), place.start(), place.start()]]
    assert sum("building" in line for lines in ends for line in lines) == 1
    assert sorted(lines[-1].rpartition(", ")[2].split()[0] for lines in ends) == ["built", "from", "from"]


def test_a_damaged_fingerprint_is_taken_again(place: Workplace) -> None:
    first = place.lock("# no packages\n").prepare()
    kept = next((place.folder / "cache").glob("venvs/*/fingerprint-*.json"))
    kept.write_text("{", encoding="utf-8")
    assert place.prepare().environment == first.environment
    assert json.loads(kept.read_text(encoding="utf-8"))["python"] == first.environment.python


def test_a_python_that_is_not_here_is_refused_naming_those_that_are(place: Workplace) -> None:
    (place.folder / ".python-version").write_text("3.99\n", encoding="utf-8")
    running = ".".join(str(part) for part in sys.version_info[:3])
    with pytest.raises(
        PythonMissing, match=rf"made for Python 3\.99, which is not on this machine\n  found here: {running}"
    ):
        place.lock("# no packages\n").prepare()


def test_a_cache_that_cannot_be_written_is_named_with_the_remedy(place: Workplace) -> None:
    (place.folder / "cache").write_text("a file", encoding="utf-8")
    with pytest.raises(NotWritable, match="ML_EXPERIMENT_CACHE") as caught:
        place.lock("# no packages\n").prepare()
    assert isinstance(caught.value, InfrastructureFailed)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB: room for a venv, not for packages."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.root
@pytest.mark.network
def test_a_full_disk_is_named_and_the_half_built_environment_taken_away(place: Workplace, small_disk: Path) -> None:
    with pytest.raises(DiskFull, match="no space left for the environment") as caught:
        place.lock(SIX).prepare(ML_EXPERIMENT_CACHE=str(small_disk))
    assert "ML_EXPERIMENT_CACHE" in str(caught.value)
    assert not list(small_disk.glob("venvs/*/venv"))


def test_without_a_setting_the_cache_lies_in_the_users_cache_folder() -> None:
    assert venv.cache_folder({"HOME": "/home/ada"}) == Path("/home/ada/.cache/ml-experiment/venvs")
    assert venv.cache_folder({"HOME": "/home/ada", "XDG_CACHE_HOME": "/c"}) == Path("/c/ml-experiment/venvs")


def test_an_index_out_of_reach_is_named_and_nothing_half_built_stays(place: Workplace) -> None:
    off = {"HTTPS_PROXY": DEAD, "https_proxy": DEAD, "UV_HTTP_RETRIES": "0", "UV_CACHE_DIR": str(place.folder / "uv")}
    with pytest.raises(IndexUnreachable, match="could not reach the package index") as caught:
        place.lock(SIX).prepare(**off)
    assert "Connection refused" in str(caught.value)
    assert not list((place.folder / "cache").glob("venvs/*/venv"))


@pytest.mark.network
def test_with_the_network_off_what_was_built_or_downloaded_once_still_works(place: Workplace) -> None:
    off = {"HTTPS_PROXY": DEAD, "https_proxy": DEAD, "UV_HTTP_RETRIES": "0"}
    place.lock(SIX).prepare()
    assert place.prepare(**off).label == "environment requirements.lock, 1 package, from cache"
    shutil.rmtree(place.folder / "cache")
    assert "built in" in place.prepare(**off).label  # from uv's own cache of packages


@pytest.mark.network
@pytest.mark.parametrize("wrong", ["0721f391", "4721f390"])
def test_a_file_whose_hash_differs_by_one_digit_is_refused_not_built_from_source(place: Workplace, wrong: str) -> None:
    with pytest.raises(HashMismatch, match="a downloaded file is not the one the lock names") as caught:
        place.lock(SIX.replace("4721f391", wrong)).prepare()
    assert "4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274" in str(caught.value)
    assert not list((place.folder / "cache").glob("venvs/*/complete.json"))


@pytest.mark.network
def test_a_version_that_does_not_exist_is_refused(place: Workplace) -> None:
    with pytest.raises(NotInstallable, match=r"no version of six==0\.0\.99"):
        place.lock(SIX.replace("1.17.0", "0.0.99")).prepare()


@pytest.mark.network
def test_a_lock_that_leaves_out_a_dependency_is_refused_naming_it(place: Workplace) -> None:
    dateutil = (
        "python-dateutil==2.9.0.post0 --hash=sha256:a8b2bc7bffae282281c8140a97d3aa9c14da0b136dfe83f850eea9a5f7470427\n"
    )
    with pytest.raises(NotInstallable, match=r"the lock is not complete\n.*`six`"):
        place.lock(dateutil).prepare()
    assert place.lock(dateutil + SIX).prepare().environment.packages == {
        "python-dateutil": "2.9.0.post0",
        "six": "1.17.0",
    }


@pytest.mark.network
def test_a_package_without_a_wheel_is_built_and_that_is_said(place: Workplace) -> None:
    docopt = "docopt==0.6.2 --hash=sha256:49b3a825280bd66b3aa83585ef59c4a8c82f2c8a522dbe754a8bc8d08c85c491\n"
    prepared = place.lock(docopt + SIX).prepare()  # beside one that has a wheel, which must not be built
    assert prepared.environment.packages == {"docopt": "0.6.2", "six": "1.17.0"}
    assert "  docopt: no wheel for this Python, built from source with tools the lock does not pin" in place.heard


def uv(place: Workplace, *args: str) -> None:
    from uv import find_uv_bin

    subprocess.run([find_uv_bin(), *args, "--quiet"], cwd=place.folder, check=True)


@pytest.mark.network
def test_uv_lock_and_pylock_give_the_same_packages_as_requirements(place: Workplace) -> None:
    project = '[project]\nname = "p"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["six==1.17.0"]\n'
    place.lock(project, "pyproject.toml").lock(SIX)
    uv(place, "lock")
    uv(place, "pip", "compile", "pyproject.toml", "-o", "pylock.toml")
    for name in ("requirements.lock", "uv.lock", "pylock.toml"):
        prepared = place.prepare(name)
        assert prepared.environment.packages == {"six": "1.17.0"}, name
        assert prepared.environment.lock_sha256 == lock.read(place.folder / name).sha256


@pytest.fixture(scope="module")
def numeric(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A workplace whose lock has NumPy."""
    place = Workplace(tmp_path_factory.mktemp("numeric"))
    place.lock("numpy>=2\n", "requirements.in")
    uv(place, "pip", "compile", "--generate-hashes", "requirements.in", "-o", "requirements.lock")
    return place


@pytest.mark.network
def test_the_kernel_that_blas_chose_is_in_the_record(numeric: Workplace) -> None:
    prepared = numeric.prepare()
    (blas,) = (library for library in prepared.environment.libraries if library.role == "blas")
    assert blas.name == "openblas"
    assert blas.version
    assert blas.kernel
    assert blas.threads
    assert f"openblas {blas.kernel}" in hardware_class(prepared.hardware, prepared.environment)


@pytest.mark.network
def test_a_variable_that_changes_the_kernel_changes_the_record(numeric: Workplace) -> None:
    names = []
    for kernel in ("Haswell", "Nehalem"):
        environment = numeric.prepare(OPENBLAS_CORETYPE=kernel).environment
        names.append([library.kernel for library in environment.libraries if library.role == "blas"])
        assert environment.variables["OPENBLAS_CORETYPE"] == kernel
    assert names == [["Haswell"], ["Nehalem"]]


@pytest.mark.network
def test_a_thread_count_is_seen_by_the_library(numeric: Workplace) -> None:
    spec = EnvironmentSpec(lock="requirements.lock")
    prepared = prepare(spec, numeric.folder, 1, numeric.inherited, numeric.heard.append)
    assert [library.threads for library in prepared.environment.libraries if library.role == "blas"] == [1]
