"""Judging two sides that exist already: baselines, bundles or run folders. Nothing is run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from experiment import baseline as baselines
from experiment import bundle as bundles
from experiment.baseline import Acceptance, Baseline
from experiment.bundle import Bundle
from experiment.errors import Refused
from experiment.snapshot import Snapshot
from experiment.spec import EnvironmentSpec, Experiment, Gate, Metric, Stages
from experiment.summarise import snapshot
from runner.store import read_run


class NotComparable(Refused):
    """A side is neither a baseline, nor a bundle, nor a run folder."""


@dataclass(frozen=True)
class Judged:
    """The policy of a comparison without an experiment file."""

    metrics: dict[str, Metric]
    gate: Gate
    seeds: tuple[int, ...]
    stages: Stages = Stages()  # noqa: RUF009 (frozen)
    alpha: float = 0.01
    pairing: Literal["none", "seed"] = "none"

    @classmethod
    def of(cls, side: Snapshot) -> "Judged":
        """The metrics as that side declared them; whether it reproduces is not asked."""
        return cls(side.metrics, Gate(reproduce="report"), tuple(run.seed for run in side.runs))


def side(path: Path) -> Snapshot:
    """What `path` holds: a baseline file, a bundle, a run folder, or a folder of run folders.

    Raises NotComparable, UnreadableBaseline, UnreadableBundle.
    """
    if path.is_dir():
        return _folders(path)
    if not path.exists():
        raise NotComparable(f"{path}: not there; expected a baseline, a bundle or a run folder\nnothing was compared")
    if path.read_bytes()[:2] == b"PK":
        return bundles.load(path).candidate
    return baselines.load(path).snapshot


def _folders(path: Path) -> Snapshot:
    folders = (
        [path] if (path / "run.json").is_file() else sorted(p for p in path.iterdir() if (p / "run.json").is_file())
    )
    if not folders:
        raise NotComparable(f"{path}: no run.json in it or one level below\nnothing was compared")
    try:
        runs = [read_run(folder) for folder in folders]
    except (OSError, ValidationError, ValueError) as error:
        first = str(error).split("\n")[0]
        raise NotComparable(f"{path}: a run cannot be read: {first}\nnothing was compared") from None
    configurations = {run.record.parts.model_copy(update={"seed": 0}).model_dump_json() for run in runs}
    if len(configurations) > 1:
        raise NotComparable(
            f"{path}: runs of {len(configurations)} configurations; name the folders of one\nnothing was compared"
        )
    newest = {run.record.parts.seed: run for run in sorted(runs, key=lambda run: run.record.started)}
    record = runs[0].record
    return snapshot(list(newest.values()), {}, commit=record.commit, dirty=record.dirty)


def as_bundle(before: Snapshot, after: Snapshot, repeat: str) -> Bundle:
    """The two sides as a bundle, so that they are reported like any other comparison."""
    metrics = after.metrics or before.metrics
    policy = Experiment(
        experiment=after.experiment,
        environment=EnvironmentSpec(lock=after.configuration.environment.source or "unknown"),
        command=after.configuration.command,
        params=after.configuration.params,
        seeds=tuple(dict.fromkeys(run.seed for run in after.runs)),
        metrics=metrics,
        gate=Gate(reproduce="report"),
    )
    kept = Acceptance(at=before.taken, tool_version=before.tool_version)
    return Bundle(
        tool_version=after.tool_version,
        policy=policy,
        candidate=after.model_copy(update={"metrics": metrics}),
        baseline=Baseline(accepted=kept, snapshot=before.model_copy(update={"metrics": metrics})),
        planned=policy.seeds,
        possible=len(policy.seeds),
        wall_s=sum(run.wall_s for run in after.runs),
        repeat=repeat,
    )
