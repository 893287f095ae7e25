"""The points of a trial's objective as the pruner sees them: the same whether they are seen live or read at the end.

The objective's curve in the order it was logged, without steps at or before one that was already passed. Seen live it
is a beginning of what the finished run's curves give, so that what the pruner judges never depends on when we look.
"""

from collections.abc import Iterator, Sequence

from experiment.curves import Curve
from runner.execute import SeenPoint
from runner.printed import SOURCE
from runner.sweep.orders import Point


class Live:
    """Takes the points of a run as they are seen: those of one objective, of the training that was the first to log it.

    `printed`: its values are found in printed lines; the recorder's are then another curve.
    """

    def __init__(self, objective: str, printed: bool) -> None:
        self._objective = objective
        self._printed = printed
        self._held: SeenPoint | None = None
        self._unstepped = 0
        self._training: str | None = None
        self.last = -1
        self.source: str | None = None

    def take(self, seen: SeenPoint) -> list[Point]:
        """What the pruner may see now that this point is there."""
        if seen.metric != self._objective or (seen.source == SOURCE) != self._printed:
            return []
        if self._training is None:
            self._training, self.source = seen.training, seen.source
        if (seen.training, seen.source) != (self._training, self.source):
            return []
        return [point for step, value in self._stepped(seen) if (point := self._next(step, value)) is not None]

    def rest(self, curves: Sequence[Curve]) -> list[Point]:
        """What the finished run's curves have beyond the points that were seen."""
        found = [self._next(step, value) for step, value in _in_order(curves, self._objective)]
        return [point for point in found if point is not None]

    def other_source(self, curves: Sequence[Curve]) -> str | None:
        """The source the finished run has the objective from, where that is another than was seen live."""
        found = {curve.source for curve in curves if curve.metric == self._objective}
        return None if self.source is None or self.source in found else next(iter(found), None)

    def _next(self, step: int, value: float) -> Point | None:
        if step <= self.last:
            return None
        self.last = step
        return Point(step, value)

    def _stepped(self, seen: SeenPoint) -> Iterator[tuple[int, float]]:
        """Steps and values, where MLflow was given none counted from 1: the second call tells whether it was."""
        if seen.source != "mlflow":
            yield seen.step, seen.value
        elif self._unstepped:
            self._unstepped += 1
            yield (self._unstepped if seen.step == 0 else seen.step), seen.value
        elif self._held is None and self.last < 0 and seen.step == 0:
            self._held = seen
        elif self._held is not None:
            held, self._held = self._held, None
            if seen.step == 0:
                self._unstepped = 2
                yield from ((1, held.value), (2, seen.value))
            else:
                yield from ((0, held.value), (seen.step, seen.value))
        else:
            yield seen.step, seen.value


def _in_order(curves: Sequence[Curve], objective: str) -> Iterator[tuple[int, float]]:
    """All points of the source that was the first to log the objective, series after series."""
    own = [curve for curve in curves if curve.metric == objective and len(curve.step)]
    if not own:
        return
    first = min(own, key=lambda curve: (float(curve.time[0]), curve.source)).source
    for curve in sorted((curve for curve in own if curve.source == first), key=lambda curve: curve.series):
        yield from zip(curve.step.tolist(), curve.value.tolist(), strict=True)
