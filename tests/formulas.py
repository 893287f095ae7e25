"""What trials of tests compute; apart, so that a worker that has only to compute it starts at once."""

import math
from collections.abc import Mapping


def formula(params: Mapping[str, bool | int | float | str]) -> float:
    """A smooth valley with steps; every parameter counts."""
    x, n = float(params.get("x", 1.0)), int(params.get("n", 1))
    rate = float(params.get("rate", 0.1))
    kind = {"a": 0.0, "b": 0.7, "c": 0.3}[str(params.get("kind", "a"))]
    return (x - 2.5) ** 2 + (math.log10(rate) + 2) ** 2 + abs(n - 3) / 4 + kind + float(params.get("q", 0.0))
