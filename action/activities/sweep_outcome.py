"""What a sweep came to, and the record that it leaves: specification, order, table, claim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from action.activities.sweep_asked import sweep_of
from experiment.claim import Claim
from experiment.record import Status, result_digest
from experiment.search import Sweep
from experiment.spec import Experiment
from experiment.summarise import FinishedRun
from experiment.trials import Row, best, table_digest
from runner.sweep import lockfile
from runner.sweep.drive import enough_failures
from runner.sweep.events import Event
from runner.sweep.lockfile import SweepLock
from runner.sweep.study import maximized

_LONGEST = 200


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
    last_words: str = ""  # of the first trial that failed, where all did

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


def lock_of(
    experiment: Experiment, spec: Mapping[str, str], machine: str, events: Sequence[Event], swept: Swept
) -> SweepLock:
    """The record of a study that came to its end."""
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
    return Claim(
        trial=swept.best[0].trial,
        metric=metric,
        goal=goal,
        seeds=tuple(run.parts.seed for run in good),
        values=tuple(run.metrics[metric].value for run in good),
        results=tuple(result_digest(run.metrics, run.artifacts) for run in good),
    )


def last_words(swept: Swept, runs: Path) -> str:
    """The last line that the first failed trial printed, at a length a line bears; "" where there is none."""
    first = next(row for row in swept.table if row.state == "failed")
    try:
        text = Path(runs, first.runs[-1], "output.log").read_text(encoding="utf-8", errors="replace")
    except (OSError, IndexError):
        return ""
    return next((line.strip()[:_LONGEST] for line in reversed(text.splitlines()) if line.strip()), "")
