"""A sweep's history as Mermaid text: the trials as bars, the best so far as a line."""

from action.mermaid_text import BLUE, ORANGE, bar_floor, number, value_axis, xychart
from reporting.sweep_document import HistoryChart

MOST_TRIALS = 60  # beyond it bars are too thin to see: of so many neighbouring trials the best one is drawn
LEGEND = "Blue: each trial (no bar where it failed). Orange: the best so far"


def history(chart: HistoryChart) -> str:
    """The trials in their order; "" where fewer than two have a value."""
    values = dict(zip(chart.trial, chart.value, strict=True))
    if len(values) < 2 or not chart.leaders:
        return ""
    best = max if chart.metric.maximize else min
    last = max([*values, *chart.failed])
    width = -(-(last + 1) // MOST_TRIALS)
    groups = [range(first, min(first + width, last + 1)) for first in range(0, last + 1, width)]
    shown = [[values[trial] for trial in group if trial in values] for group in groups]
    bars = [_clipped(best(group), chart) if group else None for group in shown]
    line: list[float] = []
    for group in groups:
        reached = [value for trial, value in chart.leaders if trial <= group[-1]]
        line.append(_clipped(reached[-1], chart) if reached else _clipped(chart.leaders[0][1], chart))
    seen = [bar for bar in bars if bar is not None]
    floor = bar_floor([*seen, *line])
    none = floor - (max([*seen, *line]) - floor)  # below the axis
    label = f"{chart.metric.name} ({chart.metric.unit})" if chart.metric.unit else chart.metric.name
    return xychart(
        title=f"{chart.metric.name}: {'each trial' if width == 1 else f'the best of every {width} trials'}",
        x_axis=f'"trial" {number(0.0)} --> {number(float(last))}',
        y_axis=value_axis(label, [floor, *seen, *line]),
        series=[("bar", BLUE, [none if bar is None else bar for bar in bars]), ("line", ORANGE, line)],
    )


def _clipped(value: float, chart: HistoryChart) -> float:
    """Bad values far out would press the others into a line, here too."""
    return min(max(value, chart.metric.low), chart.metric.high)
