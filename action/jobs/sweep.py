"""Sweep as a step: the study of the experiment file, its best parameters as an output, its report as the summary."""

import json

from action import announcement, trust
from action import sweep_view as view
from action.activities import sweep as activity
from action.activities import sweep_asked as asked
from action.activities.session import Cache, Choice, open_session
from action.activities.sweep_hands import own_hands
from action.activities.sweep_publish import publish
from action.base import checkout
from action.interrupts import counted
from action.jobs.step import Ended, Step
from action.ownership import give_back
from action.steplog import StepLog
from experiment import file
from experiment.errors import Refused
from reporting.markdown import fence
from runner.source import folder_of


class NoClusterYet(Refused):
    """A Ray cluster is asked for, which this version does not use."""


def sweep(step: Step) -> Ended:
    """The whole job. Raises what the activity raises; what was logged before is kept."""
    request, job = step.request, step.request.job
    if request.ray_address:
        raise NoClusterYet(
            "ray-address: this version of ml-experiment runs trials on the runner alone\n"
            "  take the input out, or wait for a version that can; it is never silently ignored\nnothing was run"
        )
    here = checkout(job.workspace)
    trust.check_commit(here.commit, here.parents, job.sha, None)
    experiment = asked.changed(file.load(step.folder), trials=request.trials, parallelism=request.parallelism)
    choice = Choice(request.environment.kind)
    with (
        StepLog(step.log) as screen,
        open_session(step.folder, asked.openable(experiment), screen, step.environ, choice) as session,
    ):
        screen.line(view.header(session))
        teller = view.SweepView(screen)
        with counted(screen.line) as wish:
            found = activity.run_sweep(
                session,
                experiment,
                hands=own_hands(session, asked.sweep_of(experiment), None),
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
