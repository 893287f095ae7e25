"""Charts that are hard to draw: one run, no baseline, NaN, constants, decades, names that look like formulas."""

import math

from builders import ACCURACY, LOWER_ACCURACY, a_band, a_sample

from experiment.snapshot import CurveBand
from reporting.document import Chart, Side


def a_side(label: str, values: tuple[float, ...], curve: CurveBand | None = None, failed: int = 0) -> Side:
    """A side as `reporting.charts` makes it."""
    s = a_sample(values)
    return Side(label=label, values=s.values, mean=s.mean, sd=s.sd, not_finite=s.not_finite, failed=failed, curve=curve)


def a_chart(*sides: Side, metric: str = "test/accuracy", decimals: int = 4, unit: str = "", **changes: object) -> Chart:
    """Baseline and commit with a margin, unless said otherwise."""
    both = sides or (
        a_side("baseline", ACCURACY, a_band(ACCURACY)),
        a_side("this commit", LOWER_ACCURACY, a_band(LOWER_ACCURACY)),
    )
    fields: dict[str, object] = {"margin": 0.005, "margin_words": "margin ± 0.005", **changes}
    return Chart.model_validate(
        {"metric": metric, "unit": unit, "sides": both, "decimals": decimals, "alt": "a figure", **fields}
    )


def _decay(n: int, end: float) -> CurveBand:
    step = tuple(range(1, 101))
    median = tuple(2.3 * math.exp(-i / 12) + end for i in step)
    return CurveBand(
        n=n, step=step, median=median, low=tuple(v * 0.8 for v in median), high=tuple(v * 1.3 for v in median)
    )


def _holes() -> CurveBand:
    base = a_band(LOWER_ACCURACY)
    median = tuple(math.nan if 30 < i < 45 else v for i, v in enumerate(base.median))
    return base.model_copy(update={"median": median, "high": (*base.high[:-1], math.inf)})


_NAN = (math.nan,) * 3

CHARTS: dict[str, Chart] = {
    "usual": a_chart(),
    "one run": a_chart(
        a_side("baseline", ACCURACY, a_band(ACCURACY)), a_side("this commit", (0.9395,), a_band((0.9395,)))
    ),
    "no baseline": a_chart(a_side("this commit", LOWER_ACCURACY, a_band(LOWER_ACCURACY)), margin=None),
    "one run, no baseline": a_chart(a_side("this commit", (0.9395,)), margin=None),
    "no curve": a_chart(a_side("baseline", ACCURACY), a_side("this commit", LOWER_ACCURACY)),
    "not finite": a_chart(
        a_side("baseline", ACCURACY, a_band(ACCURACY)),
        a_side("this commit", (math.nan, 0.92, 0.91, math.inf), _holes(), failed=1),
    ),
    "never finite": a_chart(a_side("baseline", (math.nan,) * 3), a_side("this commit", (math.inf,))),
    "curve of nothing": a_chart(
        a_side("baseline", ACCURACY),
        a_side("this commit", LOWER_ACCURACY, CurveBand(n=3, step=(1, 2, 3), median=_NAN, low=_NAN, high=_NAN)),
    ),
    "constant": a_chart(
        a_side("baseline", (0.5,) * 10, a_band((0.5,) * 10, start=0.5)),
        a_side("this commit", (0.5,) * 5, a_band((0.5,) * 5, start=0.5)),
        margin=None,
    ),
    "zero": a_chart(
        a_side("baseline", (0.0,) * 3, a_band((0.0,), start=0.0)), a_side("this commit", (0.0,)), margin=None
    ),
    "decades": a_chart(
        a_side("baseline", (1e-4, 3e-4, 2e-3), _decay(3, 1e-4)),
        a_side("this commit", (0.4, 0.09, 0.2), _decay(3, 5e-2)),
        metric="test/loss",
        margin=None,
    ),
    "tiny": a_chart(
        a_side("baseline", (1.1e-7, 1.3e-7, 1.2e-7)), a_side("this commit", (1.5e-7, 1.6e-7)), decimals=2, exponent=-7,
        margin=None, metric="test/error",
    ),
    "huge": a_chart(
        a_side("baseline", (3.1e9, 3.3e9, 3.2e9)), a_side("this commit", (3.5e9, 3.6e9)), decimals=1, exponent=9,
        margin=None, metric="flops",
    ),
    "one step": a_chart(
        a_side("baseline", ACCURACY, CurveBand(n=10, step=(1,), median=(0.94,), low=(0.93,), high=(0.95,))),
        a_side("this commit", LOWER_ACCURACY, CurveBand(n=5, step=(1,), median=(0.91,), low=(0.90,), high=(0.92,))),
    ),
    "one curve": a_chart(a_side("baseline", ACCURACY), a_side("this commit", LOWER_ACCURACY, a_band(LOWER_ACCURACY))),
    "a formula": a_chart(metric=r"$\frac{x}{y}$ $x$"),
    "a long name": a_chart(metric="validation/per_class/class_007/recall/weighted_by_area", unit="s"),
    "other scripts": a_chart(metric="точность\u202e精度😀"),
    "many runs": a_chart(
        a_side("baseline", tuple(0.9 + (i * 37 % 101) / 4000 for i in range(60)), a_band(ACCURACY)),
        a_side("this commit", tuple(0.91 + (i * 53 % 97) / 9000 for i in range(60)), a_band(LOWER_ACCURACY)),
    ),
    "margin at the edge": a_chart(a_side("baseline", (0.94,)), a_side("this commit", (0.1, 0.2, 0.3)), margin=1e-4),
}  # fmt: skip
