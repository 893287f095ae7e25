"""From the events of a sweep to its table."""

from collections.abc import Iterable

from experiment.trials import Row
from runner.sweep.events import Ask, Event, Report, Result, Tell


def rows(events: Iterable[Event]) -> list[Row]:
    """The table that the events make, by trial number."""
    made: dict[int, Row] = {}
    results: dict[int, Result] = {}
    points: dict[int, list[tuple[int, float]]] = {}
    for event in events:
        match event:
            case Ask():
                made[event.trial] = Row(trial=event.trial, state="running", params=event.params)
            case Report():
                points.setdefault(event.trial, []).append((event.step, event.value))
            case Result():
                results[event.trial] = event
            case Tell():
                made[event.trial] = _ended(made[event.trial], event, results[event.trial])
            case _:
                pass
    return [made[trial].model_copy(update={"points": tuple(points.get(trial, ()))}) for trial in sorted(made)]


def _ended(row: Row, told: Tell, result: Result) -> Row:
    return row.model_copy(
        update={
            "state": told.state,
            "values": result.values if told.state == "complete" else None,
            "reason": result.reason if told.state == "failed" else "",
            "constraints": {} if told.state == "pruned" else result.constraints,
            "runs": result.runs,
            "seconds": result.seconds,
            "gpu_seconds": result.gpu_seconds,
            "cached": result.cached,
        }
    )
