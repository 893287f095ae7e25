"""Which metrics a trial run had: from the files it wrote, the calls it made and the lines it printed, each once."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from experiment.curves import Curve, split_series
from experiment.errors import Refused
from experiment.spec import Goal
from runner import metric_files, printed_guess
from runner.discovery import directions
from runner.printed import SOURCE

MAX_PROPOSED = 40
MIN_POINTS = 20  # fewer are no curve whose end could be noisy
MAX_LAST = 100
_NOISY = 0.02  # of the curve's span
_SUFFIXES = {".json", ".jsonl", ".ndjson", ".yaml", ".yml", ".csv", ".tsv"}
_NO_RESULTS = re.compile(
    r".*(?:config|args|params|hparams|settings|predict|submission|embedding|vocab|token|labels|metadata).*|model", re.I
)
_RESULTS = re.compile(r".*(?:metric|result|score|history|curve|eval|report|stats|log|progress|summary).*", re.I)
_TRACKERS = {"mlruns", "wandb", ".neptune", ".aim", "__pycache__", ".ml-experiment"}


@dataclass(frozen=True, eq=False)
class Proposal:
    """A metric as the experiment file would have it. `file`: the metric file; `repeats`: equal in both runs."""

    name: str
    goal: Goal | None
    gate: bool
    last: int | None
    source: str  # "file curve.csv", "keras", "mlflow", "sklearn", "output"
    value: float
    points: int
    file: str | None = None
    pattern: str | None = None
    repeats: bool | None = None


def files_of(folder: Path, names: Iterable[str]) -> dict[str, list[Curve]]:
    """Those of the written files `names` (below `folder`) that hold results, each with its curves."""
    found = {}
    for name in sorted(names):
        path = PurePosixPath(name)
        if path.suffix.lower() not in _SUFFIXES or _NO_RESULTS.fullmatch(path.stem) or _TRACKERS & set(path.parts):
            continue
        try:
            curves = metric_files.read(folder / name, name)
        except (Refused, OSError):
            continue
        telling = any(directions.goal(curve.metric) is not None for curve in curves)
        if curves and (telling or _RESULTS.fullmatch(path.stem)):
            found[name] = curves
    return found


def propose(files: Mapping[str, Sequence[Curve]], recorded: Sequence[Curve], lines: Iterable[str]) -> list[Proposal]:
    """Every metric of a run once. What a file says is believed before what was recorded, that before what is printed.

    A metric that has the name or the same last value as one already found is that one. Results measured on training
    data do not gate where there are others, nor does what has no direction, nor what is a time.
    """
    found: dict[str, tuple[Proposal, Curve]] = {}
    for file, curves in files.items():
        for curve in _last_series(curves):
            found.setdefault(curve.metric, (_proposal(curve, file=file), curve))
    for curve in _last_series(recorded):
        if not any(_is_same(curve, other) for _, other in found.values()):
            found.setdefault(curve.metric, (_proposal(curve), curve))
    for guess in printed_guess.guess(lines):
        steps = range(1, len(guess.values) + 1)
        curve = _last_series(split_series(guess.name, SOURCE, steps, guess.values, [0.0] * len(guess.values)))[-1]
        if not any(_is_printed(curve, other) for _, other in found.values()):
            found.setdefault(guess.name, (_proposal(curve, pattern=guess.pattern), curve))
    kept = [proposal for proposal, _ in found.values() if not directions.is_setting(proposal.name)]
    return _gating(kept)[:MAX_PROPOSED]


def with_repeats(first: Iterable[Proposal], second: Iterable[Proposal]) -> list[Proposal]:
    """The first run's metrics, each with whether the second run of the same seed had the same value to the bit."""
    values = {proposal.name: proposal.value for proposal in second}
    return [
        replace(each, repeats=each.name in values and _bits(each.value) == _bits(values[each.name])) for each in first
    ]


def _bits(value: float) -> bytes:
    return np.float64(value).tobytes()


def _last_series(curves: Iterable[Curve]) -> list[Curve]:
    last: dict[str, Curve] = {}
    for curve in curves:
        if len(curve.value) and (curve.metric not in last or curve.series >= last[curve.metric].series):
            last[curve.metric] = curve
    return list(last.values())


def _proposal(curve: Curve, *, file: str | None = None, pattern: str | None = None) -> Proposal:
    goal = directions.goal(curve.metric)
    return Proposal(
        name=curve.metric,
        goal=goal,
        gate=goal is not None and not directions.is_cost(curve.metric),
        last=noisy_end(curve.value),
        source=curve.source,
        value=float(curve.value[-1]),
        points=len(curve.value),
        file=file,
        pattern=pattern,
    )


def noisy_end(values: NDArray[np.float64]) -> int | None:
    """How many of the last points to average: a tenth of the curve, where its end jitters; None where it does not.

    The jitter is the spread of the differences between neighbours in the last fifth, over the square root of 2, so that
    a slope does not count; it is large above 2 % of the range between the curve's 5th and 95th percentile.
    """
    count = len(values)
    if count < MIN_POINTS or not np.isfinite(values).all():
        return None
    low, high = np.percentile(values, [5, 95])
    end = np.diff(values[-max(10, count // 5) :])
    jitter = float(np.std(end)) / math.sqrt(2)
    return min(MAX_LAST, max(3, count // 10)) if jitter > _NOISY * float(high - low) > 0 else None


def _is_same(curve: Curve, other: Curve) -> bool:
    if directions.words(curve.metric) == directions.words(other.metric):
        return True
    return _bits(curve.value[-1]) == _bits(other.value[-1]) and float(curve.value[-1]) not in (0.0, 1.0)


def _is_printed(printed: Curve, other: Curve) -> bool:
    """Whether a printed curve is one that is known in full: by name, or by its last value, rounded or in percent."""
    if directions.words(printed.metric) == directions.words(other.metric):
        return True
    shown, known = float(printed.value[-1]), float(other.value[-1])
    digits = len(repr(shown).partition(".")[2]) if "e" not in repr(shown) else 0
    return digits >= 2 and any(abs(shown - known * scale) <= 0.51 * 10**-digits for scale in (1.0, 100.0))


def _gating(proposals: list[Proposal]) -> list[Proposal]:
    """The same, training metrics not gating where held-out ones do; those that gate first."""
    names = {proposal.name for proposal in proposals}

    def trains(proposal: Proposal) -> bool:
        keras = f"val_{proposal.name}" in names
        return keras or directions.is_of_training(proposal.name)

    held_out = any(proposal.gate and not trains(proposal) for proposal in proposals)
    judged = [replace(each, gate=each.gate and not (held_out and trains(each))) for each in proposals]
    return sorted(judged, key=lambda proposal: (not proposal.gate, proposal.goal is None))
