"""A venv for each lock and Python, built once by uv, kept complete and unaltered, used by everybody afterwards."""

import errno
import fcntl
import json
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from experiment.atomic import write_whole
from experiment.value import digest
from runner.environment import installer, interpreter
from runner.environment.lock import Lock, LockKind
from runner.process import CommandFailed

LAYOUT = 1  # of the cached folder; a change makes new folders


@dataclass(frozen=True)
class Venv:
    """A complete venv. `folder` may hold what else belongs to it; `built_s` (seconds) is None where it was cached."""

    folder: Path
    python: Path
    packages: int
    built_s: float | None = None


def cache_folder(inherited: Mapping[str, str]) -> Path:
    """Where venvs are kept: ML_EXPERIMENT_CACHE, else XDG_CACHE_HOME/ml-experiment, else ~/.cache/ml-experiment."""
    if inherited.get("ML_EXPERIMENT_CACHE"):
        return Path(inherited["ML_EXPERIMENT_CACHE"]).absolute() / "venvs"
    home = Path(inherited["HOME"]) if inherited.get("HOME") else Path.home()
    return Path(inherited.get("XDG_CACHE_HOME") or home / ".cache") / "ml-experiment" / "venvs"


def prepare(lock: Lock, cache: Path, inherited: Mapping[str, str], say: Callable[[str], None]) -> Venv:
    """The venv of `lock` below `cache`, built if it is not there, not complete, or not as it was built.

    Two processes that want the same one wait for each other. Raises PythonMissing, HashMismatch, NotInstallable
    (Refused) or IndexUnreachable, DiskFull, NotWritable, InstallerFailed (InfrastructureFailed).
    """
    python = interpreter.choose(lock, inherited)
    identity = [lock.sha256, lock.kind, lock.selection, python.version, python.implementation, str(python.path)]
    folder = cache / digest([LAYOUT, *identity, sys.platform, platform.machine()])[:24]
    ready = _complete(folder)
    if ready is not None:
        return ready
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / "lock", say) as held:
            ready = _complete(folder)
            if ready is not None:
                return ready
            if (folder / "complete.json").exists():
                say(f"{lock.path.name}: the environment was altered since it was built; building it again")
            return _Building(lock, folder, python, inherited, say, held).build()
    except OSError as error:
        situation = installer.DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else installer.NotWritable
        remedy = "environments may be kept elsewhere: set ML_EXPERIMENT_CACHE to a folder"
        raise situation(
            f"{error.filename or folder}: the environment cannot be kept here: {error.strerror}\n  {remedy}\n"
            "nothing was run"
        ) from None


def _complete(folder: Path) -> Venv | None:
    """The venv in `folder` if it was built to the end and its packages are still those that were installed."""
    try:
        built = json.loads((folder / "complete.json").read_bytes())
        python = _python(folder)
        if python.exists() and digest(_names(folder)) == built["listing"]:
            return Venv(folder, python, built["packages"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


@dataclass(frozen=True)
class _Building:
    """One venv being built, with the file lock `held` (its descriptor) on its folder."""

    lock: Lock
    folder: Path
    python: interpreter.Interpreter
    inherited: Mapping[str, str]
    say: Callable[[str], None]
    held: int

    def build(self) -> Venv:
        """Make the venv from nothing; what an earlier process left is taken away first, and again if this one fails."""
        started = time.monotonic()
        _remove(self.folder)
        count, version = len(self.lock.names), self.python.version
        self.say(f"environment {self.lock.path.name}, {count} packages in the lock, Python {version}: building")
        try:
            self._uv("venv", "--no-project", "--python", str(self.python.path), str(self.folder / "venv"))
            if self.lock.names:
                self._install(self._requirements())
        except CommandFailed as failed:
            _remove(self.folder)
            raise installer.explained(failed, self.lock.path) from None
        except BaseException:
            _remove(self.folder)
            raise
        packages = sum(name.endswith(".dist-info") for name in _names(self.folder))
        marker = {"lock": self.lock.path.name, "packages": packages, "listing": digest(_names(self.folder))}
        write_whole(self.folder / "complete.json", json.dumps(marker).encode())
        return Venv(self.folder, _python(self.folder), packages, time.monotonic() - started)

    def _requirements(self) -> Path:
        """The file to install from: the lock itself, or what uv.lock says for this project, with hashes."""
        if self.lock.kind is not LockKind.UV:
            return self.lock.path.resolve()
        exported = self.folder / "pylock.toml"
        what = ("--frozen", "--no-emit-project", "--no-emit-local", "--no-header", "--format", "pylock.toml")
        self._uv("export", *what, "--python", str(self.python.path), "-o", str(exported))
        return exported

    def _install(self, requirements: Path) -> None:
        """Install, every file checked against its hash; wheels only, where there are wheels.

        Without that, uv answers a wheel whose hash does not fit by building from source, for minutes, what was locked
        as a wheel; and a build differs between machines. A package that has no wheel is built, and that is said.
        """
        target = ("--python", str(_python(self.folder)), "--preview-features", "pylock")
        args = ("pip", "install", *target, "--require-hashes", "--verify-hashes", "-r", str(requirements))
        from_source: set[str] = set()
        unreachable: CommandFailed | None = None
        while True:
            wheels = [f"--only-binary={name}" for name in self.lock.names if name not in from_source]
            try:
                self._uv(*args, *(wheels if from_source else ["--no-build"]), *(["--offline"] if unreachable else []))
                return
            except CommandFailed as failed:
                new = installer.without_wheels(failed) - from_source
                if new:
                    from_source |= new
                    names = ", ".join(sorted(new))
                    self.say(f"  {names}: no wheel for this Python, built from source with tools the lock does not pin")
                elif unreachable is not None:
                    raise unreachable from None
                elif installer.is_network(failed):
                    unreachable = failed  # uv's own cache may hold every file of the lock
                else:
                    raise

    def _uv(self, *args: str) -> None:
        # In the lock's folder uv reads the project's own settings, such as its package index.
        beside = self.lock.path.resolve().parent
        installer.uv(args, self.inherited, cwd=beside, hear=self._relay, hold=[self.held])

    def _relay(self, line: str) -> None:
        """Pass on what takes long."""
        if line.strip().startswith(("Downloading ", "Building ")):
            self.say(f"  {line.strip()}")


@contextmanager
def _alone(path: Path, say: Callable[[str], None]) -> Iterator[int]:
    """Hold the lock on `path`, whose descriptor is given. The system lets go of it when its holders have ended."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another process that builds this environment")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _remove(folder: Path) -> None:
    """Take away a venv that is half built or altered, its marker first."""
    (folder / "complete.json").unlink(missing_ok=True)
    for kept in folder.glob("fingerprint-*.json"):
        kept.unlink(missing_ok=True)
    if (folder / "venv").exists():
        shutil.rmtree(folder / "venv")


def _python(folder: Path) -> Path:
    return folder / "venv" / "bin" / "python"


def _names(folder: Path) -> list[str]:
    """What lies in site-packages, apart from compiled files; empty where there is no venv."""
    return sorted(
        entry.name
        for found in (folder / "venv" / "lib").glob("python*/site-packages")
        for entry in found.iterdir()
        if entry.name != "__pycache__"
    )
