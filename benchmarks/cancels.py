"""Cancels and kills of the real command in its container environment: how long they take, and what is left behind.

    python benchmarks/cancels.py [--cancels 50] [--kills 20] [--seed 1]

Every round starts `ml-experiment reproduce` in a small repository whose environment is the test bed's image (run
tests/bed/up first), three trainings of about five seconds, and ends it in a random phase from the start of the process
to its report, at a random time in it. A cancel is GitHub's: SIGINT, 7.5 s later SIGTERM, 2.5 s later SIGKILL, each only
where the command still runs. 30 s after the end of the process nothing with the session's label may be in the engine;
otherwise the exit status is 1. A kill is SIGKILL at once: what is measured is the time until nothing is left.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import container_bed
import docker
from repositories import COMMAND, ROOT

from runner.container.labels import SESSION, owner_of

LATER = ((signal.SIGINT, 7.5), (signal.SIGTERM, 2.5), (signal.SIGKILL, 60.0))
"""GitHub's signals, each with how long it waits for the end after it."""
PHASES = ("start", "image", "kit", "probe", "filling", "run", "read-back", "report", "ended by itself")
LEFT_AFTER_S = 30.0
TRAINING = """\
import random, time
for step in range(10):
    time.sleep(0.5)
    print("loss", random.random(), flush=True)
"""


class Ended(NamedTuple):
    """One round: where it was when it was ended, seconds to its exit, its exit code, seconds until nothing was left."""

    phase: str
    took_s: float
    code: int
    gone_s: float


