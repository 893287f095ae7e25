"""The sweep: a new study, one that goes on where it stopped, or a recorded one that is made again and compared."""

import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from action.activities import run_notes
from action.activities.session import Cache, Session
from action.activities.sweep_asked import log_path, starting_point, sweep_of
from action.activities.sweep_hands import Hands
from action.activities.sweep_tracking import Ended, start_import, wait_s
from action.activities.sweep_trials import Trials
from experiment.claim import Claim
from experiment.environment import hardware_class
from experiment.record import Status
from experiment.search import Sweep
from experiment.spec import Experiment
from experiment.summarise import FinishedRun
from experiment.trials import Row, best, table_digest
from experiment.value import Scalar
from runner.schedule import Cancelled
from runner.sweep import lockfile
from runner.sweep.budget import Budget
from runner.sweep.drive import Driving, Wish, drive, enough_failures
from runner.sweep.events import Began, Event
from runner.sweep.export import export
from runner.sweep.lockfile import SweepLock
from runner.sweep.log import Log, opened
from runner.sweep.orders import Follow, Free, Order, Window, stops_at
from runner.sweep.refusals import LogOfAnotherSweep, TableDiffers
from runner.sweep.replay import Replay, check_whole
from runner.sweep.samplers import check_installed
from runner.sweep.study import Study, maximized
from runner.sweep.table import rows

FRESH_SEEDS = 5


class Fate(Enum):
    """What to do about a record of an earlier study."""

    FOLLOW = "follow it"
    REPLACE = "start a new study"


class Teller(Protocol):
    """Who is told while a sweep is made."""

    def plan(self, sweep: Sweep, workers: int, note: str, done: Sequence[Event]) -> None:
        """What is going to be done, and what is done already."""

    def event(self, event: Event) -> None:
        """Something happened."""


@dataclass(frozen=True)
class Swept:
    """What a sweep came to. `fresh`: runs of the best trial's parameters on seeds the sweep did not use."""

    experiment: Experiment
    table: tuple[Row, ...]
    finished: bool
    replayed: bool
    lock: Path | None
    fresh: tuple[FinishedRun, ...] = ()
    wall_s: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> list[Row]:
        """The best trial, or the Pareto front."""
        return best(self.table, maximized(sweep_of(self.experiment)))

    @property
    def hopeless(self) -> bool:
        """Whether it ended because every trial failed."""
        told = [row for row in self.table if row.state != "running"]
        return len(told) >= enough_failures(sweep_of(self.experiment)) and all(row.state == "failed" for row in told)

    @property
    def exit_code(self) -> int:
        """0, or 1 where no trial ended well."""
        return 0 if self.best else 1


@dataclass(frozen=True)
class _Plan:
    """What is decided before anything runs."""

    spec: Mapping[str, str]
    machine: str
    start: Mapping[str, Scalar] | None
    lock: SweepLock | None  # that is followed

    def began(self, name: str) -> Began:
        return Began(
            study=name,
            digest=lockfile.digest_of(self.spec),
            machine=self.machine,
            started=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            follows=self.lock.table_digest if self.lock is not None else None,
        )


