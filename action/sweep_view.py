"""What a person sees while a sweep is made: a line for each trial, and on a terminal how far it is."""

from collections.abc import Iterator, Sequence
from typing import Any

from action.activities.session import Session
from action.activities.sweep_asked import sweep_of
from action.activities.sweep_outcome import Swept
from action.activities.sweep_publish import fresh_values
from action.screen import Screen
from action.sweep_progress import Progress
from action.terminal import header as terminal_header
from action.terminal import relative
from experiment.search import Sweep
from experiment.trials import Row, table_digest
from experiment.value import double_to_json
from reporting.numbers import count, duration, every
from reporting.sweep_words import claim, confirmed, counts, parameters, values_of
from runner.sweep.budget import Budget
from runner.sweep.events import Event

_LABEL = 11


def header(session: Session) -> str:
    """The first line: which experiment, commit, environment."""
    return terminal_header(session, session.experiment.seeds).rpartition(" · ")[0]


class SweepView:
    """Tells `screen` of the events of a sweep.

    On a terminal the progress is redrawn in place, and a line stays for each trial that leads or fails; elsewhere there
    is a line for each trial.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._progress: Progress | None = None
        self.workers = 1

    def plan(self, sweep: Sweep, workers: int, budget: Budget, note: str, done: Sequence[Event]) -> None:
        """What is going to be done, and what is done already."""
        self.workers = workers
        self._progress = progress = Progress(sweep, workers, budget)
        for event in done:
            progress.heard(event)
        aims = ", ".join(f"{goal.value} {name}" for name, goal in sweep.objective.items())
        pruner = f", pruner {sweep.pruner}" if sweep.pruner != "none" else ""
        how = f"{sweep.sampler}{pruner} · {count(workers, 'worker')} · {note}"
        self._screen.line(f"plan    {count(sweep.trials, 'trial')}, {aims} · {how}")
        if progress.done:
            self._screen.line(f"        goes on: {count(progress.done, 'trial is', 'trials are')} done already")
        self._screen.line("")
        self._screen.below(progress.lines)

    def event(self, event: Event) -> None:
        """Note it; a trial that ended may be a line."""
        if self._progress is None or (row := self._progress.heard(event)) is None:
            return
        leads = row.trial in [one.trial for one in self._progress.leaders]
        if leads or row.state == "failed" or not self._screen.redraws:
            self._screen.line(self._line(self._progress, row, leads=leads))
        if self._progress.done >= self._progress.total:
            self._screen.below(None)

    def _line(self, progress: Progress, row: Row, *, leads: bool) -> str:
        sweep = progress.sweep
        what = values_of(sweep, row, [row, *progress.leaders]) if row.state == "complete" else row.reason
        mark = "  best" if leads and len(sweep.objective) == 1 else ""
        label = f"  trial {row.trial:<4}  {row.state:<8}  {duration(row.seconds):>7}"
        parts = [label, what, f"{parameters(row.params)}{mark}"]
        return "   ".join(part for part in [*parts, "" if self._screen.redraws else progress.short()] if part)

    def no_new_trials(self) -> None:
        """Ctrl-C was pressed once."""
        progress = self._progress
        if progress is not None and progress.done >= progress.total:
            self._screen.line("all trials are done; the best one's runs finish. Ctrl-C again ends them now")
            return
        running = progress.running if progress is not None else 0
        self._screen.line(f"no new trials; {running} running finish. Ctrl-C again ends them now")


def last_lines(swept: Swept) -> Iterator[str]:
    """All that a hurried person reads: best, what it is worth, how many, what to do next."""
    sweep = sweep_of(swept.experiment)
    yield ""
    if swept.hopeless:
        failed = [row for row in swept.table if row.state == "failed"]
        first = failed[0]
        yield f"{'stopped':<{_LABEL}}{every(len(failed), 'trial')} failed; the first: {first.reason}"
        if swept.last_words:
            yield f"{'':<{_LABEL}}it printed last: {swept.last_words}"
        output = f".ml-experiment/runs/{first.runs[-1]}/output.log"
        yield f"{'':<{_LABEL}}with {parameters(first.params)}; its output: {output}"
        return
    yield f"{'best':<{_LABEL}}{claim(sweep, swept.table)}"
    if swept.best and len(sweep.objective) == 1:
        yield f"{'':<{_LABEL}}{parameters(swept.best[0].params)}"
    if told := confirmed(sweep, swept.table, fresh_values(swept)):
        yield f"{'fresh':<{_LABEL}}{told}"
    yield f"{'trials':<{_LABEL}}{counts(swept.table)}, {duration(swept.wall_s)}"
    if not swept.finished:
        yield f"{'':<{_LABEL}}not finished: the same command goes on from here"
        return
    same = "the same table as recorded" if swept.replayed else "recorded"
    where = f"; {relative(swept.lock)}" + ("" if swept.replayed else ": commit this file") if swept.lock else ""
    yield f"{'table':<{_LABEL}}{table_digest(swept.table)[:16]}, {same}{where}"
    yield from (f"{'note':<{_LABEL}}{note}" for note in swept.notes)


def outputs(swept: Swept, report: str | None) -> dict[str, Any]:
    """What `--json` prints."""
    found = swept.best
    single = len(sweep_of(swept.experiment).objective) == 1
    fresh = fresh_values(swept)
    states = [row.state for row in swept.table]
    return {
        "passed": swept.exit_code == 0,
        "exit_code": swept.exit_code,
        "finished": swept.finished,
        "replayed": swept.replayed,
        "trials": len(swept.table),
        "cached": sum(row.cached for row in swept.table),
        **{state: states.count(state) for state in ("complete", "pruned", "failed")},
        "table_digest": table_digest(swept.table),
        "best_trials": [row.trial for row in found],
        "best_params": dict(found[0].params) if found and single else None,
        "best_value": double_to_json(found[0].values[0]) if found and single and found[0].values else None,
        "fresh_values": [double_to_json(value) for value in fresh],
        "lock": str(swept.lock) if swept.lock else None,
        "report": report,
    }
