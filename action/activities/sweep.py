"""The sweep: a new study, one that goes on where it stopped, or a recorded one that is made again and compared."""

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from action.activities import run_notes
from action.activities.session import Cache, Session
from action.activities.sweep_asked import log_path, sweep_of
from action.activities.sweep_hands import Hands
from action.activities.sweep_outcome import Swept, last_words, lock_of
from action.activities.sweep_plan import Fate, Plan, also_on, begin, limited, machine_of, note, planned
from action.activities.sweep_tracking import Ended, start_import, wait_s
from action.activities.sweep_trials import Trials
from experiment.search import Sweep
from experiment.spec import Experiment
from experiment.summarise import FinishedRun
from experiment.trials import Row
from runner.schedule import Cancelled
from runner.sweep import lockfile
from runner.sweep.budget import Budget
from runner.sweep.drive import Driving, Wish, drive
from runner.sweep.events import Event
from runner.sweep.export import export
from runner.sweep.lockfile import SweepLock
from runner.sweep.log import Log, opened
from runner.sweep.orders import Follow, Free, Order, Window, stops_at
from runner.sweep.refusals import TableDiffers
from runner.sweep.replay import Replay, check_whole
from runner.sweep.samplers import check_installed
from runner.sweep.study import Study
from runner.sweep.table import rows

FRESH_SEEDS = 5


class Teller(Protocol):
    """Who is told while a sweep is made."""

    def plan(self, sweep: Sweep, workers: int, budget: Budget, note: str, done: Sequence[Event]) -> None:
        """What is going to be done, and what is done already."""

    def event(self, event: Event) -> None:
        """Something happened."""


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
    path, target = log_path(session, experiment), lockfile.lock_path(session.folder, experiment)
    session = replace(session, experiment=experiment)
    with opened(path) as found:
        plan = planned(session, experiment, found, fate)
        log = begin(found, plan, experiment.experiment, fate)
        try:
            events, study = _drive(session, sweep, log, plan, hands=hands, reuse=reuse, wish=wish, teller=teller)
        except TableDiffers as error:
            path.rename(path.with_name(f"{experiment.experiment}-differs.jsonl"))  # after a change it begins anew
            raise TableDiffers(f"{target}: {error}", elsewhere=error.elsewhere) from None
        driven_s = time.monotonic() - began
        table = tuple(rows(events))
        finished = wish() is Wish.GO_ON and not any(row.state == "running" for row in table)
        swept = Swept(experiment, table, finished, plan.lock is not None, None, wall_s=driven_s)
        if swept.hopeless:
            path.rename(path.with_name(f"{experiment.experiment}-failed.jsonl"))  # the next one begins anew
            return replace(swept, last_words=last_words(swept, session.store.runs))
        if not finished:
            return swept
        if plan.lock is not None:
            check_whole(plan.lock.table, table, elsewhere=plan.lock.machine != also_on(plan.machine, hands))
        fresh = _fresh(session, hands, swept.best, reuse) if len(sweep.objective) == 1 and swept.best else ()
        lock = lock_of(experiment, plan.spec, also_on(plan.machine, hands), events, replace(swept, fresh=fresh))
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
    plan = Plan(lock.spec, machine_of(session), lock.start, lock)
    # Never gone on with: trials that were made before, perhaps of other code, prove nothing.
    scratch = tempfile.TemporaryDirectory(dir=session.store.work, prefix=f"{os.getpid()}-")
    with scratch as folder, opened(Path(folder, "log.jsonl")) as log:
        log.append(plan.began(lock.experiment))
        events, _ = _drive(session, sweep, log, plan, hands=hands, reuse=Cache.IGNORE, wish=wish, teller=teller)
    if wish() is not Wish.GO_ON:
        raise Cancelled
    check_whole(lock.table, rows(events), elsewhere=lock.machine != also_on(plan.machine, hands))


def _drive(
    session: Session,
    sweep: Sweep,
    log: Log,
    plan: Plan,
    *,
    hands: Hands,
    reuse: Cache,
    wish: Callable[[], Wish],
    teller: Teller,
) -> tuple[list[Event], Study]:
    sweep, part = limited(sweep, plan.lock)
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
    teller.plan(sweep, hands.many, budget, note(session, sweep, hands.many, plan), log.events)
    with ExitStack() as stack:
        executor = stack.enter_context(hands.executor(trials.make))
        stack.callback(session.cancelled.set)  # first: what is ended now was ended by the user, not by a pruner
        checker = Replay(record, plan.lock.machine, also_on(plan.machine, hands)) if plan.lock is not None else None
        events = drive(Driving(sweep, study, log, order, executor, wish, teller.event, budget, checker))
    session.cancelled.clear()
    return events, study


def _fresh(session: Session, hands: Hands, found: Sequence[Row], reuse: Cache) -> tuple[FinishedRun, ...]:
    """The best trial's parameters on the experiment's own seeds, which no trial used."""
    experiment = session.experiment
    chosen = experiment.model_copy(update={"params": {**experiment.params, **found[0].params}})
    again = replace(session, experiment=chosen)
    why = f"trial {found[0].trial} is the best of {sweep_of(experiment).trials}: its result on fresh seeds"
    return tuple(run for run, _ in hands.runs(again, experiment.seeds[:FRESH_SEEDS], reuse, why))
