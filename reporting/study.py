"""What a report on a sweep is made from: the study as it was asked for, its table, and how it was made."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from experiment.search import Sweep
from experiment.trials import Importances, Row, best
from reporting.numbers import Rounding, rounding, unit_of


@dataclass(frozen=True)
class Study:
    """`fresh`: the first objective of the best trial on fresh seeds. Where something is not known it is empty."""

    experiment: str
    sweep: Sweep
    table: Sequence[Row]
    fresh: Sequence[float] = ()
    importances: Importances | None = None
    wall_s: float = 0.0
    replayed: bool = False
    finished: bool = True
    workers: int = 0
    machine: str = ""
    commit: str | None = None
    dirty: bool = False
    record: str = ""
    """Where the record is, from the repository."""
    repeat: str = "ml-experiment sweep"
    """The command that makes the study again."""
    tool_version: str = ""
    whole: str = ".ml-experiment/sweep.html"
    notes: Sequence[str] = ()

    @cached_property
    def maximize(self) -> list[bool]:
        """Which objectives are better when higher."""
        return [goal.value == "maximize" for goal in self.sweep.objective.values()]

    @property
    def several(self) -> bool:
        """Whether there is a front in place of a best trial."""
        return len(self.sweep.objective) > 1

    @cached_property
    def best(self) -> list[Row]:
        """The best trial, or the Pareto front."""
        return best(self.table, self.maximize)

    @cached_property
    def complete(self) -> list[Row]:
        """Trials with finite values of every objective, whether they keep the constraints or not."""
        return [r for r in self.table if r.state == "complete" and r.values and all(map(math.isfinite, r.values))]

    @cached_property
    def roundings(self) -> list[Rounding]:
        """How values of each objective are written: as fine as the noise that fresh seeds show, where they do."""
        made = []
        for number, metric in enumerate(self.sweep.objective):
            values = [row.values[number] for row in self.complete if row.values]
            fresh = [value for value in self.fresh if math.isfinite(value)] if number == 0 else []
            noise = [spread] if (spread := deviation(fresh)) else []
            made.append(rounding([*values, *fresh], noise=noise, unit=unit_of(metric)))
        return made

    def ranked(self) -> list[Row]:
        """Possible trials from best to worst by the first objective; the earlier one first where two are equal."""
        high = self.maximize[0]
        good = [row for row in self.table if row.possible and row.values]
        return sorted(
            good, key=lambda row: ((-row.values[0] if high else row.values[0]) if row.values else 0.0, row.trial)
        )


def deviation(values: Sequence[float]) -> float | None:
    """Standard deviation (n − 1); None for fewer than two values."""
    from statistics import stdev

    return stdev(values) if len(values) > 1 else None
