"""A trial of a sweep as normal runs: one for each of its seeds, from the cache where that is allowed."""

import difflib
import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from action.activities.session import Cache, Session
from experiment.record import Status
from experiment.search import Sweep
from experiment.summarise import FinishedRun
from experiment.value import Scalar
from runner.execute import Finished, SeenPoint
from runner.sweep.bay import Bay
from runner.sweep.crew import Hear
from runner.sweep.events import Result
from runner.sweep.orders import Point
from runner.sweep.points import Live
from runner.sweep.refusals import TrialLost, TwoSources
from runner.sweep.samplers import seed_of

_ATTEMPTS = 3


@dataclass(frozen=True)
class _Desk:
    """Where a trial is made, who hears of its points, what ends it early."""

    bay: Bay
    hear: Hear
    ended: threading.Event


@dataclass(frozen=True)
class Trials:
    """Makes trials. `stops`: trial -> step after which nothing is wanted any more, since a record's pruner ended it."""

    session: Session
    sweep: Sweep
    reuse: Cache
    stops: Mapping[int, int]

    def make(
        self, trial: int, params: Mapping[str, Scalar], bay: Bay, hear: Hear, ended: threading.Event
    ) -> Result | None:
        """The result; None where the user ended it. Raises TrialLost, TwoSources, what the bay's `run` raises."""
        began = time.monotonic()
        session = self._with(params, bay)
        runs: list[tuple[FinishedRun, Path]] = []
        for number in range(self.sweep.seeds):
            run, folder = self._run(session, trial, seed_of(self.sweep.seed, trial, number), _Desk(bay, hear, ended))
            runs.append((run, folder))
            outcome = run.record.outcome
            if outcome.status is Status.CANCELLED and trial not in self.stops and not self._pruned(ended):
                return None
            if outcome.status is not Status.OK:
                break
        seconds = time.monotonic() - began
        return self._result(trial, runs, seconds)

    def _pruned(self, ended: threading.Event) -> bool:
        """Whether the run was ended by the pruner and not by the user: then the session goes on."""
        return ended.is_set() and not self.session.cancelled.is_set()

    def _with(self, params: Mapping[str, Scalar], bay: Bay) -> Session:
        given = self.session.experiment
        experiment = given.model_copy(update={"params": {**given.params, **params}})
        return replace(self.session, experiment=experiment, prepared=bay.prepared(self.session.prepared))

    def _run(self, session: Session, trial: int, seed: int, desk: "_Desk") -> tuple[FinishedRun, Path]:
        objective = next(iter(self.sweep.objective))
        metric = session.experiment.metrics.get(objective)
        live = Live(objective, printed=metric is not None and metric.pattern is not None)

        def tell(points: Sequence[Point]) -> None:
            for point in points if self.sweep.pruner != "none" else ():
                desk.hear(point)
                if point.step >= self.stops.get(trial, math.inf):
                    desk.ended.set()

        def seen(point: SeenPoint) -> None:
            tell(live.take(point))

        if self.reuse is Cache.USE and (earlier := session.earlier(seed)):
            tell(live.rest(earlier[0][0].curves))
            return earlier[0]
        for _ in range(_ATTEMPTS):
            made = desk.bay.run(session.job(seed), seen, desk.ended)
            if made.record.outcome.status is not Status.INFRA_ERROR:
                self._check_source(live, objective, made)
                tell(live.rest(made.curves))
                return FinishedRun(made.record, made.curves, log_tail=made.log_tail), made.folder
        raise TrialLost(
            f"trial {trial}: could not be made, {_ATTEMPTS} times: {made.record.outcome.reason}\n"
            "  all trials before are kept; mend the machine, then run the same command again"
        )

    def _check_source(self, live: Live, objective: str, made: Finished) -> None:
        other = live.other_source(made.curves) if made.record.outcome.status is Status.OK else None
        if self.sweep.pruner != "none" and other is not None:
            raise TwoSources(
                f"sweep.pruner: {objective} is logged by {live.source} while a trial runs, and read from {other} at "
                "its end\n  which of them the pruner sees would depend on when it looks; name one of them otherwise\n"
                f"  the trials that ended are kept; this one is {made.folder.name}"
            )

    def _result(self, trial: int, runs: list[tuple[FinishedRun, Path]], seconds: float) -> Result:
        records = [run.record for run, _ in runs]
        gpu = sum(record.usage.wall_s for record in records) * self.session.experiment.resources.gpus
        made = Result(
            trial=trial, values=None, runs=tuple(folder.name for _, folder in runs), seconds=seconds, gpu_seconds=gpu,
            cached=any(run.cached for run, _ in runs),
        )  # fmt: skip
        bad = next((record for record in records if record.outcome.status is not Status.OK), None)
        if bad is not None:
            reason = bad.outcome.reason or bad.outcome.status.value
            return made.model_copy(update={"reason": reason})
        wanted = [*self.sweep.objective, *self.sweep.constraints]
        for name in wanted:
            if any(name not in record.metrics for record in records):
                return made.model_copy(update={"reason": _never_seen(name, sorted(records[0].metrics))})
        means = {name: fmean(record.metrics[name].value for record in records) for name in wanted}
        lost = next((name for name in wanted if math.isnan(means[name])), None)
        if lost is not None:
            return made.model_copy(update={"reason": f"{lost} is not a number"})
        excess = {name: bound.excess(means[name]) for name, bound in self.sweep.constraints.items()}
        return made.model_copy(update={"values": tuple(means[n] for n in self.sweep.objective), "constraints": excess})


def _never_seen(name: str, seen: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, seen, 1, cutoff=0.4)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"metric {name!r} was never seen{hint}; seen: {', '.join(seen) or 'none'}"
