"""How two curves of one seed part, and what that tells about why: rounding that grows, or something else at once."""

import math
from collections.abc import Iterable
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from experiment.bundle import CurveGap
from experiment.curves import Curve
from experiment.snapshot import Snapshot, Trace
from reporting.differences import Change, Differences, Factor
from reporting.numbers import percent, short

LASTING = 1e-6  # a relative gap above the default tolerance can be seen in a result
LASTING_STEPS = 3
ROUNDING = 2e-6  # relative; a few roundings of 32-bit floats, and everything smaller
LARGE = 1e-3  # relative; no rounding makes this in one step
MOST_POINTS = 100  # of a gap that is kept


class Parting(Enum):
    """Why two curves of one seed part, as far as the way they part tells; the value is how a report says it."""

    NUMERICS = "a rounding error that grew: likely numerics (threads, library, kernel)"
    ROUNDING = "rounding errors only: likely numerics (threads, library, kernel)"
    CAUSE = "far at once: likely data, seed, initialisation or code"
    UNCLEAR = "likely a random number, the order of data or a branch"


def how_curves_part(a: Curve, b: Curve) -> CurveGap | None:
    """Compare two curves of one metric and seed at the steps both have; None where all steps and bits are equal."""
    return _compared(a.metric, (a.step, a.value), (b.step, b.value))


def how_runs_part(a: Iterable[Curve], b: Iterable[Curve]) -> tuple[CurveGap, ...]:
    """How the curves of two runs part, for those that do: each with the one of its metric, source and series."""
    others = {(curve.metric, curve.source, curve.series): curve for curve in b}
    pairs = [(curve, others.get((curve.metric, curve.source, curve.series))) for curve in a]
    found = [how_curves_part(curve, other) for curve, other in pairs if other is not None]
    return tuple(gap for gap in found if gap is not None)


def how_traces_part(before: Snapshot, after: Snapshot) -> tuple[CurveGap, ...]:
    """The same for the runs whose curves two sides kept, where these are of one seed; by metric, those that part."""
    found = []
    for metric, now in after.traces.items():
        stored = before.traces.get(metric)
        if stored is not None and stored.seed == now.seed:
            found.append(_compared(metric, _columns(stored), _columns(now)))
    return tuple(gap for gap in found if gap is not None)


Column = tuple[NDArray[np.int64], NDArray[np.float64]]


def _columns(trace: Trace) -> Column:
    """As long as the shorter column; steps that are no 64-bit numbers are left out: a bundle is a stranger's bytes."""
    points = [(s, v) for s, v in zip(trace.step, trace.value, strict=False) if abs(s) < 2**63]
    return np.array([s for s, _ in points], np.int64), np.array([v for _, v in points], np.float64)


def _compared(metric: str, a: Column, b: Column) -> CurveGap | None:
    """Steps and values of two runs.

    A gap is relative, |a - b| / max(|a|, |b|, tiny): 0 for equal bits, infinite where only one is finite. It lasts when
    it exceeds LASTING at three steps in a row, or at all that are left.
    """
    steps, at_a, at_b = np.intersect1d(a[0], b[0], return_indices=True)
    values_a, values_b = a[1][at_a], b[1][at_b]
    different = values_a.view(np.uint64) != values_b.view(np.uint64)
    lonely = np.setxor1d(a[0], b[0])
    if not different.any() and not lonely.size:
        return None
    gap = _relative(values_a, values_b)
    firsts = [int(found[0]) for found in (steps[different], lonely) if found.size]
    first = min(firsts)
    after = np.flatnonzero(steps >= first)
    kept = after[np.unique(np.linspace(0, len(after) - 1, min(MOST_POINTS, len(after))).astype(int))]
    return CurveGap(
        metric=metric,
        start=int(steps[0]) if steps.size else None,
        first_bits=first,
        first_lasting=_first_lasting(steps, gap > LASTING),
        steps=len(steps),
        step=tuple(steps[kept].tolist()),
        gap=tuple(gap[kept].tolist()),
    )


def _relative(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", over="ignore"):
        scale = np.maximum(np.maximum(np.abs(a), np.abs(b)), np.finfo(np.float64).tiny)
        # Halves first: the difference of two large values of opposite sign is no double.
        gap = np.abs(a / 2 - b / 2) / (scale / 2)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return np.where(same, 0.0, np.where(np.isfinite(a) & np.isfinite(b), gap, np.inf))


def _first_lasting(steps: NDArray[np.int64], apart: NDArray[np.bool_]) -> int | None:
    for i in np.flatnonzero(apart).tolist():
        if apart[i : i + LASTING_STEPS].all():
            return int(steps[i])
    return None


def parting(gap: CurveGap) -> Parting:
    """Why the curves part, from the size of the first gap, where it is, and whether it grows."""
    first = first_gap(gap)
    if first <= ROUNDING:
        return Parting.ROUNDING if gap.first_lasting is None else Parting.NUMERICS
    if first >= LARGE and gap.first_bits == gap.start:
        return Parting.CAUSE
    return Parting.UNCLEAR


def first_gap(gap: CurveGap) -> float:
    """The first gap above 0, since signed zeros differ in bits alone; infinite where no step is common to both."""
    return next((g for g in gap.gap if g > 0), math.inf if not gap.gap else 0.0)


_OF = {
    Parting.NUMERICS: (Factor.HARDWARE, Factor.ENVIRONMENT),
    Parting.ROUNDING: (Factor.HARDWARE, Factor.ENVIRONMENT),
    Parting.CAUSE: (Factor.CODE, Factor.PARAMETERS, Factor.DATA, Factor.SEEDING),
    Parting.UNCLEAR: (Factor.CODE, Factor.PARAMETERS, Factor.DATA, Factor.SEEDING),
}
"""What may make two runs part in each way."""


def suspects(how: Parting, found: Differences) -> tuple[Change, ...]:
    """What differs between two sides and may make their curves part like this; another kernel alone explains it."""
    named = [change for factor in _OF[how] for change in found.of(factor)]
    return tuple(change for change in named if change.name == "kernel") or tuple(named)


def how_it_parts(gap: CurveGap) -> str:
    """One clause: "test/loss parts at step 1 by 1.1×10⁻¹⁶ of its value, for good from step 1416, a rounding …"."""
    return f"{gap.metric} parts at step {gap.first_bits}{by(gap)}{_lasting(gap)}, {parting(gap).value}"


def by(gap: CurveGap) -> str:
    """The size of the first gap: " by 3 %", " by 1.1×10⁻¹⁶ of its value"; nothing where only bits differ."""
    first = first_gap(gap)
    return f" by {size(first)}" if 0 < first < math.inf else ""


def size(gap: float) -> str:
    """A relative gap: "9.3 %", "1.1×10⁻¹⁶ of its value"."""
    if not math.isfinite(gap):
        return "a value that is not finite"
    return percent(float(f"{gap:.2g}")) if gap >= 0.001 else f"{short(gap).number(gap)} of its value"


def _lasting(gap: CurveGap) -> str:
    if gap.first_lasting is None:
        return ""
    return " and for good" if gap.first_lasting == gap.first_bits else f", for good from step {gap.first_lasting} on"
