"""What of a run goes into MLflow: params, tags and metrics as MLflow can hold them, and nothing it would falsify."""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from experiment.curves import Curve
from experiment.environment import hardware_class
from experiment.record import MetricValue, RunRecord, Status
from experiment.value import double_bits, double_to_json
from runner.tracking.study import TrackedStudy

PREFIX = "ml-experiment."
PARENT = "mlflow.parentRunId"
LONGEST_NAME = 250
LONGEST_PARAM = 6000
LONGEST_TAG = 5000  # what MLflow servers before 2.13 accept too
_NOT_ALLOWED = re.compile(r"[^/\w.\- :]")
_STEPS_NAMED = 20
_ENDS = {Status.OK: "FINISHED", Status.CANCELLED: "KILLED", Status.TIMEOUT: "KILLED"}


@dataclass(frozen=True)
class Point:
    """One metric value; `time_ms` since 1970."""

    key: str
    value: float
    time_ms: int
    step: int


@dataclass(frozen=True)
class Content:
    """One run as MLflow holds it."""

    name: str
    status: str  # FINISHED, FAILED or KILLED
    start_ms: int
    end_ms: int
    params: dict[str, str]
    tags: dict[str, str]
    points: tuple[Point, ...]
    packages: str  # "name==version" lines


def content(record: RunRecord, curves: Iterable[Curve], digest: str) -> Content:
    """Lay out one run. `digest` is the SHA-256 of its `run.json`, the tag by which it is found again.

    A metric `m` with a curve appears as `m` (the series that counts), `m.training-1` … (the others) and `judged/m`
    (the value reports use: perhaps a mean of the last points). NaN and infinities are left out and named in a tag,
    since MLflow stores them as 0 and ±1.8e308; a curve that ends in one is called `m.finite-points`, so that no
    table shows an earlier value as the last one.
    """
    start_ms = round(datetime.fromisoformat(record.started).timestamp() * 1000)
    end_ms = start_ms + _milliseconds(record.usage.wall_s)
    points, left_out = _split_finite([*_curve_points(record, curves, start_ms), *_final_points(record, end_ms)])
    params, cut = _params(record)
    names = {name: safe_name(name) for name in (*params, *(point.key for point in points))}
    tags = _tags(record, digest) | {
        f"{PREFIX}not-finite": "; ".join(left_out),
        f"{PREFIX}cut-params": ", ".join(cut),
        f"{PREFIX}renamed": _json({safe: name for name, safe in names.items() if safe != name}),
    }
    return Content(
        name=f"seed {record.parts.seed}",
        status=_ENDS.get(record.outcome.status, "FAILED"),
        start_ms=start_ms,
        end_ms=end_ms,
        params={names[name]: value for name, value in params.items()},
        tags={name: _shortened(_clean(value), LONGEST_TAG) for name, value in tags.items() if value},
        points=tuple(Point(names[p.key], p.value, p.time_ms, p.step) for p in points),
        packages="".join(f"{name}=={version}\n" for name, version in record.environment.packages.items()),
    )


def safe_name(name: str) -> str:
    """A name MLflow accepts: itself where it does, else a changed one with a piece of the name's SHA-256."""
    segments = [segment for segment in _NOT_ALLOWED.sub("_", name).split("/") if segment.strip(".")]
    safe = "/".join(segments).lstrip(".")
    if safe == name and name and len(name) <= LONGEST_NAME:
        return name
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe[: LONGEST_NAME - 9] or 'unnamed'}-{mark}"


def nested(run: Content, parent: str, name: str, tags: dict[str, str]) -> Content:
    """The same run as one of the sweep whose MLflow run is `parent`."""
    ours = {f"{PREFIX}{key}": value for key, value in tags.items()}
    return replace(run, name=name, tags={**run.tags, **ours, PARENT: parent})


def parent_content(study: TrackedStudy) -> Content:
    """Lay out a sweep: the run that its trials are nested in. The best so far is a curve over the trials."""
    start_ms = round(datetime.fromisoformat(study.started).timestamp() * 1000)
    end_ms = start_ms + _milliseconds(study.wall_s)
    curve = [Point(f"best-so-far/{study.objective}", value, end_ms, trial) for trial, value in study.leaders]
    finals = [Point(name, value, end_ms, 0) for name, value in study.metrics.items()]
    points, left_out = _split_finite([*curve, *finals])
    tags = {f"{PREFIX}{name}": value for name, value in study.tags.items()} | {
        f"{PREFIX}table": study.table_digest,
        f"{PREFIX}not-finite": "; ".join(left_out),
        "mlflow.source.name": "ml-experiment sweep",
    }
    return Content(
        name=f"sweep {study.name}",
        status="FINISHED",
        start_ms=start_ms,
        end_ms=end_ms,
        params={safe_name(name): _shortened(_clean(value), LONGEST_PARAM) for name, value in study.params.items()},
        tags={name: _shortened(_clean(value), LONGEST_TAG) for name, value in tags.items() if value},
        points=tuple(Point(safe_name(p.key), p.value, p.time_ms, p.step) for p in points),
        packages="",
    )


