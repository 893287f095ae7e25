"""Runs of real scripts under the recorder, in throw-away environments with real frameworks."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runner import injection
from runner.capture import Captured, read

LOCKS = Path(__file__).parent / "integration" / "frameworks"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "ml-experiment-tests"


def framework_venv(lock: str) -> Path:
    """The Python of a venv with what `frameworks/<lock>` pins, made once per digest of the lock."""
    path = LOCKS / lock
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    folder = CACHE / f"{path.stem}-{version}-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
        subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder)], check=True)
        install = [uv, "pip", "install", "-q", "--require-hashes", "--only-binary", ":all:", "--python", str(python)]
        subprocess.run([*install, "-r", str(path)], check=True)
        (folder / "complete").touch()
    return python


@dataclass(frozen=True)
class Ran:
    """A script that ran under the recorder, and what the runner then reads."""

    code: int
    out: str
    err: str
    captured: Captured
    stream: Path

    def points(self, metric: str) -> list[tuple[int, float]]:
        """Steps and values of the last series of `metric`."""
        curve = [c for c in self.captured.curves if c.metric == metric][-1]
        return list(zip(curve.step.tolist(), curve.value.tolist(), strict=True))

    @property
    def metrics(self) -> set[str]:
        return {curve.metric for curve in self.captured.curves}


@dataclass
class Project:
    """A source tree with a script, to run as often as a test likes."""

    root: Path
    streams: Path
    runs: int = 0

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def environment(self, seed: int, determinism: str, variables: Mapping[str, str]) -> tuple[dict[str, str], Path]:
        self.runs += 1
        stream = self.streams / str(self.runs)
        stream.mkdir()
        base = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "LANG": "C.UTF-8", **variables}
        return base | injection.variables(stream, self.root, seed, determinism, base), stream

    def run(
        self,
        *command: str | Path,
        python: Path | str = sys.executable,
        seed: int = 0,
        determinism: str = "strict",
        variables: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Ran:
        """Run `python *command` (or, where the first word is a path, that program) below the recorder."""
        environment, stream = self.environment(seed, determinism, variables or {})
        words = [str(word) for word in command]
        arguments = words if words[0].startswith("/") else [str(python), *words]
        done = subprocess.run(
            arguments, cwd=cwd or self.root, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        return Ran(done.returncode, done.stdout, done.stderr, read(stream, self.root), stream)

    def script(self, text: str, **options: object) -> Ran:
        """Write `train.py` and run it."""
        self.write("train.py", text)
        return self.run("train.py", **options)  # type: ignore[arg-type]
