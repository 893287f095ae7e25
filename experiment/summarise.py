"""From run records and their curves to a snapshot: what a baseline stores and a comparison judges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from experiment.curves import Curve
from experiment.key import configuration_key
from experiment.record import DataRead, FileDigest, RunRecord, Status, result_digest
from experiment.snapshot import Configuration, CurveBand, RunSummary, Snapshot, Trace
from experiment.spec import Metric

BAND_STEPS = 100
TRACE_BEGINNING = 200  # points kept of the first steps of a curve
TRACE_REST = 200  # and of all that follow
MOST_TRACES = 8


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """A run with its curves; `cached` when an earlier record stands in for it."""

    record: RunRecord
    curves: Sequence[Curve]
    cached: bool = False
    note: str = ""
    log_tail: str = ""


def summary(run: FinishedRun) -> RunSummary:
    """One run as reports and baselines show it."""
    record = run.record
    return RunSummary(
        seed=record.parts.seed,
        key=record.key,
        configuration=configuration_key(record),
        outcome=record.outcome,
        metrics={name: metric.value for name, metric in record.metrics.items()},
        steps={name: metric.step for name, metric in record.metrics.items() if metric.step is not None},
        result_sha256=result_digest(record.metrics, record.artifacts),
        curves={name: m.curve_sha256 for name, m in record.metrics.items() if m.curve_sha256 is not None},
        artifacts={path: artifact.sha256 for path, artifact in record.artifacts.items()},
        wall_s=record.usage.wall_s,
        peak_memory_bytes=record.usage.peak_memory_bytes,
        cached=run.cached,
        note=run.note,
        log_tail="" if record.outcome.status is Status.OK else run.log_tail,
    )


def snapshot(
    runs: Sequence[FinishedRun], metrics: Mapping[str, Metric], *, commit: str | None, dirty: bool
) -> Snapshot:
    """All runs of one configuration. `runs` holds at least one; `metrics` are the declared ones, in their order.

    What was read is the union over the runs; the environment is that of the first run that ended well.
    """
    ordered = sorted(runs, key=lambda run: run.record.parts.seed)
    first = next((run.record for run in ordered if run.record.outcome.status is Status.OK), ordered[0].record)
    source: dict[str, FileDigest] = {}
    data: dict[str, DataRead] = {}
    problems: dict[str, None] = {}
    for run in ordered:
        source |= run.record.source
        data |= run.record.data
        problems |= dict.fromkeys(run.record.not_captured)
    return Snapshot(
        experiment=first.experiment,
        commit=commit,
        dirty=dirty,
        taken=max(run.record.started for run in ordered),
        tool_version=first.tool_version,
        configuration=Configuration(
            environment=first.environment,
            hardware=first.hardware,
            command=first.parts.command,
            params=first.params,
            seeding=first.seeding,
            source=dict(sorted(source.items())),
            data=dict(sorted(data.items())),
        ),
        metrics=dict(metrics),
        runs=tuple(summary(run) for run in ordered),
        curves=bands(ordered, metrics),
        traces=traces(ordered, metrics),
        not_captured=tuple(problems),
    )


def bands(runs: Sequence[FinishedRun], metrics: Mapping[str, Metric]) -> dict[str, CurveBand]:
    """Median and range over seeds of each declared metric (of each captured one where none is declared)."""
    good = [run for run in runs if run.record.outcome.status is Status.OK]
    wanted = list(metrics) or sorted({name for run in good for name in run.record.metrics})
    found = {}
    for name in wanted:
        kept = [curve for run in good if (curve := _judged(run, name)) is not None]
        if kept and (made := band(kept)) is not None:
            found[name] = made
    return found


def traces(runs: Sequence[FinishedRun], metrics: Mapping[str, Metric]) -> dict[str, Trace]:
    """The curve of the first good run for each gated metric, for up to MOST_TRACES of them; `runs` are by seed."""
    first = next((run for run in runs if run.record.outcome.status is Status.OK), None)
    wanted = [name for name, metric in metrics.items() if metric.gate][:MOST_TRACES]
    found = {name: _judged(first, name) for name in wanted} if first is not None else {}
    return {
        name: _trace(first.record.parts.seed, curve) for name, curve in found.items() if first and curve is not None
    }


def _trace(seed: int, curve: Curve) -> Trace:
    n = len(curve.step)
    rest = np.linspace(TRACE_BEGINNING, n - 1, min(TRACE_REST, max(n - TRACE_BEGINNING, 0))).round().astype(int)
    kept = np.concatenate([np.arange(min(n, TRACE_BEGINNING)), rest])
    return Trace(seed=seed, step=tuple(curve.step[kept].tolist()), value=tuple(curve.value[kept].tolist()))


def _judged(run: FinishedRun, name: str) -> Curve | None:
    """The curve the metric's final value was taken from, if it has more than one point."""
    value = run.record.metrics.get(name)
    if value is None or value.curve_sha256 is None:
        return None
    series = [curve for curve in run.curves if curve.metric == name]
    if len(series) == 1:
        return series[0]
    return next((curve for curve in reversed(series) if curve.sha256() == value.curve_sha256), None)


def band(curves: Sequence[Curve]) -> CurveBand | None:
    """The band of some curves at up to BAND_STEPS of the steps all of them have; None below two common steps."""
    common = curves[0].step
    for curve in curves[1:]:
        if len(curve.step) != len(common) or not np.array_equal(curve.step, common):
            common = np.intersect1d(common, curve.step)
    if len(common) < 2:
        return None
    picked = common[np.unique(np.linspace(0, len(common) - 1, min(len(common), BAND_STEPS)).round().astype(int))]
    table = np.array([curve.value[np.searchsorted(curve.step, picked)] for curve in curves])
    with np.errstate(invalid="ignore"):  # infinities of both signs have no median: NaN
        median, low, high = np.median(table, axis=0), table.min(axis=0), table.max(axis=0)
    return CurveBand(
        n=len(curves),
        step=tuple(picked.tolist()),
        median=tuple(median.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
    )