@dataclass(frozen=True)
class Folder:
    """An experiment's folder, and the variables the command gets."""

    path: Path
    environ: dict[str, str]

    @classmethod
    def make(cls, path: Path, image: str, cache: Path) -> "Folder":
        """A repository with one commit."""
        path.mkdir()
        (path / "train.py").write_text(TRAINING)
        (path / "ml-experiment.yaml").write_text(
            f"experiment: cancels\nenvironment: {{image: {image}}}\ncommand: python3 train.py\nseeds: [0, 1]\n"
            "metrics: {loss: {pattern: 'loss (?P<value>\\S+)'}}\nresources: {cpus: 1, memory: 512MiB, disk: 64MiB}\n"
        )
        who = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
            subprocess.run([*who, *command], cwd=path, check=True)
        environ = {"XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        return cls(path, {**os.environ, **environ, "MLFLOW_TRACKING_URI": f"sqlite:///{cache}/mlflow.db"})

    def start(self) -> "Watched":
        """The command, in a process group of its own."""
        process = subprocess.Popen(
            [*COMMAND, "reproduce", "--no-cache"],
            cwd=self.path, env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        return Watched(process, set((self.path / ".ml-experiment" / "leases").glob("*")))


class Watched:
    """A started command, what it has said so far, and which runs it was seen to make. `leases`: of those before it."""

    def __init__(self, process: "subprocess.Popen[str]", leases: set[Path]) -> None:
        self.process = process
        self.leases = leases
        self.ran: set[str] = set()
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)

    def cancel(self) -> tuple[float, int]:
        """As GitHub does; seconds until its exit, and its code."""
        began = time.monotonic()
        for number, patience in LATER:
            self.process.send_signal(number)
            try:
                self.process.wait(patience)
                break
            except subprocess.TimeoutExpired:
                continue
        return time.monotonic() - began, self.process.wait()

    def kill(self) -> tuple[float, int]:
        """Without a word."""
        self.process.kill()
        return 0.0, self.process.wait()


def main() -> None:
    """Both parts, and a table of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cancels", type=int, default=50)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the random times")
    asked = parser.parse_args()
    if reason := container_bed.missing():
        raise SystemExit(reason)
    chance = random.Random(asked.seed)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what a shell starts in the background
    base = Path(tempfile.mkdtemp(prefix="cancels-"))
    with contextlib.closing(docker.from_env()) as client:
        try:
            folder = Folder.make(base / "repository", container_bed.read().base, base / "cache")
            took = uninterrupted(folder)
            print(f"one command, not interrupted: {took:.1f} s; load {os.getloadavg()[0]:.1f}", flush=True)
            cancels = [one(client, folder, chance, "cancel") for _ in range(asked.cancels)]
            kills = [one(client, folder, chance, "kill") for _ in range(asked.kills)]
        finally:
            shutil.rmtree(base, ignore_errors=True)
    table("cancel", cancels)
    table("kill", kills)
    late = [ended for ended in (*cancels, *kills) if ended.gone_s > LEFT_AFTER_S]
    print(f"objects left {LEFT_AFTER_S:g} s after the end of the process: {'some' if late else 'none'}, ", end="")
    print(f"load {os.getloadavg()[0]:.1f}")
    sys.exit(1 if late else 0)


def uninterrupted(folder: Folder) -> float:
    """Seconds of the whole command, the second time, when all is in caches."""
    for _ in range(2):
        began = time.monotonic()
        watched = folder.start()
        code = watched.process.wait()
        if code != 4:  # there is no baseline
            raise SystemExit(f"exit code {code}: {''.join(watched.said)}")
    return time.monotonic() - began


def one(client: docker.DockerClient, folder: Folder, chance: random.Random, how: str) -> Ended:
    """One round, ended in a phase taken by chance, or in the first after it that is seen: some are short."""
    wanted = chance.randrange(len(PHASES) - 1)
    within = chance.uniform(0, 6 if PHASES[wanted] == "run" else 0.5)
    watched, began = folder.start(), time.monotonic()
    while watched.process.poll() is None and PHASES.index(phase_of(client, folder, watched)) < wanted:
        time.sleep(0.02)
    try:
        watched.process.wait(within)
    except subprocess.TimeoutExpired:
        after, phase = time.monotonic() - began, phase_of(client, folder, watched)
        took, code = watched.cancel() if how == "cancel" else watched.kill()
    else:
        after, phase, took, code = time.monotonic() - began, PHASES[-1], 0.0, watched.process.returncode
    gone = until_gone(client, folder.path)
    print(f"{how} after {after:5.1f} s, {phase:15} exit {code:4} after {took:5.2f} s, gone {gone:5.2f} s", flush=True)
    return Ended(phase, took, code, gone)


class Thing(NamedTuple):
    """An object in the engine: what for, its name, its state where it is a container."""

    role: str
    name: str
    state: str


def things(client: docker.DockerClient, folder: Path) -> list[Thing]:
    """Objects in the engine of sessions of this folder."""
    wanted = {"label": SESSION}
    found = [
        *client.api.containers(all=True, filters=wanted),
        *(client.api.volumes(filters=wanted)["Volumes"] or ()),
        *client.api.networks(filters=wanted),
    ]
    ours = []
    for thing in found:
        labels = thing["Labels"] or {}
        owner = owner_of(labels)
        if owner is not None and owner.lease.is_relative_to(folder):
            name = thing["Names"][0].lstrip("/") if "Names" in thing else thing["Name"]
            ours.append(Thing(labels["ml-experiment.role"], name, str(thing.get("State", ""))))
    return ours


def phase_of(client: docker.DockerClient, folder: Folder, watched: Watched) -> str:
    """Where a command is, by what is in the engine and what it said."""
    there, said = things(client, folder.path), "".join(watched.said)
    running = {thing.name for thing in there if thing.role == "run"}
    watched.ran |= running
    if running:
        return "run"
    if work := {thing.name for thing in there if thing.role == "work"}:
        return "read-back" if work & watched.ran else "filling"
    if "probe" in {thing.role for thing in there}:
        return "probe"
    if "plan" in said:
        return "report" if watched.ran else "filling"
    if there:
        return "kit"
    leases = set((folder.path / ".ml-experiment" / "leases").glob("*"))
    return "image" if leases - watched.leases else "start"


def until_gone(client: docker.DockerClient, folder: Path) -> float:
    """Seconds until the engine has nothing of this folder's sessions; more than LEFT_AFTER_S is not waited for long."""
    began = time.monotonic()
    while things(client, folder) and time.monotonic() - began < 2 * LEFT_AFTER_S:
        time.sleep(0.1)
    return time.monotonic() - began


def table(how: str, rounds: Sequence[Ended]) -> None:
    """For each phase, how often, how they ended, and the longest times."""
    if not rounds:
        return
    print(f"\n{len(rounds)} rounds: {how}")
    print(f"{'phase':16} {'rounds':>6}  {'to exit, longest':>16}  {'to nothing left':>15}  codes")
    by_phase = defaultdict(list)
    for ended in rounds:
        by_phase[ended.phase].append(ended)
    for phase in PHASES:
        if there := by_phase.get(phase):
            codes = json.dumps(sorted({ended.code for ended in there}))
            took, gone = max(ended.took_s for ended in there), max(ended.gone_s for ended in there)
            print(f"{phase:16} {len(there):6}  {took:14.2f} s  {gone:13.2f} s  {codes}")
    tooks, gones = [ended.took_s for ended in rounds], [ended.gone_s for ended in rounds]
    print(
        f"{'all':16} {len(rounds):6}  {max(tooks):14.2f} s  {max(gones):13.2f} s  "
        f"(medians {statistics.median(tooks):.2f} s, {statistics.median(gones):.2f} s)"
    )


if __name__ == "__main__":
    main()
