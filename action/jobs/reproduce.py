"""Reproduce as a step: run the change, judge it by the commit it grew from, and tell GitHub."""

import os
from dataclasses import dataclass

from action import annotations, announcement, plots, trust
from action.acceptance import acceptance
from action.activities import publish as files
from action.activities.reproduce import reproduce as run_it
from action.activities.reproduce import stored_baseline
from action.activities.session import Cache, Choice, Session, open_session
from action.activities.sweep_hands import own_hands
from action.activities.verify import Wanted, asked_for, verify
from action.announcement import NO_LABEL, Occasion, announced, rule_all
from action.base import (
    Checkout,
    Held,
    base_commit,
    baseline_path,
    checkout,
    file_of,
    held_at,
    no_merge_base,
    record_path,
)  # fmt: skip
from action.check import Conclusion, Finding
from action.comment import Text
from action.jobs.step import POSTED_ELSEWHERE, Ended, Step, close_check, open_check
from action.policy import Judged, judged_by
from action.publish import Begun, Place, Posted, comment, complete
from action.steplog import StepLog
from action.sweep_on_pull import Brought, brought
from action.trust import Acceptance, NotAccepted, Standing
from action.untouched import REASON, Tree, untouched
from experiment import file
from experiment.baseline import Baseline
from experiment.claim import Verification
from experiment.spec import FILE_NAME, Experiment
from reporting import claim
from reporting.markdown import code
from reporting.report import build
from runner import source
from runner.environment import lock
from runner.schedule import Cancelled
from runner.source import folder_of
from runner.sweep.drive import Wish
from runner.sweep.lockfile import name_of


@dataclass(frozen=True)
class Change:
    """What is judged: the checkout, what it is held against (None: itself), and the experiment under its policy."""

    here: Checkout
    held: Held | None
    head: Experiment
    judged: Judged
    stored: Baseline | None
    wanted: Wanted | None  # what of the sweep's record is made again
    brought: Brought | None  # that record


def reproduce(step: Step) -> Ended:
    """The whole job. The check run is completed however it ends; what is raised is the step's own to tell."""
    request = step.request
    here = checkout(request.job.workspace)
    trust.check_commit(here.commit, here.parents, request.job.sha, request.event.pull_request)
    held = _held(step, here)
    name = held.policy.experiment if held is not None and held.policy is not None else None
    place = _place(step, name or file.load(step.folder).experiment)
    begun = open_check(step, place)
    try:
        change = _change(step, here, held)
        if step.standing is Standing.OURS and _nothing_read_has_changed(step, change):
            return _tell_unchanged(step, place, begun, change)
        return _run_and_tell(step, place, begun, change)
    except BaseException as error:
        close_check(step, begun, error)
        raise


def _held(step: Step, here: Checkout) -> Held | None:
    ask = step.forge.files.merge_base if step.forge is not None else no_merge_base
    base = base_commit(step.request.event, here, ask)
    if base is None:
        return None
    reader = here if step.forge is None or here.has(base) else step.forge.files
    return held_at(base, step.request.experiment, reader)


def _place(step: Step, name: str) -> Place:
    event, job = step.request.event, step.request.job
    if event.pull_request is not None:
        return Place(name, event.pull_request.head.sha, event.pull_request.number, step.age, job.run_url)
    sha = event.merge_group.head_sha if event.merge_group is not None else job.sha
    return Place(name, sha, None, step.age, job.run_url)


def _change(step: Step, here: Checkout, held: Held | None) -> Change:
    head = file.load(step.folder)
    judged = judged_by(head, held.policy if held is not None else None)
    experiment = judged.experiment
    if held is not None:
        stored = held.baseline
    else:
        stored = stored_baseline(folder_of(step.folder), experiment.baseline_file, experiment.experiment)
    return Change(here, held, head, judged, stored, *_sweep(step, here, held, experiment))


def _sweep(
    step: Step, here: Checkout, held: Held | None, experiment: Experiment
) -> tuple[Wanted | None, Brought | None]:
    """What the policy has a change make of its sweep again, and the record that is held to its word."""
    if held is None or here.commit is None:
        return None, None
    wanted = asked_for((held.policy or experiment).sweep)
    if wanted is None:
        return None, None
    now = here.read(record_path(step.request.experiment, experiment), here.commit)
    return wanted, brought(name_of(experiment), now, held.record_bytes, held.commit)


def _nothing_read_has_changed(step: Step, change: Change) -> bool:
    held, stored = change.held, change.stored
    if held is None or held.policy is None or stored is None or not stored.snapshot.commit:
        return False
    if not change.here.has(stored.snapshot.commit) or (change.brought is not None and change.brought.notice):
        return False
    choice, root = Choice(step.request.environment.kind), change.here.root
    head, policy = choice.applied(change.head), choice.applied(held.policy)
    named = head.environment.lock if head.environment.chosen == "lock" else None
    locked = lock.read(folder_of(step.folder) / named).sha256 if named is not None else None
    # What a run is judged by is not what it reads.
    apart = [of(step.request.experiment, held.policy) for of in (baseline_path, record_path)]
    changes = [(status, path) for status, path in change.here.changes(stored.snapshot.commit) if path not in apart]
    tree = Tree(changes, lambda path: source.sha256(root / path), locked)
    return untouched(head, policy, stored.snapshot, tree)


def _occasion(step: Step, place: Place, change: Change) -> Occasion:
    label: Acceptance | NotAccepted = NO_LABEL
    if step.forge is not None and place.pull is not None and step.standing is Standing.OURS:
        label = acceptance(step.forge, place.pull, place.sha, step.request.event)
    held = change.held
    if held is None:
        return Occasion()
    record = change.brought.notice if change.brought is not None else ()
    return Occasion(change.judged.edits, held.commit, _edited_baseline(step, change, held), record, label, place.pull)


