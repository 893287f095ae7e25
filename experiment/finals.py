"""From curves to final values: which series counts, and whether the last point or the mean of the last N."""

from collections.abc import Iterable, Mapping

import numpy as np

from experiment.curves import Curve
from experiment.record import MetricValue
from experiment.spec import Metric


def final_values(curves: Iterable[Curve], metrics: Mapping[str, Metric]) -> dict[str, MetricValue]:
    """Metric name -> final value, for every metric that has a curve; names sorted.

    The last series counts unless `series` names one (a series that is not there leaves the metric out). `last: N` is
    the mean of the last N points, or of all where there are fewer.
    """
    by_name: dict[str, list[Curve]] = {}
    for curve in curves:
        by_name.setdefault(curve.metric, []).append(curve)
    found: dict[str, MetricValue] = {}
    for name in sorted(by_name):
        rule = metrics.get(name, Metric())
        chosen = _series(by_name[name], rule.series)
        if chosen is not None and len(chosen.value):
            found[name] = MetricValue(
                value=_value(chosen, rule.last),
                step=int(chosen.step[-1]),
                points=len(chosen.step),
                source=chosen.source,
                curve_sha256=chosen.sha256() if len(chosen.step) > 1 else None,
            )
    return found


def _series(curves: list[Curve], wanted: int | None) -> Curve | None:
    if wanted is None:
        return max(curves, key=lambda curve: curve.series)
    return next((curve for curve in curves if curve.series == wanted), None)


def _value(curve: Curve, last: int | None) -> float:
    if last is None:
        return float(curve.value[-1])
    with np.errstate(invalid="ignore", over="ignore"):  # infinities of both signs have no mean: NaN
        return float(np.mean(curve.value[-last:]))
