"""What a run in our container costs beside a bare `docker run` of the same command with the same image.

    python benchmarks/container.py [--pairs 5] [--steps 10000]

Needs the test bed (tests/bed/up). Each pair runs, in turning order, the bare container and ours, twice: a command that
does nothing (wall clock: the fixed cost of a run: files in, sandbox checked, results out) and a training in pure Python
(processor time of its process from its first step to its last, as it says itself: the cost per step). Bare against bare
of neighbouring pairs is the noise of the machine.
"""

import argparse
import contextlib
import itertools
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import container_bed
from container_place import LOSS, Place

from experiment.spec import Resources
from runner.environment.prepared import Prepared
from runner.execute import Finished

TRAINING = """\
import time
weights = [i / 500 for i in range(500)]
began = time.process_time()
for step in range(STEPS):
    for _ in range(20):
        error = sum(w * w for w in weights)
        weights = [w - 1e-4 * w * error for w in weights]
    print("loss", error, flush=True)
print("cpu_s", time.process_time() - began, flush=True)
"""
MEMORY = 512 * 2**20


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10000)
    asked = parser.parse_args()
    if reason := container_bed.missing():
        raise SystemExit(reason)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", flush=True)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        place = Place.make(Path(folder) / "repository", Path(folder) / "cache", image=container_bed.read().base)
        place.spec |= {"resources": Resources(memory=MEMORY, disk=64 * 2**20), "metrics": {"loss": LOSS}}
        place.write("nothing.py", "")
        place.write("train.py", TRAINING.replace("STEPS", str(asked.steps)))
        place.commit()
        prepared = stack.enter_context(place.prepared(place.experiment()))
        fixed(place, prepared, asked.pairs)
        per_step(place, prepared, asked.pairs)


def fixed(place: Place, prepared: Prepared, pairs: int) -> None:
    """Seconds of a command that does nothing."""

    def clocked(make: Callable[[], object]) -> float:
        began = time.perf_counter()
        make()
        return time.perf_counter() - began

    measured = in_turn(
        pairs,
        lambda: clocked(lambda: bare(place, "nothing.py")),
        lambda: clocked(lambda: ours(place, prepared, "nothing.py")),
    )
    more = [mine - theirs for theirs, mine in measured]
    print("\nfixed, wall clock")
    tell(measured)
    print(f"ours takes {statistics.median(more):.2f} s more a run ({min(more):.2f} to {max(more):.2f})", flush=True)


def per_step(place: Place, prepared: Prepared, pairs: int) -> None:
    """Processor seconds of the training loop."""

    def told(output: str) -> float:
        return float(re.findall(r"cpu_s (\S+)", output)[-1])

    measured = in_turn(
        pairs,
        lambda: told(bare(place, "train.py")),
        lambda: told(ours(place, prepared, "train.py").log_tail),
    )
    ratios = [mine / theirs for theirs, mine in measured]
    noise = [b / a for (a, _), (b, _) in itertools.pairwise(measured)]
    print("\nper step, processor time of the training process")
    tell(measured)
    print(f"ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}); ", end="")
    print(f"bare against bare {min(noise):.3f} to {max(noise):.3f}; load {os.getloadavg()[0]:.1f}", flush=True)


def in_turn(pairs: int, first: Callable[[], float], second: Callable[[], float]) -> list[tuple[float, float]]:
    """Pairs of both, each beginning with the other one than the pair before."""
    found = []
    for pair in range(pairs):
        if pair % 2:
            later = second()
            found.append((first(), later))
        else:
            found.append((first(), second()))
    return found


def bare(place: Place, script: str) -> str:
    """What the script prints in a container as people start one, with the tree mounted."""
    command = ["docker", "run", "--rm", "--network=none", "--cpuset-cpus=0", f"--memory={MEMORY}"]
    command += ["-v", f"{place.root}:/tree:ro", "-w", "/tree", container_bed.read().base, "python3", script]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def ours(place: Place, prepared: Prepared, script: str) -> Finished:
    """A run of the same, recorded."""
    return place.once(place.experiment(command=f"python3 {script}"), prepared)


def tell(measured: list[tuple[float, float]]) -> None:
    """Medians and spread of both sides."""
    for name, side in zip(("bare", "ours"), zip(*measured, strict=True), strict=True):
        print(f"{name}: median {statistics.median(side):.2f} s ({min(side):.2f} to {max(side):.2f})")


if __name__ == "__main__":
    main()
