"""Values with sensible defaults, for every test: say what matters, get the rest. `from builders import a_snapshot`."""

import math
import random
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from experiment.baseline import Acceptance, Baseline
from experiment.bundle import Bundle, Replicate
from experiment.environment import EnvironmentKind, EnvironmentRecord, HardwareRecord, Library
from experiment.record import DataRead, FileDigest, Outcome, SeedCall, Seeding, Status
from experiment.snapshot import Configuration, CurveBand, RunSummary, Snapshot, Trace
from experiment.spec import DataFile, EnvironmentSpec, Experiment, Goal, Metric
from experiment.value import digest
from reporting.decision import Decision, GateResult, Judgement, MarginKind, Reproduction, Sample, Verdict

COMMIT = "3f9a2c1b5d7e8091a2b3c4d5e6f708192a3b4c5d"
BASE_COMMIT = "88e07d4a1b2c3d4e5f60718293a4b5c6d7e8f901"

ACCURACY = (0.9322, 0.9324, 0.9382, 0.9384, 0.9411, 0.9421, 0.9431, 0.9436, 0.9461, 0.9520)
LOWER_ACCURACY = (0.9130, 0.9221, 0.9008, 0.9147, 0.9135)
LOSS = (0.240, 0.231, 0.219, 0.221, 0.214, 0.206, 0.209, 0.201, 0.198, 0.181)
HIGHER_LOSS = (0.295, 0.268, 0.331, 0.290, 0.301)
RUNTIME = (12.0, 12.4, 11.8, 12.1, 12.6, 11.9, 12.0, 12.2, 11.7, 12.3)

METRICS = {
    "test/accuracy": Metric(goal=Goal.MAXIMIZE, margin=0.005),
    "test/loss": Metric(goal=Goal.MINIMIZE),
    "runtime_s": Metric(goal=Goal.MINIMIZE, gate=False),
}
BASELINE_VALUES: Mapping[str, Sequence[float]] = {"test/accuracy": ACCURACY, "test/loss": LOSS, "runtime_s": RUNTIME}
CANDIDATE_VALUES: Mapping[str, Sequence[float]] = {
    "test/accuracy": LOWER_ACCURACY,
    "test/loss": HIGHER_LOSS,
    "runtime_s": (12.1, 12.4, 12.2, 12.9, 12.0),
}


def a_sha(text: str) -> str:
    """A SHA-256 that depends on `text`."""
    return digest(text)


def a_run(seed: int = 0, metrics: Mapping[str, float] | None = None, **changes: Any) -> RunSummary:
    """One run; `metrics` decide its result digest."""
    values = {"test/accuracy": 0.9409} if metrics is None else dict(metrics)
    fields: dict[str, Any] = {
        "seed": seed,
        "key": a_sha(f"key {seed} {sorted(values)}"),
        "outcome": Outcome(status=Status.OK, exit_code=0),
        "metrics": values,
        "steps": dict.fromkeys(values, 200),
        "result_sha256": a_sha(repr(sorted((k, v) for k, v in values.items() if k != "runtime_s"))),
        "curves": {name: a_sha(f"{name} {value!r}") for name, value in values.items()},
        "wall_s": values.get("runtime_s", 12.0),
        "peak_memory_bytes": 310_000_000,
    }
    return RunSummary(**{**fields, **changes})


def a_failed_run(
    seed: int = 0, status: Status = Status.USER_ERROR, reason: str = "exit status 1", **changes: Any
) -> RunSummary:
    """One run that did not end well."""
    outcome = Outcome(status=status, exit_code=1 if status is Status.USER_ERROR else None, reason=reason)
    return a_run(seed, {}, outcome=outcome, **changes)


def a_configuration(**changes: Any) -> Configuration:
    """The `digits` example on one machine."""
    fields: dict[str, Any] = {
        "environment": an_environment(),
        "hardware": HardwareRecord(cpu_model="AMD EPYC 7763", cpus=2, simd="avx2", memory_bytes=8_000_000_000),
        "command": "python train.py --epochs {epochs} --lr {lr}",
        "params": {"epochs": 200, "lr": 0.001},
        "seeding": Seeding(
            determinism="strict",
            applied=("random", "numpy"),
            by_user=(SeedCall(function="numpy.random.seed", value="7", place="model.py:12"),),
        ),
        "source": {p: FileDigest(size=1200, sha256=a_sha(p)) for p in ("train.py", "model.py", "load.py")},
        "data": {"data/digits.npz": DataRead(size=1_200_000, sha256=a_sha("digits"), declared=True)},
    }
    return Configuration(**{**fields, **changes})