def _edited_baseline(step: Step, change: Change, held: Held) -> str:
    path = folder_of(step.folder) / change.judged.experiment.baseline_file
    now = path.read_bytes() if path.is_file() else None
    return change.judged.experiment.baseline_file if now is not None and now != held.baseline_bytes else ""


def _tell_unchanged(step: Step, place: Place, begun: Begun, change: Change) -> Ended:
    """Success without a run: a required check must not wait for ever for a change of the README."""
    occasion = _occasion(step, place, change)
    stored = change.stored.snapshot.commit if change.stored is not None else None
    body = (
        f"### {place.experiment}: **unchanged** — {REASON}\n\n"
        f"Nothing was run: sources, data, environment, command and parameters are those of the baseline's runs"
        f"{f' (commit {stored[:7]})' if stored else ''}.\n"
    )
    if occasion.baseline_edited:
        body += f"\n**Baseline:** {code(occasion.baseline_edited)} is edited here; it was not judged.\n"
    text = Text(place.experiment, place.age, body, quiet=not occasion.baseline_edited)
    posted = _post(step, place, begun, Finding(Conclusion.SUCCESS, REASON, body, text.marked()), text)
    urls = {"comment_url": posted.comment_url, "check_url": posted.check_url}
    found = announcement.outputs(None, None, experiment=place.experiment, **urls)
    return Ended(0, {**found, "verdict": "unchanged", "passed": "true"}, body, notes=posted.notes)


def _run_and_tell(step: Step, place: Place, begun: Begun, change: Change) -> Ended:
    from action import terminal

    request, experiment = step.request, change.judged.experiment
    workspace = request.job.workspace
    base = change.stored.snapshot if change.stored is not None else None
    choice = Choice(request.environment.kind)
    kind = choice.applied(experiment).environment.chosen
    trust.check_sandbox(step.standing, kind, hosted=request.job.hosted)
    with StepLog(step.log) as screen:
        with open_session(step.folder, experiment, screen, step.environ, choice) as session:
            seeds = request.seeds or experiment.seeds
            screen.expect(list(experiment.metrics), base)
            screen.line(terminal.header(session, seeds))
            try:
                found = run_it(session, change.stored, seeds, Cache.USE, step.environ)
                screen.lines(terminal.verdict_lines(found.bundle, found.verdict, files.differences_of(found.bundle)))
                swept = _verified(session, screen, change)
            except Cancelled:
                raise KeyboardInterrupt from None
        bundle = found.with_notes().model_copy(update={"sweep": swept})
        screen.lines(terminal.note_lines(bundle))
    verdict, occasion = found.verdict, _occasion(step, place, change)
    verdicts = [verdict, *([claim.verdict(swept, experiment)] if swept is not None else [])]
    ruling = rule_all(verdicts, occasion.label, request.gate)
    whole = f"artifact ml-experiment-{experiment.experiment}"
    report = announced(build(bundle, verdict, files.differences_of(bundle), whole=whole), verdicts, occasion, ruling)
    written = files.write(bundle, report, session.store.state)
    forge = step.forge if step.standing is Standing.OURS else None
    drawn = plots.figures(report, request.plots, forge, place, request.job.server_url)
    quiet = announcement.is_quiet(verdicts, occasion)
    text = announcement.comment_text(report, drawn.shown, place.age, quiet=quiet)
    named = file_of(request.experiment)
    failed = verdicts if not ruling.passed else []
    remarks = tuple(remark for one in failed for remark in annotations.of_verdict(one, report, _text(step), named))
    ends = announcement.conclusion(ruling, request.gate)
    posted = _post(step, place, begun, announcement.finding(report, ends, ruling, text, remarks), text)
    outputs = announcement.outputs(
        verdict,
        ruling,
        experiment=experiment.experiment,
        html=os.path.relpath(written.html, workspace),
        report=os.path.relpath(written.report, workspace),
        bundle=os.path.relpath(written.bundle, workspace),
        comment_url=posted.comment_url,
        check_url=posted.check_url,
        sweep_verdict=verdicts[1].judgement.value if swept is not None else "",
    )
    notes = (*drawn.notes, *posted.notes)
    return Ended(ruling.exit_code, outputs, announcement.summary_text(report, drawn.shown), remarks, notes)


def _verified(session: Session, screen: StepLog, change: Change) -> Verification | None:
    """The sweep's record held to its word, where the policy asks for it."""
    from action import claim_view, sweep_view

    if change.wanted is None or change.brought is None:
        return None
    teller = sweep_view.SweepView(screen)
    sweep = session.experiment.sweep
    hands = own_hands(session, sweep.parallelism if sweep is not None else 1)
    found = verify(session, hands, change.brought.record, change.wanted, wish=lambda: Wish.GO_ON, teller=teller)
    screen.lines(claim_view.lines(found, claim.verdict(found, change.judged.experiment)))
    return found


def _text(step: Step) -> str:
    path = step.folder / FILE_NAME if step.folder.is_dir() else step.folder
    return path.read_text(encoding="utf-8-sig", errors="replace")


def _post(step: Step, place: Place, begun: Begun, finding: Finding, text: Text) -> Posted:
    """The check run first: whatever jobs cross, its text is where the newest report is found again."""
    if step.forge is None:
        return Posted(notes=("no token: the report is in the step's summary and among its files",))
    done = complete(step.forge, begun, finding)
    if step.standing is Standing.STRANGERS:
        return Posted(notes=(POSTED_ELSEWHERE,))
    said = comment(step.forge, place, begun, text, step.request.comment)
    return Posted(said.comment_url, done.check_url, (*done.notes, *said.notes))
