"""The Ray columns of benchmarks/sweeps.py: our orders on a cluster of this machine, and Ray Tune's Optuna search."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.capture import the_python
from experiment.search import Sweep
from experiment.value import Scalar, digest
from runner.sweep.cluster.connect import connected
from runner.sweep.cluster.demand import Demand
from runner.sweep.cluster.worker import Asking, Worker
from runner.sweep.crew import Crew, Hear
from runner.sweep.events import Result

HERE = Path(__file__).parent
_UP_S = 90
MOST_OF_TUNE = 40  # trials: it makes a few of them a second


@dataclass(frozen=True)
class _Light:
    """What workers are given: no content."""

    opener: str = "benchmarks.ray_sleep:Sleeper"
    assignment: bytes = b""

    def parts(self, _parcel: int) -> list[tuple[Any, bool]]:
        """None."""
        return []


@contextmanager
def workers_on_ray(many: int) -> Iterator[list[Worker]]:
    """A cluster of one node on this machine, and so many workers on it, all there."""
    with socket.socket() as probe, tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        command = [
            str(Path(sys.executable).with_name("ray")),
            "start", "--head", "--block", "--port", str(port), "--num-cpus", str(many),
            "--temp-dir", folder, "--include-dashboard", "false", "--disable-usage-stats", "--object-store-memory",
            "80000000", "--min-worker-port", "0", "--max-worker-port", "0",
        ]  # fmt: skip
        environ = {**os.environ, "PYTHONPATH": str(HERE.parent)}
        null = subprocess.DEVNULL
        process = subprocess.Popen(command, env=environ, stdin=null, stdout=null, stderr=null, start_new_session=True)
        try:
            _wait_for(port)
            with connected(f"127.0.0.1:{port}", print):
                made = [Worker(Asking(_Light(), Demand(1, 0, 0), print, lambda: None)) for _ in range(many)]
                for worker in made:
                    worker.ready(threading.Event())
                yield made
                for worker in made:
                    worker.close()
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int) -> None:
    until = time.monotonic() + _UP_S
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("Ray did not start")


def crew(workers: list[Worker], sleep: Any) -> Crew[Worker]:
    """Trials that sleep on the workers."""

    def make(
        trial: int, params: Mapping[str, Scalar], worker: Worker, _hear: Hear, ended: threading.Event
    ) -> Result | None:
        seconds = sleep(trial)
        errand = json.dumps([seconds, params["x"], params["y"]]).encode()
        return Result(trial=trial, values=(worker.work(errand, lambda _: None, ended),), seconds=seconds)

    return Crew(workers, make, Worker.ready)


@contextmanager
def plain_actors(many: int) -> Iterator[list[Any]]:
    """What a person would write: actors of Ray that sleep, beside the workers of `workers_on_ray`, warm."""
    import ray

    actors: list[Any] = [ray.remote(Plain).options(num_cpus=0).remote() for _ in range(many)]
    ray.get([actor.make.remote(0.0, 0.0, 0.0) for actor in actors])
    yield actors
    for actor in actors:
        ray.kill(actor)


class Plain:
    """A worker without an office."""

    def make(self, seconds: float, x: float, y: float) -> float:
        """Sleep, then the value."""
        time.sleep(seconds)
        return (x - 2) ** 2 + (y + 1) ** 2


def unordered(sweep: Sweep, sleep: Any, actors: list[Any]) -> tuple[float, str]:
    """Optuna's ask and tell in the order in which plain actors of Ray are done: seconds, and digest of the table."""
    import optuna
    import ray

    began = time.perf_counter()
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    free = list(actors)
    running: dict[Any, tuple[optuna.Trial, Any]] = {}
    while len(study.trials) < sweep.trials or running:
        while len(study.trials) < sweep.trials and free:
            trial, actor = study.ask(), free.pop()
            x, y = trial.suggest_float("x", -5, 5), trial.suggest_float("y", -5, 5)
            running[actor.make.remote(sleep(trial.number), x, y)] = (trial, actor)
        done, _ = ray.wait(list(running))
        for one in done:
            trial, actor = running.pop(one)
            study.tell(trial, ray.get(one))
            free.append(actor)
    took = time.perf_counter() - began
    return took, digest([[t.number, {n: float(v).hex() for n, v in t.params.items()}] for t in study.trials])


def ray_tune(sweep: Sweep, sleep: Any) -> tuple[float, str]:
    """Seconds of Ray Tune's search alone (its cluster is up before), and digest of its table."""
    python = the_python(HERE / "ray_tune.lock")
    with tempfile.TemporaryDirectory(prefix="tune-", dir="/tmp") as folder:
        seconds = Path(folder) / "seconds.json"
        seconds.write_text(json.dumps([sleep(trial) for trial in range(sweep.trials)]))
        command = [str(python), str(HERE / "ray_tune.py"), str(sweep.trials), str(sweep.parallelism), str(seconds)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found["trials"] >= sweep.trials
    return found["seconds"], digest(found["table"])