def an_environment(**changes: Any) -> EnvironmentRecord:
    """A locked environment of 24 packages."""
    packages = {"numpy": "2.1.3", "scikit-learn": "1.6.0", "scipy": "1.15.0", "joblib": "1.4.2"}
    fields: dict[str, Any] = {
        "kind": EnvironmentKind.LOCK,
        "source": "requirements.lock",
        "lock_sha256": a_sha("lock"),
        "python": "3.11.7",
        "os": "Debian GNU/Linux 12 (bookworm)",
        "libc": "glibc 2.36",
        "packages": dict(sorted({**packages, **{f"package-{i:02}": f"1.{i}" for i in range(20)}}.items())),
        "libraries": (Library(role="blas", name="openblas", version="0.3.29", kernel="Zen", threads=1),),
        "variables": {"OMP_NUM_THREADS": "1"},
    }
    return EnvironmentRecord(**{**fields, **changes})


def a_band(values: Sequence[float], *, start: float = 0.1, steps: int = 100, seed: int = 0) -> CurveBand:
    """A learning curve from `start` to the values, with their spread."""
    rng = random.Random(seed)
    middle, low, high = statistics.median(values), min(values), max(values)
    rows = []
    for i in range(1, steps + 1):
        grown, wobble = 1 - math.exp(-6 * i / steps), rng.gauss(0, (high - low) / 12)
        rows.append(tuple(start + (end - start) * grown + wobble for end in (middle, low, high)))
    median, lows, highs = (tuple(column) for column in zip(*rows, strict=True))
    return CurveBand(n=len(values), step=tuple(range(2, 2 * steps + 1, 2)), median=median, low=lows, high=highs)


def a_trace(start: float, end: float, *, seed: int = 0, gap: float = 0.0, growth: float = 1.0) -> Trace:
    """200 steps from `start` to `end`, above the true course by the fraction gap * growth^i at step i, at most 0.1."""
    steps = range(1, 201)
    course = [end + (start - end) * math.exp(-6 * i / 200) for i in steps]
    values = tuple(c * (1 + min(gap * growth ** (i - 1), 0.1)) for i, c in zip(steps, course, strict=True))
    return Trace(seed=seed, step=tuple(steps), value=values)


def a_snapshot(
    values: Mapping[str, Sequence[float]] | None = None, *, runs: Sequence[RunSummary] | None = None, **changes: Any
) -> Snapshot:
    """Runs of seeds 0, 1, 2, … with these values of each metric; `runs` instead for anything special."""
    given = CANDIDATE_VALUES if values is None else values
    made = [a_run(i, dict(zip(given, row, strict=True))) for i, row in enumerate(zip(*given.values(), strict=True))]
    finite = {name: [v for v in column if math.isfinite(v)] for name, column in given.items() if name != "runtime_s"}
    start = {"test/loss": 2.3}
    fields: dict[str, Any] = {
        "experiment": "digits",
        "commit": COMMIT,
        "dirty": False,
        "taken": "2025-06-01T12:00:00Z",
        "tool_version": "0.1.0",
        "configuration": a_configuration(),
        "metrics": METRICS,
        "runs": tuple(made if runs is None else runs),
        "curves": {n: a_band(c, start=start.get(n, 0.1)) for n, c in finite.items() if c and runs is None},
    }
    return Snapshot(**{**fields, **changes})


def a_baseline(snapshot: Snapshot | None = None, **changes: Any) -> Baseline:
    """Ten accepted runs of an earlier commit."""
    accepted = Acceptance(at="2025-05-01T12:00:00Z", tool_version="0.1.0")
    traces = {"test/accuracy": a_trace(0.1, ACCURACY[0]), "test/loss": a_trace(2.3, LOSS[0])}
    kept = snapshot or a_snapshot(BASELINE_VALUES, commit=BASE_COMMIT, taken="2025-05-01T12:00:00Z", traces=traces)
    return Baseline(accepted=accepted, snapshot=kept, **changes)


