"""A finished sweep on its way into MLflow: one parent for its table, its runs nested, its best model registered."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean

from action.activities.session import Session
from experiment.command import text
from experiment.search import Sweep
from experiment.summarise import FinishedRun
from experiment.trials import Row, best, table_digest
from runner import tracking
from runner.sweep.study import maximized
from runner.tracking import study as studies
from runner.tracking.study import Model, Nested, TrackedStudy

_WAIT_S, _WAIT_A_RUN_S = 30.0, 0.3  # what is not imported by then is imported the next time
_ASIDE = ("space", "objective", "constraints", "register", "limits", "on_pull_request")


@dataclass(frozen=True)
class Ended:
    """What a sweep came to: its table, the runs on fresh seeds, how long it took, where its record is."""

    table: Sequence[Row]
    fresh: Sequence[FinishedRun]
    wall_s: float
    record: Path


def start_import(session: Session, ended: Ended, environ: Mapping[str, str]) -> tracking.Import:
    """Begin to import the sweep; returns at once, and nothing fails because of MLflow."""
    names = [name for row in ended.table for name in row.runs] + [run.record.key for run in ended.fresh]
    folders = [folder for name in dict.fromkeys(names) if (folder := session.store.runs / name).is_dir()]
    try:
        study = studies.write(tracked(session, ended), ended.record.read_bytes(), session.store.state)
    except OSError:
        studied = []  # a full disk is told of elsewhere; the runs can be imported without their parent
    else:
        studied = [study]
    destination = tracking.destination_for(session.experiment.experiment, session.store.state, environ)
    return tracking.start([*studied, *folders], destination)


def wait_s(table: Sequence[Row]) -> float:
    """How long an import of this many runs is waited for, in seconds."""
    return _WAIT_S + _WAIT_A_RUN_S * sum(len(row.runs) for row in table)


def tracked(session: Session, ended: Ended) -> TrackedStudy:
    """What the parent run holds."""
    table, fresh, wall_s = ended.table, ended.fresh, ended.wall_s
    sweep = session.experiment.sweep
    assert sweep is not None
    found = best(table, maximized(sweep))
    objective = next(iter(sweep.objective))
    started = datetime.now(UTC) - timedelta(seconds=wall_s)
    return TrackedStudy(
        name=session.experiment.experiment,
        table_digest=table_digest(table),
        started=started.isoformat(timespec="milliseconds"),
        wall_s=wall_s,
        params=_params(sweep, found),
        metrics=_metrics(sweep, table, found, fresh),
        leaders=_leaders(sweep, table) if len(sweep.objective) == 1 else (),
        objective=objective,
        tags={"commit": session.tree.commit or "", "dirty": str(session.tree.dirty).lower(),
              "command": session.experiment.command, "best-trials": ", ".join(str(row.trial) for row in found)},
        runs=_runs(table, fresh),
        model=_model(session, sweep, found),
    )  # fmt: skip


def _params(sweep: Sweep, found: Sequence[Row]) -> dict[str, str]:
    plain = {key: str(value) for key, value in sweep.model_dump(mode="json").items() if key not in _ASIDE}
    space = {
        f"space.{name}": _json(range_.model_dump(mode="json", exclude_defaults=True))
        for name, range_ in sweep.space.items()
    }
    goals = {f"objective.{name}": goal.value for name, goal in sweep.objective.items()}
    bounds = {
        f"constraint.{name}": _json(bound.model_dump(mode="json", exclude_none=True))
        for name, bound in sweep.constraints.items()
    }
    chosen = {f"best.{name}": text(value) for name, value in found[0].params.items()} if len(found) == 1 else {}
    return {**plain, **goals, **bounds, **space, **chosen}


def _metrics(
    sweep: Sweep, table: Sequence[Row], found: Sequence[Row], fresh: Sequence[FinishedRun]
) -> dict[str, float]:
    """The best value and the mean on fresh seeds side by side, and how many trials ended how."""
    made: dict[str, float] = {"trials": float(len(table))}
    made |= {state: float(sum(row.state == state for row in table)) for state in ("complete", "pruned", "failed")}
    if len(sweep.objective) == 1 and found and found[0].values is not None:
        objective = next(iter(sweep.objective))
        made[f"best/{objective}"] = found[0].values[0]
        values = [run.record.metrics[objective].value for run in fresh if objective in run.record.metrics]
        if values:
            made[f"fresh/{objective}"] = fmean(values)
    return made


def _leaders(sweep: Sweep, table: Sequence[Row]) -> tuple[tuple[int, float], ...]:
    """Every trial that was the best so far."""
    high = maximized(sweep)[0]
    leaders: list[tuple[int, float]] = []
    for row in table:
        if row.possible and row.values is not None:
            value = row.values[0]
            if not leaders or (value > leaders[-1][1] if high else value < leaders[-1][1]):
                leaders.append((row.trial, value))
    return tuple(leaders)


def _runs(table: Sequence[Row], fresh: Sequence[FinishedRun]) -> dict[str, Nested]:
    made = {}
    for run in fresh:
        made[run.record.key] = Nested(name=f"fresh seed {run.record.parts.seed}", trial=None)
    for row in table:
        for number, name in enumerate(row.runs):
            several = f", run {number + 1}" if len(row.runs) > 1 else ""
            made[name] = Nested(name=f"trial {row.trial}{several}", trial=row.trial)
    return made


def _model(session: Session, sweep: Sweep, found: Sequence[Row]) -> Model | None:
    wanted = sweep.register_
    if wanted is None or not found or not found[0].runs:
        return None
    file = wanted.chosen(session.experiment.artifacts)
    told = f"trial {found[0].trial}"
    return Model(model=wanted.model, alias=wanted.alias, run=found[0].runs[0], file=file, told=told)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