def run_sweep(
    session: Session,
    experiment: Experiment,
    *,
    hands: Hands,
    reuse: Cache,
    fate: Fate,
    wish: Callable[[], Wish],
    teller: Teller,
    inherited: Mapping[str, str],
    export_to: str | None = None,
) -> Swept:
    """Make the study, to its end or as far as the user wishes. `experiment` is as in the file, without filled values.

    Raises Refused, InfrastructureFailed and, from a replay, TableDiffers; all that was logged is kept.
    """
    sweep, began = sweep_of(experiment), time.monotonic()
    check_installed(sweep)
    target = lockfile.lock_path(session.folder, experiment)
    start = starting_point(experiment, session.folder)
    spec = lockfile.deciding(experiment, start)
    path = log_path(session, experiment)
    session = replace(session, experiment=experiment)
    with opened(path) as found:
        plan = _Plan(spec, machine_of(session), start, _followed(found, target, spec, fate))
        log = _begin(found, plan, experiment.experiment, fate)
        try:
            events, study = _drive(session, sweep, log, plan, hands=hands, reuse=reuse, wish=wish, teller=teller)
        except TableDiffers:
            path.rename(path.with_name(f"{experiment.experiment}-differs.jsonl"))  # after a change it begins anew
            raise
        driven_s = time.monotonic() - began
        table = tuple(rows(events))
        finished = wish() is Wish.GO_ON and not any(row.state == "running" for row in table)
        swept = Swept(experiment, table, finished, plan.lock is not None, None, wall_s=driven_s)
        if swept.hopeless:
            path.rename(path.with_name(f"{experiment.experiment}-failed.jsonl"))  # the next one begins anew
        if not finished or swept.hopeless:
            return swept
        if plan.lock is not None:
            check_whole(plan.lock.table, table, elsewhere=plan.lock.machine != _also_on(plan.machine, hands))
        fresh = _fresh(session, hands, swept.best, reuse) if len(sweep.objective) == 1 and swept.best else ()
        lock = _locked(experiment, spec, _also_on(plan.machine, hands), events, replace(swept, fresh=fresh))
        if plan.lock is None or len(table) > len(plan.lock.table):
            lockfile.write(lock, target)
        path.rename(path.with_name(f"{experiment.experiment}-{lock.table_digest[:12]}.jsonl"))
    importing = start_import(session, Ended(table, fresh, driven_s, target), inherited)
    exported = (
        [export(study.optuna, export_to, f"{experiment.experiment}-{lock.table_digest[:12]}")] if export_to else []
    )
    notes = (*run_notes.of_fresh_seeds(fresh), *importing.finish(wait_s(table)), *exported)
    return replace(swept, lock=target, fresh=fresh, notes=notes)


def make_again(
    session: Session, hands: Hands, lock: SweepLock, trials: int, *, wish: Callable[[], Wish], teller: Teller
) -> None:
    """Make the first trials of a record again, every one for real. `session.experiment` is the record's.

    Raises TableDiffers at the first difference, and Cancelled where the user wished no new trials.
    """
    sweep = sweep_of(session.experiment).model_copy(update={"trials": trials, "time": None, "gpu_hours": None})
    check_installed(sweep)
    plan = _Plan(lock.spec, machine_of(session), json.loads(lock.spec["start"]), lock)
    # Never gone on with: trials that were made before, perhaps of other code, prove nothing.
    scratch = tempfile.TemporaryDirectory(dir=session.store.work, prefix=f"{os.getpid()}-")
    with scratch as folder, opened(Path(folder, "log.jsonl")) as log:
        log.append(plan.began(lock.experiment))
        events, _ = _drive(session, sweep, log, plan, hands=hands, reuse=Cache.IGNORE, wish=wish, teller=teller)
    if wish() is not Wish.GO_ON:
        raise Cancelled
    check_whole(lock.table, rows(events), elsewhere=lock.machine != plan.machine)


def machine_of(session: Session) -> str:
    """What suggestions and results depend on besides the specification, in words."""
    hardware = hardware_class(session.prepared.hardware, session.prepared.environment)
    return f"{hardware}; Optuna {version('optuna')}, NumPy {version('numpy')}"


def _also_on(machine: str, hands: Hands) -> str:
    """`machine`, and the processors of a cluster's nodes that are others than its own."""
    others = [one for one in hands.machines if not machine.startswith(f"{one};")]
    return f"{machine}; trials on {', '.join(others)}" if others else machine


def _followed(log: Log, target: Path, spec: Mapping[str, str], fate: Fate) -> SweepLock | None:
    """The record to follow. A study that was begun goes on as it began."""
    same = log.began is not None and log.began.digest == lockfile.digest_of(spec)
    if fate is Fate.REPLACE or (same and log.began is not None and log.began.follows is None):
        return None
    lock = lockfile.read(target)
    if lock is not None:
        lockfile.check(lock, target, spec)
    return lock


def _begin(log: Log, plan: _Plan, name: str, fate: Fate) -> Log:
    """The log with its first line. Raises LogOfAnotherSweep where an unfinished study of another kind is there.

    A replay that was not finished is put aside, since it can be made again at any time.
    """
    first = plan.began(name)
    if log.began is None:
        log.append(first)
        return log
    if (log.began.digest, log.began.follows) != (first.digest, first.follows):
        if fate is Fate.REPLACE or log.began.follows is not None:
            log = log.anew(log.path.with_name(f"{name}-put-aside.jsonl"))
            log.append(first)
            return log
        raise LogOfAnotherSweep(
            f"{log.path}: an unfinished study of another specification is there ({len(log.events)} events)\n"
            "  change ml-experiment.yaml back to finish it, or move that file away to begin anew\nnothing was run"
        )
    return log