def a_policy(**changes: Any) -> Experiment:
    """The experiment file of `digits`."""
    fields: dict[str, Any] = {
        "experiment": "digits",
        "environment": EnvironmentSpec(lock="requirements.lock"),
        "command": "python train.py --epochs {epochs} --lr {lr}",
        "params": {"epochs": 200, "lr": 0.001},
        "data": (DataFile(path="data/digits.npz", sha256=a_sha("digits")),),
        "metrics": METRICS,
    }
    return Experiment(**{**fields, **changes})


def a_bundle(candidate: Snapshot | None = None, **changes: Any) -> Bundle:
    """Five runs of a commit against ten of the baseline; `baseline=None` for a first run."""
    side = candidate or a_snapshot()
    fields: dict[str, Any] = {
        "tool_version": "0.1.0",
        "policy": changes.get("policy") or a_policy(metrics=side.metrics),
        "candidate": side,
        "baseline": a_baseline(),
        "replicate": Replicate(run=side.runs[0]) if side.runs else None,
        "planned": (0,),
        "possible": 5,
        "stage_note": "outside what 80 % of baseline runs give: 4 more runs" if len(side.runs) > 1 else "",
        "wall_s": 61.6,
        "repeat": "ml-experiment reproduce --commit 3f9a2c1",
    }
    return Bundle(**{**fields, **changes})


def a_sample(values: Sequence[float], *, failed: int = 0) -> Sample:
    """Mean and standard deviation of the finite values."""
    finite = [v for v in values if math.isfinite(v)]
    return Sample(
        values=tuple(finite),
        n=len(finite),
        mean=statistics.fmean(finite) if finite else None,
        sd=statistics.stdev(finite) if len(finite) > 1 else None,
        failed=failed,
        not_finite=len(values) - len(finite),
    )


def a_decision(
    judgement: Judgement = Judgement.REGRESSED,
    metric: str = "test/accuracy",
    baseline: Sequence[float] = ACCURACY,
    candidate: Sequence[float] = LOWER_ACCURACY,
    **changes: Any,
) -> Decision:
    """A judgement with the numbers of a pooled Student test where both sides have them."""
    from scipy import stats  # slow to import, and only builders of decisions need it

    b, c = a_sample(baseline), a_sample(candidate)
    fields: dict[str, Any] = {
        "metric": metric,
        "judgement": judgement,
        "step": 7,
        "gated": True,
        "higher_is_better": metric != "test/loss" and metric != "runtime_s",
        "baseline": b,
        "candidate": c,
        "margin": 0.005 if metric == "test/accuracy" else None,
        "margin_kind": MarginKind.DECLARED if metric == "test/accuracy" else None,
    }
    if b.mean is not None and c.mean is not None:
        fields["delta"] = c.mean - b.mean
    if b.sd is not None and c.sd is not None:
        df = b.n + c.n - 2
        noise = math.sqrt(((b.n - 1) * b.sd**2 + (c.n - 1) * c.sd**2) / df)
        error = noise * math.sqrt(1 / b.n + 1 / c.n)
        half = float(stats.t.ppf(0.975, df)) * error
        p = 2 * float(stats.t.sf(abs(fields["delta"]) / error, df)) if error else 0.0
        fields |= {"noise_sd": noise, "df": df, "p": p, "interval": (fields["delta"] - half, fields["delta"] + half)}
    elif b.sd is not None and b.mean is not None and c.n == 1:
        half = float(stats.t.ppf(0.9, b.n - 1)) * b.sd * math.sqrt(1 + 1 / b.n)
        fields |= {"noise_sd": b.sd, "df": b.n - 1, "prediction": (b.mean - half, b.mean + half)}
    return Decision(**{**fields, **changes})


def a_verdict(*decisions: Decision, **changes: Any) -> Verdict:
    """The verdict of the first decision, reproduced to the bit."""
    made = decisions or (a_decision(),)
    first = made[0].judgement
    fields: dict[str, Any] = {
        "judgement": first,
        "decisive": made[0].metric,
        "decisions": made,
        "reproduction": Reproduction.IDENTICAL,
        "reproduction_reason": "seed 0 run twice on this machine, equal to the bit",
        "gate": GateResult.FAILED if first is Judgement.REGRESSED else GateResult.PASSED,
        "gate_reason": "not worse than −0.005 → failed" if first is Judgement.REGRESSED else "not worse → passed",
    }
    return Verdict(**{**fields, **changes})
