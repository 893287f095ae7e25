"""Baseline as a step: run the default branch again and store its level, by a commit or through a pull request."""

import os
from dataclasses import dataclass
from pathlib import Path

from action import announcement, trust
from action.activities import baseline as activity
from action.activities.session import Cache, Choice, open_session
from action.base import checkout
from action.forge.forge import Forge
from action.forge.refusals import Conflict, ForgeFailed
from action.jobs.step import Ended, Step
from action.ownership import give_back
from action.steplog import StepLog
from experiment import file
from experiment.baseline import Baseline
from experiment.snapshot import Snapshot
from reporting.decision import Judgement
from reporting.markdown import code
from runner.schedule import Cancelled
from runner.source import folder_of

_STAYS = (Judgement.WITHIN_TOLERANCE, Judgement.CONSISTENT, Judgement.EQUIVALENT, Judgement.INCONCLUSIVE)
"""What could not be told from the level that is held. Stored each time, many small losses would add up unseen."""


@dataclass(frozen=True)
class Stored:
    """What became of the new level."""

    said: str
    url: str = ""


def baseline(step: Step) -> Ended:
    """The whole job. Raises what the activities raise; what the forge refuses is told and fails the job."""
    from action import terminal

    request, job = step.request, step.request.job
    here = checkout(job.workspace)
    trust.check_commit(here.commit, here.parents, job.sha, None)
    experiment = file.load(step.folder)
    target = folder_of(step.folder) / experiment.baseline_file
    before, unreadable = activity.replaced(target, experiment.experiment)
    old = before.snapshot if before is not None else None
    choice = Choice(request.environment.kind)
    with StepLog(step.log) as screen:
        if unreadable:
            screen.line(f"the old baseline is replaced: {unreadable}")
        with open_session(step.folder, experiment, screen, step.environ, choice) as session:
            seeds = request.seeds or tuple(sorted({*experiment.seeds, *([r.seed for r in old.runs] if old else [])}))
            screen.expect(list(experiment.metrics), old)
            screen.line(terminal.header(session, seeds))
            try:
                made = activity.run_for_baseline(session, seeds, Cache.USE, step.environ)
            except Cancelled:
                raise KeyboardInterrupt from None
        if old is not None and (why := stays(old, made)):
            screen.line(f"baseline   {why}: unchanged")
            return _ended(0, f"### {experiment.experiment}: baseline unchanged\n\n{why}.\n")
        note = "" if activity.holds(before, made) else job.run_url
        stored = activity.accept(made, before, target, note)
        give_back(target.parent, job.workspace)
        screen.lines(terminal.accepted_lines(old, stored, before, target))
    if stored is before:
        return _ended(0, f"### {experiment.experiment}: baseline unchanged\n\nIt holds these runs already.\n")
    path = os.path.relpath(target, here.root)
    return _kept(step, experiment.experiment, path, target, stored)


def stays(old: Snapshot, new: Snapshot) -> str:
    """Why the level that is held stays; "" where the new one takes its place."""
    verdict, _ = activity.changes(old, new)
    return f"{verdict.judgement}: the level that is held stays" if verdict.judgement in _STAYS else ""


def _kept(step: Step, name: str, path: str, target: Path, stored: Baseline) -> Ended:
    runs = len(stored.snapshot.runs)
    said = f"### {name}: new baseline of {runs} runs\n\n"
    if step.forge is None:
        return _ended(0, f"{said}It lies in {code(path)}; commit it. Without a token nothing was pushed.\n")
    try:
        result = push(step, step.forge, path, target.read_bytes(), name)
    except ForgeFailed as error:
        return _ended(error.exit_code, f"{said}It could not be stored.\n", error.reason)
    return _ended(0, f"{said}{result.said}\n")


def push(step: Step, forge: Forge, path: str, content: bytes, name: str) -> Stored:
    """The file on the default branch, or on a branch of its own with a pull request where that one is protected.

    The commit is made on the very commit that was run: if somebody pushed meanwhile, their own run stores the level.
    """
    job, branch = step.request.job, step.request.event.repository.default_branch
    blob = forge.files.add_blob(content)
    tree = forge.files.add_tree([(path, blob)], base=job.sha)
    commit = forge.files.add_commit(tree, [job.sha], f"Store the level of {name}\n\nMeasured by {job.run_url}")
    try:
        forge.files.move_ref(branch, commit)
        return Stored(f"Committed to {code(branch)} as {commit[:7]}.")
    except Conflict:
        if forge.files.ref(branch) != job.sha:
            return Stored(f"{code(branch)} has moved on; the run of its new commit stores the level.")
    own = f"ml-experiment/baseline-{name}"
    forge.files.set_ref(own, commit)
    there = forge.pulls.open_from(forge.repository.split("/")[0], own)
    pull = there[0] if there else forge.pulls.open_request(f"Store the level of {name}", _BODY, own, branch)
    return Stored(f"{code(branch)} is protected: pull request {pull.html_url} stores it.", pull.html_url)


_BODY = """The level of the default branch, measured there by ml-experiment. Merging this makes it what later pull
requests are held against; the diff shows runs, packages and files line by line.
"""


def _ended(status: int, summary: str, note: str = "") -> Ended:
    found = announcement.outputs(None, None)
    passed = "true" if status == 0 else "false"
    return Ended(status, {**found, "verdict": "baseline", "passed": passed}, summary, notes=(note,) if note else ())
