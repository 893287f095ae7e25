"""Sweep as a step: the study of the experiment file, its best parameters as an output, its report as the summary."""

import json

from action import announcement, trust
from action import sweep_view as view
from action.activities import sweep as activity
from action.activities import sweep_asked as asked
from action.activities.session import Cache, Choice, folder_of
from action.activities.sweep_open import open_sweep
from action.activities.sweep_publish import publish
from action.base import checkout
from action.interrupts import counted
from action.jobs.step import Ended, Step
from action.ownership import give_back
from action.steplog import StepLog
from experiment import file
from reporting.markdown import fence


def sweep(step: Step) -> Ended:
    """The whole job. Raises what the activity raises; what was logged before is kept."""
    request, job = step.request, step.request.job
    here = checkout(job.workspace)
    trust.check_commit(here.commit, here.parents, job.sha, None)
    experiment = asked.changed(file.load(step.folder), trials=request.trials, parallelism=request.parallelism)
    choice, address = Choice(request.environment.kind), request.ray_address or None
    with (
        StepLog(step.log) as screen,
        open_sweep(step.folder, experiment, screen, step.environ, choice, address=address) as (
            session,
            hands,
        ),
    ):
        screen.line(view.header(session))
        teller = view.SweepView(screen)
        with counted(screen.line) as wish:
            found = activity.run_sweep(
                session,
                experiment,
                hands=hands,
                reuse=Cache.USE,
                fate=activity.Fate.FOLLOW,
                wish=wish,
                teller=teller,
                inherited=step.environ,
            )
        last = list(view.last_lines(found))
        screen.lines(last)
        report = publish(found, session, teller.workers).report
        give_back(folder_of(step.folder), job.workspace)
    best = view.outputs(found, None)["best_params"]
    outputs = {
        **announcement.outputs(None, None),
        "passed": "true" if found.exit_code == 0 else "false",
        "experiment": experiment.experiment,
        "report": str(report.relative_to(job.workspace.resolve())),
        "best-params": json.dumps(best) if best is not None else "",
    }
    summary = fence("\n".join(last)) if found.hopeless else report.read_text(encoding="utf-8")
    return Ended(found.exit_code, outputs, summary)
