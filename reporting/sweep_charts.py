"""Which figures a sweep gets, what each shows, and the same in words for those who do not see it."""

import math
from collections.abc import Iterator, Sequence
from statistics import fmean, quantiles

from experiment.command import text
from experiment.search import Range
from experiment.trials import Row
from experiment.value import Scalar
from reporting.markdown import name
from reporting.numbers import count
from reporting.study import Study, deviation
from reporting.sweep_document import (
    Axis,
    Ended,
    Fresh,
    FrontChart,
    HistoryChart,
    ImportanceChart,
    Metric,
    ParallelChart,
    SlicesChart,
    SweepChart,
)

MOST_AXES = 12
_FEWEST = 2  # complete trials below which there is nothing to compare
_FAR = 3.0  # quartile distances from which on a value is not followed (Tukey's far out)


def charts(study: Study) -> tuple[SweepChart, ...]:
    """The first one stands in the open: the history, or the front of several objectives."""
    made: list[SweepChart | None] = [front(study) if study.several else history(study)]
    if len(study.complete) >= _FEWEST:
        made += [importances(study), parallel(study), slices(study)]
    return tuple(chart for chart in made if chart is not None)


def history(study: Study) -> HistoryChart | None:
    """Complete and pruned trials, those in which the objective was not seen, and the best so far."""
    seen = list(_with_value(study))
    if not seen:
        return None
    fresh = _fresh(study)
    metric = _metric(study, 0, [value for _, value, _ in seen], [*fresh.values] if fresh else [])
    leaders: list[tuple[int, float]] = []
    for row, value, ended in seen:
        if ended == "complete" and (not leaders or _better(value, leaders[-1][1], metric.maximize)):
            leaders.append((row.trial, value))
    failed = tuple(row.trial for row in study.table if row.state == "failed")
    words = study.roundings[0]
    parts = [f"{metric.name} of {count(len(study.table), 'trial')}"]
    if leaders:
        first, last = (words.with_unit(words.number(value)) for _, value in (leaders[0], leaders[-1]))
        by = f"{last} in trial {leaders[-1][0]}"
        parts.append(f"the best so far goes from {first} to {by}" if len(leaders) > 1 else f"the best is {by}")
    parts += _marked([ended for _, _, ended in seen], len(failed))
    if fresh:
        parts.append(f"its parameters give {words.spread(fresh.mean, fresh.sd)} on {_seeds(len(fresh.values))}")
    return HistoryChart(
        metric=metric,
        trial=tuple(row.trial for row, _, _ in seen),
        value=tuple(value for _, value, _ in seen),
        ended=tuple(ended for _, _, ended in seen),
        failed=failed,
        leaders=tuple(leaders),
        fresh=fresh,
        alt="; ".join(parts),
    )


def parallel(study: Study) -> ParallelChart | None:
    """Possible trials by their parameters and the first objective, from worst to best."""
    finite = {row.trial for row in study.complete}
    ranked = [row for row in study.ranked() if row.trial in finite][::-1]
    if len(ranked) < _FEWEST:
        return None
    metric = _metric(study, 0, [row.values[0] for row in ranked if row.values], [])
    scale = Axis(name=metric.name, low=metric.low, high=metric.high)
    names = _chosen(study)
    axes = {key: _axis(key, study.sweep.space[key]) for key in names}
    rows = []
    for row in ranked:
        places = [
            axes[key].place(number(study.sweep.space[key], row.params[key])) if key in row.params else None
            for key in names
        ]
        at = scale.place(row.values[0]) if row.values else 0.0
        rows.append((*places, min(max(at, 0.0), 1.0)))
    leading = max(1, round(len(rows) / 10))
    listed = ", ".join(axis.name for axis in axes.values())
    return ParallelChart(
        metric=metric,
        axes=tuple(axes.values()),
        rows=tuple(rows),
        leading=leading,
        best=ranked[-1].trial,
        alt=f"{count(len(rows), 'complete trial')} as lines over {listed} to {metric.name}; the best {leading} stand "
        f"out, trial {ranked[-1].trial} most" + _more(study),
    )


def importances(study: Study) -> ImportanceChart | None:
    """Every parameter's share with its uncertainty."""
    found = study.importances
    if found is None or not found.shares:
        return None
    shares = dict(list(found.shares.items())[:MOST_AXES])
    said = [f"{name(key)} {one.share:.2f} [{one.low:.2f} … {one.high:.2f}]" for key, one in shares.items()]
    return ImportanceChart(
        names=tuple(name(key) for key in shares),
        share=tuple(one.share for one in shares.values()),
        low=tuple(one.low for one in shares.values()),
        high=tuple(one.high for one in shares.values()),
        trials=found.trials,
        resamples=found.resamples,
        alt=f"importance of each parameter: {', '.join(said)}",
    )


