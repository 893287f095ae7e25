"""Run folders as the runner leaves them, written through the real writers. `from run_folders import a_run_folder`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from builders import COMMIT, a_sha, an_environment

from experiment import curves, record
from experiment.curves import Curve
from experiment.environment import HardwareRecord
from experiment.record import KeyParts, MetricValue, Outcome, RunRecord, Seeding, Status, Usage

STARTED_MS = 1_748_779_200_000  # 2025-06-01T12:00:00Z
LEARNING = {"test/accuracy": (0.5, 0.75, 0.875), "test/loss": (2.0, 1.0, 0.5)}


def a_curve(metric: str, values: Sequence[float], series: int = 1) -> Curve:
    """Steps 1, 2, 3, … half a second apart."""
    steps = np.arange(1, len(values) + 1)
    return Curve(metric, series, "file metrics.json", steps, np.array(values, float), steps / 2)


def a_record(seed: int = 0, series: Sequence[Curve] = (), **changes: Any) -> RunRecord:
    """A good run whose metrics are the last values of the curves."""
    parts = KeyParts(
        environment=a_sha("environment"),
        hardware_class="AMD EPYC 7763, avx2, openblas Zen, no GPU",
        command="python train.py --epochs {epochs}",
        folder=".",
        params={"epochs": 200, "lr": 0.001},
        variables={},
        seed=seed,
        determinism="strict",
        data={},
        metric_files=("metrics.json",),
        artifacts=(),
        patterns={},
    )
    fields: dict[str, Any] = {
        "tool_version": "0.1.0",
        "key": a_sha(f"key {seed}"),
        "parts": parts,
        "experiment": "digits",
        "commit": COMMIT,
        "dirty": False,
        "command": "python train.py --epochs 200",
        "started": "2025-06-01T12:00:00Z",
        "outcome": Outcome(status=Status.OK, exit_code=0),
        "metrics": {curve.metric: a_final(curve) for curve in series},
        "params": parts.params,
        "seeding": Seeding(determinism="strict"),
        "environment": an_environment(),
        "hardware": HardwareRecord(cpu_model="AMD EPYC 7763", cpus=2, simd="avx2", memory_bytes=8_000_000_000),
        "source": {},
        "data": {},
        "usage": Usage(wall_s=12.5, cpu_s=20.25, peak_memory_bytes=310_000_000),
    }
    return RunRecord(**{**fields, **changes})


def a_final(curve: Curve, value: float | None = None) -> MetricValue:
    """The final value of a curve: its last point, or the one given."""
    return MetricValue(
        value=float(curve.value[-1]) if value is None else value,
        step=int(curve.step[-1]),
        points=len(curve.step),
        source=curve.source,
        curve_sha256=curve.sha256(),
    )


def a_run_folder(runs: Path, seed: int = 0, learning: Mapping[str, Sequence[float]] = LEARNING, **changes: Any) -> Path:
    """A folder below `runs`, named after the run's key, with record, curves, output and one kept artifact."""
    series = [a_curve(metric, values) for metric, values in learning.items()]
    made = a_record(seed, series, **changes)
    folder = runs / made.key
    (folder / "artifacts" / "out").mkdir(parents=True)
    (folder / "artifacts" / "out" / "model.npz").write_bytes(b"weights")
    (folder / "output.log").write_text("epoch 1\n")
    curves.write(series, folder)
    record.write(made, folder)
    return folder
