"""What the page says of each step of a curve, and where on the figure that step is: data for its script."""

import json
from typing import Any

from reporting.document import AnyChart, Chart, GapChart, Side
from reporting.numbers import Rounding
from reporting.parting import size
from reporting.theme import Box, gap_box, step_range, value_box


def as_json(chart: AnyChart) -> str:
    """Steps, a clause for each, and the place of the axes as fractions of the figure; "" where there is no curve."""
    if isinstance(chart, Chart):
        found = _of_values(chart)
    elif isinstance(chart, GapChart):
        found = _of_gap(chart)
    else:
        return ""
    return json.dumps(found, allow_nan=False) if found else ""


def _of_values(chart: Chart) -> dict[str, Any]:
    sides = [side for side in chart.sides if side.curve is not None and len(side.curve.step) > 1]
    steps = sorted({step for side in sides for step in (side.curve.step if side.curve else ())})
    if not steps:
        return {}
    words = Rounding(chart.decimals, chart.exponent, chart.unit)
    said = ["; ".join(filter(None, (_at(side, step, words) for side in sides))) for step in steps]
    return _data(value_box(), steps, said)


def _at(side: Side, step: int, words: Rounding) -> str:
    band = side.curve
    if band is None or step not in band.step:
        return ""
    i = band.step.index(step)
    text = f"{side.label} {words.number(band.median[i])}"
    return text if band.n == 1 else f"{text} ({words.number(band.low[i])} … {words.number(band.high[i])})"


def _of_gap(chart: GapChart) -> dict[str, Any]:
    said = ["no gap" if gap == 0 else f"apart by {size(gap)}" for gap in chart.gap]
    return _data(gap_box(), list(chart.step), said)


def _data(box: Box, steps: list[int], said: list[str]) -> dict[str, Any]:
    low, high = step_range(steps)
    return {"steps": steps, "said": said, "box": box._asdict(), "from": low, "to": high}
