"""Writing a sweep's report where a person finds it: Markdown, HTML, figures."""

import shlex
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from action.activities.publish import write_pages
from action.activities.session import Session
from action.activities.sweep_asked import sweep_of
from action.activities.sweep_outcome import Swept
from action.activities.sweep_plan import machine_of
from experiment import file
from experiment.search import Sweep
from reporting.document import SweepReport
from reporting.study import Study
from reporting.sweep_report import build
from runner.store import CannotStore
from runner.sweep.importance import importances

_OPTIONS = ("trials", "parallelism", "order")  # of the command line, in place of what the file says


@dataclass(frozen=True)
class SweepPublished:
    """The report, and where it was written."""

    found: SweepReport
    report: Path
    html: Path


def publish(swept: Swept, session: Session, workers: int) -> SweepPublished:
    """Write `sweep.md`, `sweep.html` and their figures into the state folder. Raises CannotStore."""
    folder = session.store.state
    made = SweepPublished(build(study_of(swept, session, workers)), folder / "sweep.md", folder / "sweep.html")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_pages(made.found, made.report, made.html, folder / "sweep-figures")
    except OSError as error:
        raise CannotStore(folder, error) from None
    return made


def study_of(swept: Swept, session: Session, workers: int) -> Study:
    """All that the report is made from."""
    sweep = sweep_of(swept.experiment)
    return Study(
        experiment=swept.experiment.experiment,
        sweep=sweep,
        table=swept.table,
        fresh=fresh_values(swept),
        importances=importances(sweep, swept.table),
        wall_s=swept.wall_s,
        replayed=swept.replayed and swept.finished,
        finished=swept.finished or swept.hopeless,
        workers=workers,
        machine=machine_of(session),
        commit=session.tree.commit,
        dirty=session.tree.dirty,
        record=str(swept.lock.relative_to(session.folder)) if swept.lock is not None else "",
        repeat=repeat_command(session, sweep),
        tool_version=version("ml-experiment"),
        notes=swept.notes,
    )


def repeat_command(session: Session, sweep: Sweep) -> str:
    """What makes this study again: the options by which it differs from the file, and those of the environment."""
    written = file.load(session.folder).sweep
    here = [] if session.tree.folder == "." else [session.tree.folder]
    given = [
        word
        for key in _OPTIONS
        if written is None or getattr(written, key) != getattr(sweep, key)
        for word in (f"--{key}", str(getattr(sweep, key)))
    ]
    return shlex.join(["ml-experiment", "sweep", *here, *given, *session.options])


def fresh_values(swept: Swept) -> list[float]:
    """The first objective of the runs on fresh seeds that ended well."""
    name = next(iter(sweep_of(swept.experiment).objective))
    return [run.record.metrics[name].value for run in swept.fresh if name in run.record.metrics]
