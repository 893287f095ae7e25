"""The first question, does it reproduce: what a second run of the same commit and seed says."""

from collections.abc import Mapping, Sequence

from experiment.bundle import FileGap, Replicate
from experiment.snapshot import RunSummary, Snapshot
from experiment.spec import Metric
from experiment.value import double_bits
from reporting.decision import Reproduction
from reporting.evidence import NUMERIC_NOISE, SameSeed, within_tolerance
from reporting.numbers import plain
from reporting.parting import how_it_parts

MEASURED_BY_US = frozenset({"runtime_s"})
"""Metrics that the runner measures. They never repeat, so they take no part in identity."""

_CACHED = ("", ", once from cache", ", both from cache")


def same_bits(a: RunSummary, b: RunSummary) -> bool:
    """Whether two runs left the same bits: every metric, whole curves, every declared artifact; and not nothing."""
    return left_something(a) and a.result_sha256 == b.result_sha256


def left_something(run: RunSummary) -> bool:
    """Whether a run left any result: two that left none are equal in nothing that counts."""
    return any(name not in MEASURED_BY_US for name in run.metrics) or any(run.artifacts.values())


def same_seed_runs(baseline: Snapshot, candidate: Snapshot) -> list[tuple[RunSummary, RunSummary]]:
    """(baseline run, candidate run) of every seed that both sides ran to a good end."""
    stored = {run.seed: run for run in baseline.runs if run.ok}
    return [(stored[run.seed], run) for run in candidate.runs if run.ok and run.seed in stored]


def all_same_bits(pairs: Sequence[tuple[RunSummary, RunSummary]]) -> bool:
    """Whether there is a seed that both sides ran, and all of them left the same bits."""
    return bool(pairs) and all(same_bits(b, c) for b, c in pairs)


def what_differs(a: RunSummary, b: RunSummary) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of metrics, and paths of artifacts, whose bits differ between two runs, or that only one has."""
    names = [name for name in {**a.metrics, **b.metrics} if name not in MEASURED_BY_US]
    return (
        tuple(name for name in names if _bits(a, name) != _bits(b, name)),
        tuple(p for p in {**a.artifacts, **b.artifacts} if a.artifacts.get(p) != b.artifacts.get(p)),
    )


def _bits(run: RunSummary, name: str) -> tuple[str | None, str | None]:
    return (double_bits(run.metrics[name]) if name in run.metrics else None), run.curves.get(name)


def reproduced(
    candidate: Snapshot, baseline: Snapshot | None, replicate: Replicate | None, metrics: Mapping[str, Metric]
) -> tuple[Reproduction, str]:
    """Answer the first question, with one sentence that says what was run and what came of it."""
    if replicate is None:
        return _from_baseline(candidate, baseline)
    again = replicate.run
    first = replicate.first or next((run for run in candidate.runs if run.seed == again.seed), None)
    if first is None:
        return Reproduction.UNVERIFIABLE, f"seed {again.seed} was run only once"
    for run, which in ((first, "first"), (again, "second")):
        if not run.ok:
            ended = f"{run.outcome.status}, {run.outcome.reason}".strip(", ")
            return Reproduction.UNVERIFIABLE, f"the {which} run of seed {run.seed} failed: {ended}"
    twice = f"seed {again.seed} run twice on this machine{_CACHED[first.cached + again.cached]}"
    if same_bits(first, again):
        return Reproduction.IDENTICAL, f"{twice}, equal to the bit"
    return _second_run(first, replicate, metrics, twice)


def _from_baseline(candidate: Snapshot, baseline: Snapshot | None) -> tuple[Reproduction, str]:
    pairs = same_seed_runs(baseline, candidate) if baseline else []
    if not all_same_bits(pairs):
        return Reproduction.NOT_ASKED, "this commit was not run a second time"
    fresh = next((run for _, run in pairs if not run.cached), None)
    if fresh is not None:
        return Reproduction.IDENTICAL, f"seed {fresh.seed} gave the baseline's bits: that is a second run already"
    return (
        Reproduction.IDENTICAL,
        f"seed {pairs[0][1].seed} from cache has the baseline's bits; --no-cache runs it again",
    )


def _second_run(
    first: RunSummary, replicate: Replicate, metrics: Mapping[str, Metric], twice: str
) -> tuple[Reproduction, str]:
    again = replicate.run
    gated = {n: m for n, m in metrics.items() if m.gate and n not in MEASURED_BY_US}
    judged = gated or {n: Metric() for n in first.metrics if n not in MEASURED_BY_US}
    if not left_something(first) and not left_something(again):
        return Reproduction.UNVERIFIABLE, f"{twice}, leaving neither a metric nor an artifact"
    absent = next((n for n in judged if n not in first.metrics or n not in again.metrics), None)
    if absent is not None:
        return Reproduction.UNVERIFIABLE, f"{twice}, without a value of {absent}"
    names, paths = what_differs(first, again)
    parted = [gap for gap in replicate.gaps if gap.metric not in MEASURED_BY_US]
    seen = [gap for gap in parted if gap.metric in metrics or not metrics]
    apart = [n for n, m in judged.items() if not _close(first, again, n, m)]
    how = "; ".join(how_it_parts(gap) for gap in (seen or parted)[:1])
    if apart:
        far = apart[0]
        values = f"{twice}: {far} {plain(first.metrics[far])} and {plain(again.metrics[far])}"
        return Reproduction.DIFFERS, f"{values}; {how}" if how else values
    # On a grid final values coincide by chance: curves that part for good are two results all the same.
    if not judged or any(gap.first_lasting is not None for gap in seen):
        what = how or f"{', '.join((*names, *paths)[:3])} differs{_first_byte(replicate, paths)}"
        return Reproduction.DIFFERS, f"{twice}: {what}"
    differing = (", ".join((*names, *paths)[:3]) or "the curves") + _first_byte(replicate, paths)
    return Reproduction.WITHIN_TOLERANCE, f"{twice}, within tolerance; not to the bit: {differing}"


def _first_byte(replicate: Replicate, paths: Sequence[str]) -> str:
    found = next((gap for gap in replicate.files if gap.path in paths), None)
    return f" ({found.path} {where_files_differ(found)})" if found is not None else ""


def where_files_differ(gap: FileGap) -> str:
    """One clause: "differs first at byte 1,234 of 5,678", counted from 0."""
    before, after = gap.sizes
    size = f"{before:,}" if before == after else f"{before:,}, now {after:,}"
    if gap.first >= min(gap.sizes):
        return f"is the same up to the end of the shorter one, byte {gap.first:,}: {size} bytes"
    return f"differs first at byte {gap.first:,} of {size}"


def _close(first: RunSummary, again: RunSummary, name: str, metric: Metric) -> bool:
    pair = (first.metrics[name], again.metrics[name])
    equal = double_bits(pair[0]) == double_bits(pair[1])
    return equal or within_tolerance(SameSeed((pair,)), metric.tolerance or NUMERIC_NOISE)