def slices(study: Study) -> SlicesChart | None:
    """The first objective of complete trials against each parameter."""
    rows = study.complete
    metric = _metric(study, 0, [row.values[0] for row in rows if row.values], [])
    names = _chosen(study)
    best = study.best[0] if study.best and not study.several else None
    return SlicesChart(
        metric=metric,
        axes=tuple(_axis(key, study.sweep.space[key]) for key in names),
        at=tuple(
            tuple(number(study.sweep.space[key], row.params[key]) if key in row.params else None for row in rows)
            for key in names
        ),
        value=tuple(row.values[0] for row in rows if row.values),
        ended=tuple(_ended(row) for row in rows),
        best=next((i for i, row in enumerate(rows) if best is not None and row.trial == best.trial), None),
        alt=f"{metric.name} of {count(len(rows), 'complete trial')} against each of {', '.join(map(name, names))}"
        + _more(study),
    )


def front(study: Study) -> FrontChart | None:
    """The first two or three objectives of complete trials."""
    rows = study.complete
    if not rows:
        return None
    shown = range(min(3, len(study.sweep.objective)))
    columns = [tuple(row.values[i] for row in rows if row.values) for i in shown]
    metrics = tuple(_metric(study, i, columns[i], []) for i in shown)
    leaders = {row.trial for row in study.best}
    others = " and ".join(m.name for m in metrics[1:])
    parts = [f"{metrics[0].name} against {others} of {count(len(rows), 'complete trial')}"]
    parts.append(f"{len(leaders)} that no other beats in every objective")
    parts += _marked([_ended(row) for row in rows], 0)
    if len(study.sweep.objective) > len(shown):
        parts.append(f"{len(study.sweep.objective) - len(shown)} more objectives are in the tables")
    return FrontChart(
        metrics=metrics,
        values=tuple(columns),
        ended=tuple(_ended(row) for row in rows),
        front=tuple(row.trial in leaders for row in rows),
        alt="; ".join(parts),
    )


def number(range_: Range, value: Scalar) -> float:
    """Where a parameter's value stands on its axis: itself, or the number of the choice."""
    if range_.choice is not None:
        return float(next(i for i, one in enumerate(range_.choice) if type(one) is type(value) and one == value))
    assert not isinstance(value, str)
    return float(value)


def visible_range(values: Sequence[float], maximize: bool) -> tuple[float, float]:
    """Lowest and highest value that a figure follows: all, but for bad ones far out, which would press the good ones
    into a line. Values that span more than two powers of ten stay, since their axis is logarithmic."""
    low, high = min(values), max(values)
    if len(values) < 8 or (low > 0 and high / low > 100):
        return low, high
    first, _, third = quantiles(values, n=4)
    reach = _FAR * (third - first)
    if maximize:
        return min(v for v in values if v >= first - reach), high
    return low, max(v for v in values if v <= third + reach)


def _metric(study: Study, objective: int, values: Sequence[float], kept: Sequence[float]) -> Metric:
    """The objective with the range that shows most of `values` and all of `kept`."""
    look, high = study.roundings[objective], study.maximize[objective]
    edges = [*visible_range(values, high), *kept]
    return Metric(
        name=name(list(study.sweep.objective)[objective]),
        unit=look.unit,
        maximize=high,
        low=min(edges),
        high=max(edges),
        decimals=look.decimals,
        exponent=look.exponent,
    )


def _axis(key: str, range_: Range) -> Axis:
    if range_.choice is not None:
        choices = tuple(text(value) for value in range_.choice)
        return Axis(name=name(key), low=0.0, high=float(len(choices) - 1), choices=choices)
    bounds = range_.float_ or range_.int_
    assert bounds is not None
    return Axis(name=name(key), low=float(bounds[0]), high=float(bounds[1]), log=range_.log)


def _chosen(study: Study) -> list[str]:
    """The parameters that are drawn: the most important ones where they are too many."""
    names = list(study.sweep.space)
    if len(names) <= MOST_AXES or study.importances is None:
        return names[:MOST_AXES]
    first = list(study.importances.shares)[:MOST_AXES]
    return [key for key in names if key in first]


def _more(study: Study) -> str:
    more = len(study.sweep.space) - MOST_AXES
    return f"; {count(more, 'less important parameter')} not drawn" if more > 0 else ""


def _with_value(study: Study) -> Iterator[tuple[Row, float, Ended]]:
    """Trials with a finite value to show: the objective's, or the last one before the pruner ended it."""
    for row in study.table:
        if row.state == "complete" and row.values and math.isfinite(row.values[0]):
            yield row, row.values[0], _ended(row)
        elif row.state == "pruned" and row.points and math.isfinite(row.points[-1][1]):
            yield row, row.points[-1][1], "pruned"


def _ended(row: Row) -> Ended:
    return "complete" if row.possible else "impossible"


def _better(value: float, other: float, maximize: bool) -> bool:
    return value > other if maximize else value < other


def _fresh(study: Study) -> Fresh | None:
    values = [value for value in study.fresh if math.isfinite(value)]
    return Fresh(values=tuple(values), mean=fmean(values), sd=deviation(values)) if values else None


def _marked(ended: Sequence[Ended], failed: int) -> list[str]:
    """How many trials are marked as something else than complete."""
    counted = [
        (ended.count("impossible"), "outside a constraint"),
        (ended.count("pruned"), "pruned"),
        (failed, "failed"),
    ]
    return [f"{n} {words}" for n, words in counted if n]


def _seeds(n: int) -> str:
    return count(n, "fresh seed")