def _drive(
    session: Session,
    sweep: Sweep,
    log: Log,
    plan: _Plan,
    *,
    hands: Hands,
    reuse: Cache,
    wish: Callable[[], Wish],
    teller: Teller,
) -> tuple[list[Event], Study]:
    sweep, part = _limited(sweep, plan.lock)
    record = [event for event in (lockfile.events(plan.lock) if plan.lock else ()) if event.trial < sweep.trials]
    order: Order = Free()
    if sweep.order == "window":
        order = Window(sweep.parallelism)
    elif record:
        order = Follow(record)
    trials = Trials(session, sweep, reuse, stops_at(record))
    study = Study(sweep, plan.start, stops_at(record) if part else None)
    gpu_time = sweep.gpu_hours * 3600 if sweep.gpu_hours is not None else None
    budget = Budget(sweep.time, gpu_time, at_least=len(plan.lock.table) if plan.lock is not None else 0)
    teller.plan(sweep, hands.many, _note(sweep, hands.many, plan.lock), log.events)
    with ExitStack() as stack:
        executor = stack.enter_context(hands.executor(trials.make))
        stack.callback(session.cancelled.set)  # first: what is ended now was ended by the user, not by a pruner
        checker = Replay(record, plan.lock.machine, _also_on(plan.machine, hands)) if plan.lock is not None else None
        events = drive(Driving(sweep, study, log, order, executor, wish, teller.event, budget, checker))
    session.cancelled.clear()
    return events, study


def _limited(sweep: Sweep, lock: SweepLock | None) -> tuple[Sweep, bool]:
    """The sweep with as many trials as are to be made, and whether they are only the first ones of the record's."""
    if lock is None:
        return sweep, False
    trials = len(lock.table) if sweep.trials == lock.trials else sweep.trials
    return sweep.model_copy(update={"trials": trials}), trials < len(lock.table)


def _note(sweep: Sweep, workers: int, lock: SweepLock | None) -> str:
    """What the order means for this sweep, in a sentence."""
    if lock is not None:
        how = f"follows the record of {len(lock.table)} trials, and compares"
    elif sweep.order == "window":
        how = f"window of {sweep.parallelism}: the same table whatever the number of workers; workers may wait"
    else:
        how = "results are told as they come, and their order is recorded"
    few = "; set resources.cpus to run trials side by side" if workers < sweep.parallelism and workers == 1 else ""
    return f"{how}{few}"


def _fresh(session: Session, hands: Hands, found: Sequence[Row], reuse: Cache) -> tuple[FinishedRun, ...]:
    """The best trial's parameters on the experiment's own seeds, which no trial used."""
    experiment = session.experiment
    chosen = experiment.model_copy(update={"params": {**experiment.params, **found[0].params}})
    again = replace(session, experiment=chosen)
    note = f"trial {found[0].trial} is the best of {sweep_of(experiment).trials}: its result on fresh seeds"
    return tuple(run for run, _ in hands.runs(again, experiment.seeds[:FRESH_SEEDS], reuse, note))


def _locked(
    experiment: Experiment, spec: Mapping[str, str], machine: str, events: Sequence[Event], swept: Swept
) -> SweepLock:
    return SweepLock(
        experiment=experiment.experiment,
        spec=dict(spec),
        machine=machine,
        trials=sweep_of(experiment).trials,
        table_digest=table_digest(swept.table),
        best=tuple(row.trial for row in swept.best),
        claim=_claim(sweep_of(experiment), swept),
        order=lockfile.order_of(events),
        table=tuple(
            row.model_copy(update={"runs": (), "seconds": 0.0, "gpu_seconds": 0.0, "cached": False})
            for row in swept.table
        ),
    )


def _claim(sweep: Sweep, swept: Swept) -> Claim | None:
    """What the runs on fresh seeds came to; None unless all of them ended well and have the objective."""
    metric, goal = next(iter(sweep.objective.items()))
    runs = [run.record for run in swept.fresh]
    good = [run for run in runs if run.outcome.status is Status.OK and metric in run.metrics]
    if not runs or len(good) < len(runs):
        return None
    seeds, values = zip(*((run.parts.seed, run.metrics[metric].value) for run in good), strict=True)
    return Claim(trial=swept.best[0].trial, metric=metric, goal=goal, seeds=seeds, values=values)
