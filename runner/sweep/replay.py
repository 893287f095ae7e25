"""A replay held against its record, event by event: the first difference ends it, and is named."""

import json
from collections import deque
from collections.abc import Sequence

from experiment.trials import Row, table_digest
from experiment.value import Scalar, double_bits
from runner.sweep.events import Ask, Event, Report, Result, Tell
from runner.sweep.refusals import TableDiffers

_COMPARED = {"trial", "state", "params", "values", "points"}


class Replay:
    """Compares what happens with what the record says. `recorded_on` and `here` say on which processor and BLAS."""

    def __init__(self, record: Sequence[Event], recorded_on: str, here: str) -> None:
        self._asks = {event.trial: event for event in record if isinstance(event, Ask)}
        self._values = {event.trial: event.values for event in record if isinstance(event, Result)}
        self._tells = {event.trial: event for event in record if isinstance(event, Tell)}
        self._machines = (recorded_on, here)
        self._results: dict[int, Result] = {}
        self._points: dict[int, deque[Report]] = {trial: deque() for trial in self._asks}
        for event in record:
            if isinstance(event, Report):
                self._points[event.trial].append(event)

    def check(self, event: Event) -> None:
        """Raises TableDiffers at the first difference; what the record does not have is new, not different."""
        match event:
            case Ask() if event.trial in self._asks:
                self._same_params(event, self._asks[event.trial])
            case Report() if event.trial in self._points:
                self._same_point(event, self._points[event.trial])
            case Result():
                self._results[event.trial] = event
            case Tell() if event.trial in self._tells:
                self._same_end(event, self._tells[event.trial])
            case _:
                pass

    def _same_point(self, found: Report, left: deque[Report]) -> None:
        expected = left.popleft() if left else None
        if expected is None or expected.step != found.step:
            then = "none" if expected is None else expected.step
            raise self._differs(found.trial, "step of the next point", then, found.step, "run")
        if double_bits(expected.value) != double_bits(found.value):
            raise self._differs(found.trial, f"value at step {found.step}", expected.value, found.value, "run")

    def _same_params(self, found: Ask, expected: Ask) -> None:
        for name in dict.fromkeys((*expected.params, *found.params)):
            here, there = found.params.get(name), expected.params.get(name)
            if not _equal(here, there):
                raise self._differs(found.trial, f"parameter {name}", there, here, "sampler")

    def _same_end(self, found: Tell, expected: Tell) -> None:
        result = self._results.get(found.trial)
        if found.state != expected.state:
            why = f" ({result.reason})" if result is not None and result.reason else ""
            raise self._differs(found.trial, "state", expected.state, f"{found.state}{why}", "run")
        if left := self._points.get(found.trial):
            raise self._differs(found.trial, "step of the next point", left[0].step, "none", "run")
        there, here = self._values.get(found.trial), result.values if result is not None else None
        for number, (one, other) in enumerate(zip(there or (), here or (), strict=False)):
            if found.state == "complete" and double_bits(one) != double_bits(other):
                raise self._differs(found.trial, f"value of objective {number + 1}", one, other, "run")

    def _differs(self, trial: int, what: str, expected: object, found: object, whose: str) -> TableDiffers:
        before, here = self._machines
        if before != here:
            why = (
                f"the record was made on {before}; this is {here}: "
                "numerics of another processor or library may explain it"
            )
            now = "follow it where it was made, or start a new study here with --new"
        elif whose == "sampler":
            why = "same processor and libraries, and all results before were equal: this is a bug in ml-experiment"
            now = "report it with the record; --new starts a new study"
        else:
            why = "same processor and libraries: the code, its data or its environment changed, or it is random"
            now = "undo that change, make it repeatable, or start a new study with --new"
        text = f"trial {trial}: {what}: the record has {expected!r}, found {found!r}\n  {why}\n  {now}"
        return TableDiffers(text, elsewhere=before != here)


def check_whole(record: Sequence[Row], table: Sequence[Row], *, elsewhere: bool) -> None:
    """Raise TableDiffers where the tables differ in any bit, as far as both go, though no event did."""
    for there, here in zip(record, table, strict=False):
        if table_digest([there]) != table_digest([here]):
            shown = [json.dumps(row.model_dump(mode="json", include=_COMPARED)) for row in (there, here)]
            text = (
                f"trial {here.trial}: the record has {shown[0]}, found {shown[1]}\n"
                "  report it with the record; --new starts a new study"
            )
            raise TableDiffers(text, elsewhere=elsewhere)


def _equal(one: Scalar | None, other: Scalar | None) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return double_bits(one) == double_bits(other)
    return type(one) is type(other) and one == other
