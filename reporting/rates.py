"""How often the verdict is wrong and how often it finds a change, as measured by `benchmarks/verdict.py`.

A report quotes these numbers for the design it was made by, or says that they were not measured for it.
"""

from typing import NamedTuple

from reporting.evidence import Rules

EFFECTS = (2.0, 2.5, 3.0, 3.5, 4.0)
"""Drops, in standard deviations of one run, for which it was measured how often they are found."""

MOST_GATED = 100
"""Gated metrics up to which Holm's family error was measured."""


class Design(NamedTuple):
    """Baseline runs, runs of the first stage, of both together, and how often an unchanged commit goes on after it."""

    n: int
    first: int
    total: int
    escalate: float


class Rates(NamedTuple):
    """Fractions, by 40,000 simulated comparisons each; `found` has one of each of EFFECTS."""

    alarm: float  # an unchanged commit is called improved or regressed; normal noise
    worst: float  # the same in the worst of the families of noise
    runs: float  # spent on an unchanged commit
    found: tuple[float, ...]  # a drop is called regressed


def rates(design: Design, rules: Rules, gated: int) -> Rates | None:
    """What was measured for this design, or for the next smaller baseline; None where nothing near it was measured."""
    usual = Rules(first=rules.first, escalate=rules.escalate)
    if rules != usual or not 1 <= gated <= MOST_GATED:
        return None
    if design.first >= design.total:
        design = design._replace(first=design.total, escalate=0.2)
    sizes = sorted(d.n for d in MEASURED if d[1:] == design[1:])
    if not sizes or design.n < sizes[0]:
        return None
    return MEASURED[design._replace(n=max(n for n in sizes if n <= design.n))]


_TABLE: tuple[tuple[int, int, int, float, float, float, float, tuple[float, ...]], ...] = (
    # n, first, total, escalate, alarm, worst, runs, found
    (3, 1, 5, 0.2, 0.0089, 0.0130, 1.8, (0.253, 0.417, 0.594, 0.742, 0.856)),
    (5, 1, 5, 0.2, 0.0078, 0.0121, 1.8, (0.408, 0.629, 0.811, 0.916, 0.969)),
    (10, 1, 5, 0.2, 0.0065, 0.0086, 1.8, (0.589, 0.796, 0.917, 0.969, 0.990)),
    (20, 1, 5, 0.2, 0.0057, 0.0072, 1.8, (0.683, 0.856, 0.943, 0.981, 0.995)),
    (40, 1, 5, 0.2, 0.0060, 0.0077, 1.8, (0.722, 0.874, 0.949, 0.984, 0.995)),
    (3, 1, 5, 0.3, 0.0092, 0.0127, 2.2, (0.282, 0.459, 0.642, 0.793, 0.897)),
    (5, 1, 5, 0.3, 0.0077, 0.0129, 2.2, (0.448, 0.681, 0.849, 0.943, 0.982)),
    (10, 1, 5, 0.3, 0.0082, 0.0088, 2.2, (0.642, 0.848, 0.949, 0.985, 0.996)),
    (20, 1, 5, 0.3, 0.0069, 0.0073, 2.2, (0.746, 0.902, 0.967, 0.990, 0.997)),
    (40, 1, 5, 0.3, 0.0070, 0.0085, 2.2, (0.786, 0.916, 0.971, 0.991, 0.998)),
    (3, 1, 10, 0.2, 0.0057, 0.0077, 2.8, (0.359, 0.554, 0.717, 0.836, 0.904)),
    (5, 1, 10, 0.2, 0.0059, 0.0084, 2.8, (0.529, 0.739, 0.867, 0.937, 0.974)),
    (10, 1, 10, 0.2, 0.0051, 0.0076, 2.8, (0.678, 0.836, 0.925, 0.970, 0.991)),
    (20, 1, 10, 0.2, 0.0014, 0.0016, 2.8, (0.710, 0.864, 0.944, 0.980, 0.994)),
    (40, 1, 10, 0.2, 0.0001, 0.0004, 2.8, (0.727, 0.879, 0.950, 0.984, 0.995)),
    (3, 1, 10, 0.3, 0.0073, 0.0080, 3.7, (0.422, 0.648, 0.816, 0.915, 0.963)),
    (5, 1, 10, 0.3, 0.0074, 0.0102, 3.7, (0.610, 0.815, 0.923, 0.972, 0.990)),
    (10, 1, 10, 0.3, 0.0059, 0.0080, 3.7, (0.758, 0.894, 0.960, 0.986, 0.996)),
    (20, 1, 10, 0.3, 0.0014, 0.0017, 3.7, (0.787, 0.913, 0.967, 0.991, 0.997)),
    (40, 1, 10, 0.3, 0.0001, 0.0004, 3.7, (0.797, 0.920, 0.973, 0.993, 0.998)),
    (3, 3, 3, 0.2, 0.0103, 0.0196, 3.0, (0.155, 0.258, 0.374, 0.505, 0.638)),
    (5, 3, 3, 0.2, 0.0089, 0.0146, 3.0, (0.291, 0.472, 0.653, 0.804, 0.904)),
    (10, 3, 3, 0.2, 0.0096, 0.0132, 3.0, (0.505, 0.739, 0.897, 0.970, 0.994)),
    (20, 3, 3, 0.2, 0.0100, 0.0171, 3.0, (0.655, 0.871, 0.970, 0.996, 1.000)),
    (40, 3, 3, 0.2, 0.0100, 0.0221, 3.0, (0.736, 0.924, 0.988, 0.999, 1.000)),
    (3, 5, 5, 0.2, 0.0092, 0.0141, 5.0, (0.289, 0.471, 0.652, 0.805, 0.904)),
    (5, 5, 5, 0.2, 0.0107, 0.0134, 5.0, (0.475, 0.708, 0.876, 0.959, 0.990)),
    (10, 5, 5, 0.2, 0.0101, 0.0114, 5.0, (0.729, 0.917, 0.986, 0.999, 1.000)),
    (20, 5, 5, 0.2, 0.0099, 0.0131, 5.0, (0.872, 0.979, 0.998, 1.000, 1.000)),
    (40, 5, 5, 0.2, 0.0098, 0.0162, 5.0, (0.929, 0.993, 1.000, 1.000, 1.000)),
    (3, 10, 10, 0.2, 0.0103, 0.0124, 10.0, (0.505, 0.736, 0.898, 0.971, 0.993)),
    (5, 10, 10, 0.2, 0.0102, 0.0109, 10.0, (0.730, 0.918, 0.985, 0.999, 1.000)),
    (10, 10, 10, 0.2, 0.0096, 0.0113, 10.0, (0.927, 0.994, 1.000, 1.000, 1.000)),
    (20, 10, 10, 0.2, 0.0023, 0.0025, 10.0, (0.950, 0.998, 1.000, 1.000, 1.000)),
    (40, 10, 10, 0.2, 0.0002, 0.0006, 10.0, (0.947, 0.998, 1.000, 1.000, 1.000)),
)

MEASURED = {Design(*row[:4]): Rates(*row[4:]) for row in _TABLE}
