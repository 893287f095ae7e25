"""What a sweep came to, in words and figures: for the terminal, the live view and the report alike."""

from collections import Counter
from collections.abc import Sequence
from math import isfinite
from statistics import fmean, stdev

from experiment.command import text
from experiment.search import Sweep
from experiment.trials import Row, best
from experiment.value import Scalar
from reporting.numbers import count, rounding


def maximize(sweep: Sweep) -> list[bool]:
    """Which objectives are better when higher."""
    return [goal.value == "maximize" for goal in sweep.objective.values()]


def values_of(sweep: Sweep, row: Row, table: Sequence[Row]) -> str:
    """The objectives of a trial, rounded alike over the whole table."""
    written = []
    for number, name in enumerate(sweep.objective):
        all_of_it = [r.values[number] for r in table if r.values is not None]
        words = rounding([value for value in all_of_it if isfinite(value)])
        written.append(f"{name} {words.number(row.values[number]) if row.values is not None else '–'}")
    return ", ".join(written)


def parameters(params: dict[str, Scalar]) -> str:
    """Parameters as they are written on a command line."""
    return ", ".join(f"{name} {_short(value)}" for name, value in params.items())


def _short(value: Scalar) -> str:
    return f"{value:.4g}" if isinstance(value, float) else text(value)


def counts(table: Sequence[Row]) -> str:
    """How the trials ended, and how many of them were not run anew."""
    states = Counter(row.state for row in table)
    told = [f"{states[state]} {state}" for state in ("complete", "pruned", "failed", "running") if states[state]]
    cached = sum(row.cached for row in table)
    stood_in = f" ({cached} of them from the cache)" if cached else ""
    return f"{count(len(table), 'trial')}: {', '.join(told)}{stood_in}" if told else "no trials"


def claim(sweep: Sweep, table: Sequence[Row]) -> str:
    """The sweep's own figure: of the best trial, or how many stand on the front."""
    found = best(table, maximize(sweep))
    if not found:
        return "no trial ended well" + (" within the constraints" if sweep.constraints else "")
    if len(sweep.objective) > 1:
        return f"{count(len(found), 'trial')} that no other beats in every objective"
    return f"trial {found[0].trial}, {values_of(sweep, found[0], table)}"


def confirmed(sweep: Sweep, table: Sequence[Row], fresh: Sequence[float]) -> str:
    """The best trial's parameters on fresh seeds, next to the sweep's own figure, and why the two differ."""
    found = best(table, maximize(sweep))
    if not found or not fresh or found[0].values is None:
        return ""
    name = next(iter(sweep.objective))
    spread = [stdev(fresh)] if len(fresh) > 1 else []
    words = rounding([*fresh, found[0].values[0]], noise=spread)
    mean = words.number(fmean(fresh)) + (f" ± {words.number(spread[0])}" if spread else "")
    apart = fmean(fresh) - found[0].values[0]
    worse = apart < 0 if maximize(sweep)[0] else apart > 0
    why = (
        f"; the sweep's own {words.number(found[0].values[0])} was better because the best of {len(table)} is also the "
        "luckiest (winner's curse)"
        if worse
        else f"; the sweep's own figure was {words.number(found[0].values[0])}"
    )
    return f"{name} {mean} on {count(len(fresh), 'fresh seed')}{why}"
