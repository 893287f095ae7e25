"""Sweep as a step: the study of the experiment file, its best parameters as an output, its report as the summary."""

import json
from dataclasses import replace

from action import announcement, plots, trust
from action import sweep_view as view
from action.activities import sweep_asked as asked
from action.activities.session import Cache, Choice
from action.activities.sweep import run_sweep
from action.activities.sweep_open import open_sweep
from action.activities.sweep_plan import Fate
from action.activities.sweep_publish import fresh_values, publish
from action.base import checkout, file_of, parse_policy
from action.interrupts import counted
from action.jobs.propose import Found, Proposed, propose
from action.jobs.step import Ended, Step
from action.ownership import give_back
from action.publish import Place
from action.route import on_default_branch
from action.steplog import StepLog
from action.sweep_caps import NoPolicy, capped
from experiment import file
from experiment.search import Sweep
from experiment.spec import Experiment
from reporting.markdown import fence, prose
from reporting.sweep_words import confirmed
from runner.source import folder_of


def sweep(step: Step) -> Ended:
    """The whole job. Raises what the activity raises; what was logged before is kept."""
    request, job = step.request, step.request.job
    here = checkout(job.workspace)
    trust.check_commit(here.commit, here.parents, job.sha, None)
    written = file.load(step.folder)
    said = request.sweep
    wished = asked.changed(
        written, trials=said.trials, parallelism=said.parallelism, order=said.order, sampler=said.sampler
    )
    limited = capped(asked.sweep_of(wished), _policy(step, written), request.event.repository.default_branch)
    experiment = wished.model_copy(update={"sweep": limited.sweep})
    choice, address = Choice(request.environment.kind), request.ray_address or None
    with (
        StepLog(step.log) as screen,
        open_sweep(step.folder, experiment, screen, step.environ, choice, address=address) as (session, hands),
    ):
        screen.line(view.header(session))
        screen.lines(limited.lowered)
        asked.resume_from(session, experiment, asked.earlier_log(job.workspace, said.resume, experiment))
        teller = view.SweepView(screen)
        with counted(teller.no_new_trials) as wish:
            found = run_sweep(
                session,
                experiment,
                hands=hands,
                reuse=Cache.USE,
                fate=Fate.REPLACE if said.new else Fate.FOLLOW,
                wish=wish,
                teller=teller,
                inherited=step.environ,
            )
        last = list(view.last_lines(found))
        screen.lines(last)
        written_to = publish(replace(found, notes=(*found.notes, *limited.lowered)), session, teller.workers)
        give_back(folder_of(step.folder), job.workspace)
    best = view.outputs(found, None)["best_params"]
    claim = prose(confirmed(limited.sweep, found.table, fresh_values(found)))
    proposed = propose(step, Found(experiment, best, found.lock, claim)) if said.propose else Proposed("")
    place = Place(experiment.experiment, job.sha, None, step.age, job.run_url)
    drawn = plots.figures(written_to.found, request.plots, step.forge, place, job.server_url)
    root = job.workspace.resolve()
    outputs = {
        **announcement.outputs(None, None),
        "passed": "true" if found.exit_code == 0 else "false",
        "experiment": experiment.experiment,
        "report": str(written_to.report.relative_to(root)),
        "html": str(written_to.html.relative_to(root)),
        "best-params": json.dumps(best) if best is not None else "",
        "proposal-url": proposed.url,
    }
    summary = fence("\n".join(last)) if found.hopeless else announcement.summary_text(written_to.found, drawn.shown)
    told = f"\n{proposed.said[:1].upper()}{proposed.said[1:]}.\n" if proposed.said else ""
    notes = (*drawn.notes, *([proposed.said] if proposed.said else []))
    return Ended(found.exit_code, outputs, f"{summary}{told}", notes=notes)


def _policy(step: Step, here: Experiment) -> Sweep:
    """The sweep as the default branch has it: it says how far one may go. Raises NoPolicy."""
    request = step.request
    branch, path = request.event.repository.default_branch, request.experiment
    if on_default_branch(request.event, request.job.ref):
        return asked.sweep_of(here)
    if step.forge is None:
        raise NoPolicy(path, branch, "there is no token to read it on the default branch")
    text = step.forge.files.read(file_of(path), branch) if branch else None
    if text is None:
        raise NoPolicy(path, branch, "it is not on the default branch")
    found = parse_policy(text, path, branch).sweep
    if found is None:
        raise NoPolicy(path, branch, "it has no sweep on the default branch")
    return found