def _curve_points(record: RunRecord, curves: Iterable[Curve], start_ms: int) -> Iterable[Point]:
    by_metric: dict[str, list[Curve]] = {}
    for curve in curves:
        by_metric.setdefault(curve.metric, []).append(curve)
    for metric, series in by_metric.items():
        counts = _series_that_counts(series, record.metrics.get(metric))
        for curve in series:
            name = metric if curve is counts else f"{metric}.training-{curve.series}"
            if len(curve.value) and not math.isfinite(curve.value[-1]):
                name += ".finite-points"
            columns = zip(curve.value.tolist(), curve.time.tolist(), curve.step.tolist(), strict=True)
            for value, time, step in columns:
                yield Point(name, value, start_ms + _milliseconds(time), step)


def _series_that_counts(series: list[Curve], final: MetricValue | None) -> Curve:
    if final is not None and final.curve_sha256 is not None:
        return next((curve for curve in series if curve.sha256() == final.curve_sha256), series[-1])
    return series[-1]


def _final_points(record: RunRecord, end_ms: int) -> Iterable[Point]:
    for name, metric in record.metrics.items():
        yield Point(f"judged/{name}" if metric.points > 1 else name, metric.value, end_ms, metric.step or 0)
    usage = record.usage
    yield Point("usage/wall_s", usage.wall_s, end_ms, 0)
    yield Point("usage/cpu_s", usage.cpu_s, end_ms, 0)
    if usage.peak_memory_bytes is not None:
        yield Point("usage/peak_memory_bytes", float(usage.peak_memory_bytes), end_ms, 0)


def _split_finite(points: list[Point]) -> tuple[list[Point], list[str]]:
    seen: set[tuple[str, int, str]] = set()
    finite, left_out = [], dict[tuple[str, str], list[int]]()
    for point in points:
        if not math.isfinite(point.value):
            left_out.setdefault((point.key, str(double_to_json(point.value)).partition(":")[0]), []).append(point.step)
        elif (same := (point.key, point.step, double_bits(point.value))) not in seen:
            seen.add(same)  # a metric of one point is in the curves and in the record
            finite.append(point)
    return finite, [_left_out(name, value, steps) for (name, value), steps in left_out.items()]


def _left_out(name: str, value: str, steps: list[int]) -> str:
    named = ", ".join(map(str, steps[:_STEPS_NAMED]))
    more = f" and {len(steps) - _STEPS_NAMED} more" if len(steps) > _STEPS_NAMED else ""
    return f"{name} is {value} at step {named}{more}"


def _params(record: RunRecord) -> tuple[dict[str, str], list[str]]:
    """The experiment file's params, the seed, and what the script logged itself, under `logged/` where names clash."""
    params = {name: str(value) for name, value in record.params.items()}
    params.setdefault("seed", str(record.parts.seed))
    for name, value in record.logged_params.items():
        if params.get(name, value) == value:
            params[name] = value
        else:
            params[f"logged/{name}"] = value
    clean = {name: _clean(value) for name, value in params.items()}
    cut = [name for name, value in clean.items() if len(value) > LONGEST_PARAM]
    return {name: _shortened(value, LONGEST_PARAM) for name, value in clean.items()}, cut


def _tags(record: RunRecord, digest: str) -> dict[str, str]:
    environment, hardware, outcome = record.environment, record.hardware, record.outcome
    libraries = [" ".join(filter(None, (lib.name, lib.version, lib.kernel))) for lib in environment.libraries]
    ours = {
        "key": record.key,
        "record": digest,
        "version": record.tool_version,
        "commit": record.commit or "",
        "dirty": str(record.dirty).lower(),
        "command": record.command,
        "seed": str(record.parts.seed),
        "determinism": record.seeding.determinism,
        "outcome": outcome.status.value,
        "reason": outcome.reason,
        "exit-code": "" if outcome.exit_code is None else str(outcome.exit_code),
        "signal": "" if outcome.signal is None else str(outcome.signal),
        "hardware-class": hardware_class(hardware, environment),
        "cpu": f"{hardware.cpu_model} ({hardware.cpus} logical processors, {hardware.simd})",
        "gpu": ", ".join(gpu.model for gpu in hardware.gpus),
        "environment": f"{environment.kind.value} {environment.source}",
        "environment-digest": environment.installed_digest(),
        "os": environment.os,
        "python": f"{environment.implementation} {environment.python}",
        "libraries": ", ".join(libraries),
        "data": _json({path: file.sha256 for path, file in record.data.items()}),
        "not-captured": "; ".join(record.not_captured),
    }
    tags = {f"{PREFIX}{name}": value for name, value in ours.items()}
    return tags | {"mlflow.source.name": record.command, "mlflow.source.git.commit": record.commit or ""}


def _milliseconds(seconds: float) -> int:
    # The times are a training script's word; a database's integers end at 2^63.
    return min(max(0, round(seconds * 1000)), 2**53) if math.isfinite(seconds) else 0


def _json(data: Mapping[str, str | None]) -> str:
    return json.dumps(data, ensure_ascii=False) if data else ""


def _clean(text: str) -> str:
    # A NUL or half a surrogate pair would make a database or a server refuse the whole batch.
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
