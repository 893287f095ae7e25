"""What being captured costs a training, beside bare, MLflow per call, Sacred and DVCLive, in one go.

    python benchmarks/capture.py [--pairs 5] [--steps 3000] [--parts 36] [--callgrind] [--only captured ...]

Every round runs each way once, in turning order; the number is the processor time of the training process and its
children (getrusage) from its first step to its end, divided by that of the bare run of the same round, and the table
gives the median over the rounds. Start-up, all before the first step, is given apart. Two bare trainings, since points
reach the runner in two ways: printed lines and a CSV (read by the runner, free for the training), and scores computed
by scikit-learn (recorded inside the process). `--callgrind` counts instructions per step instead, on short runs.
"""

import argparse
import hashlib
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from runner import injection
from runner.capture import read

HERE = Path(__file__).parent
LOCK = HERE / "capture.lock"


@dataclass(frozen=True)
class Way:
    """One way to run the training: which logger in the script, under the recorder or not, what it is compared with."""

    name: str
    logger: str
    recorded: str | None  # determinism level, None: no recorder
    against: str


WAYS = (
    Way("bare", "none", None, "bare"),
    Way("captured", "none", "strict", "bare"),
    Way("bare, sklearn scores", "sklearn", None, "bare, sklearn scores"),
    Way("captured, sklearn scores", "sklearn", "strict", "bare, sklearn scores"),
    Way("Sacred", "sacred", None, "bare"),
    Way("DVCLive", "dvclive", None, "bare"),
    Way("MLflow per call", "mlflow", None, "bare"),
)


@dataclass(frozen=True)
class Cost:
    """Processor seconds of one run."""

    start_s: float
    training_s: float


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3000, help="two metric points each")
    parser.add_argument("--parts", type=int, default=36, help="batches per step")
    parser.add_argument("--only", nargs="*", help="ways to run besides the bare ones")
    parser.add_argument("--callgrind", action="store_true")
    asked = parser.parse_args()
    python = the_python()
    ways = [way for way in WAYS if asked.only is None or way.name.startswith("bare") or way.name in asked.only]
    if asked.callgrind:
        count_instructions(python, [way for way in ways if way.logger in ("none", "sklearn")])
        return
    costs: dict[str, list[Cost]] = {way.name: [] for way in ways}
    for turn in range(asked.pairs):
        shift = turn % len(ways)
        for way in ways[shift:] + ways[:shift]:
            cost = run(python, way, asked.steps, asked.parts)
            costs[way.name].append(cost)
            print(f"round {turn + 1}: {way.name:26} {cost.training_s:7.2f} s, start {cost.start_s:5.2f} s", flush=True)
    print(f"\n{2 * asked.steps} points, {asked.pairs} rounds; processor time\n")
    print(f"{'':26} {'training':>9} {'ratio':>7} {'lowest':>7} {'highest':>7} {'start-up':>9} {'more':>8}")
    for way in ways:
        mine, bare = costs[way.name], costs[way.against]
        ratios = [a.training_s / b.training_s for a, b in zip(mine, bare, strict=True)]
        start = statistics.median(cost.start_s for cost in mine)
        more = statistics.median(a.start_s - b.start_s for a, b in zip(mine, bare, strict=True))
        training = statistics.median(cost.training_s for cost in mine)
        spread = f"{statistics.median(ratios):7.3f} {min(ratios):7.3f} {max(ratios):7.3f}"
        print(f"{way.name:26} {training:7.2f} s {spread} {start:7.2f} s {more * 1e3:5.0f} ms")


def run(python: Path, way: Way, steps: int, parts: int) -> Cost:
    """One training in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [str(python), "capture_training.py", way.logger, str(steps), str(parts)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = start(arguments, Path(folder), way)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if way.recorded is not None and way.logger == "sklearn":
            points = sum(len(curve.step) for curve in read(Path(folder) / "stream", Path(folder) / "tree").curves)
            if points != 2 * steps:
                raise SystemExit(f"{way.name}: {points} points captured, expected {2 * steps}")
    lines = [line for line in done.stderr.splitlines() if re.fullmatch(r"\d+\.\d+(e-\d+)?", line)]
    total = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(float(lines[-1]), total - float(lines[-1]))


def start(arguments: list[str], folder: Path, way: Way) -> "subprocess.CompletedProcess[str]":
    """Run the script in `folder/tree`, below the recorder where the way asks for it."""
    tree, stream = folder / "tree", folder / "stream"
    tree.mkdir()
    stream.mkdir()
    shutil.copy(HERE / "capture_training.py", tree)
    base = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
    base |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "DVC_NO_ANALYTICS": "1"}
    base |= {"MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
    # glibc moves its threshold for giving memory back by what was freed before: a logger's imports alone then halve
    # the training's page faults. Fixed, every way computes under the same conditions.
    base |= {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}
    if way.recorded is not None:
        base |= injection.variables(stream, tree, 0, way.recorded, base)
    done = subprocess.run(arguments, cwd=tree, env=base, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{way.name}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return done


def count_instructions(python: Path, ways: list[Way]) -> None:
    """Instructions per step by callgrind: the difference of two run lengths, so that start-up drops out."""
    short, long, parts = 20, 120, 8
    found: dict[str, float] = {}
    for way in ways:
        counts = []
        for steps in (short, long):
            with tempfile.TemporaryDirectory() as folder:
                grind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(python)]
                done = start([*grind, "capture_training.py", way.logger, str(steps), str(parts)], Path(folder), way)
                counts.append(int(re.findall(r"Collected : (\d+)", done.stderr)[-1]))
        found[way.name] = (counts[1] - counts[0]) / (long - short)
        ratio = found[way.name] / found[way.against]
        print(f"{way.name:26} {found[way.name]:14.0f} instructions a step {ratio:8.4f}", flush=True)


def the_python(lock: Path = LOCK) -> Path:
    """A venv of `lock`, made once per digest."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "ml-experiment-benchmarks" / digest
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
        subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder)], check=True)
        subprocess.run(
            [uv, "pip", "install", "-q", "--require-hashes", "--python", str(python), "-r", lock], check=True
        )
        (folder / "complete").write_text(json.dumps(sys.version))
    return python


if __name__ == "__main__":
    main()
