"""Report as a step: what a run of a stranger's code left, read as hostile bytes, judged by our own policy, and posted.

Of the other run only numbers are believed, and only if the workflow that made them is the default branch's. Which pull
request it is, which policy and which baseline count: all that is asked of the forge.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from action import announcement, plots
from action.acceptance import acceptance
from action.activities import publish as files
from action.activities.verify import Wanted, asked_for
from action.announcement import Occasion, announced, rule_all
from action.base import Held, baseline_path, file_of, held_at, parse_policy, record_path
from action.check import Conclusion, Finding
from action.comment import Age
from action.forge.forge import Forge
from action.forge.values import Artifact, Pull, Run
from action.jobs.step import Ended, Step, close_check
from action.policy import Judged, judged_by
from action.publish import Begun, Place, Posted, begin, comment, complete
from action.sweep_on_pull import Brought, brought, sound
from experiment import bundle as bundles
from experiment.bundle import MAX_ARTIFACT_BYTES, Bundle, UnreadableBundle
from experiment.errors import CannotJudge, InfrastructureFailed, Refused
from reporting import claim
from reporting.comparison import compare
from reporting.markdown import fence, visible
from reporting.report import build
from runner.sweep.lockfile import name_of

ARTIFACT = "ml-experiment-"
_MOST_ARTIFACTS = 20


class NoToken(Refused):
    """Reporting needs a token."""


class NotOurWorkflow(Refused):
    """The workflow that ran the stranger's code is not the one of the default branch: its numbers prove nothing."""


class NotThisCommit(CannotJudge):
    """What was left is about another commit, experiment or run than the pull request's."""


@dataclass(frozen=True)
class Told:
    """What was posted about one pull request."""

    posted: Posted
    outputs: dict[str, str]
    summary: str


def report(step: Step) -> Ended:
    """The whole job: exit code 0 once it is told, whatever the verdict; the check run carries that."""
    if step.forge is None:
        raise NoToken(
            "mode report: no token\n  give the step 'github-token: ${{ github.token }}' and the job the permissions of "
            "workflows/report.yml\nnothing was posted"
        )
    event = step.request.event.workflow_run
    assert event is not None  # route sees to it
    run = step.forge.runs.run(event.id)
    if run.event != "pull_request":
        return _nothing(f"run {run.id} was started by {run.event}: there is no pull request to report on")
    check_workflow(step.forge, run, step.request.event.repository.default_branch)
    pulls = pulls_of(step.forge, run)
    if not pulls:
        return _nothing(f"no open pull request has {run.head_sha[:7]} as its head: it was closed or has moved on")
    told = [_tell(step, step.forge, run, pull) for pull in pulls]
    notes = tuple(note for one in told for note in one.posted.notes)
    lost = not any(one.posted.check_url or one.posted.comment_url for one in told)
    summary = "\n\n".join(one.summary for one in told)
    return Ended(InfrastructureFailed.exit_code if lost else 0, told[0].outputs, summary, notes=notes)


def _nothing(why: str) -> Ended:
    return Ended(0, announcement.outputs(None, None), f"### ml-experiment: nothing to report\n\n{why}.\n", notes=(why,))


def check_workflow(forge: Forge, run: Run, default_branch: str) -> None:
    """The workflow file that ran must be the default branch's, byte by byte. Raises NotOurWorkflow."""
    path = run.path.partition("@")[0]
    ran, ours = forge.files.sha_of(path, run.head_sha), forge.files.sha_of(path, default_branch)
    if ran is None or ran != ours:
        raise NotOurWorkflow(
            f"{path}: run {run.id} used another version than {default_branch} has\n"
            f"  found: {ran}\n  expected: {ours}\n"
            "  its numbers are not believed; bring the pull request up to date with the default branch, or have a "
            "maintainer run it from a branch of this repository\nnothing was posted"
        )


def pulls_of(forge: Forge, run: Run) -> list[Pull]:
    """The open pull requests whose head is the commit that ran, by what the forge knows of the run."""
    if run.head_repository is None or not run.head_branch:
        return []
    source = run.head_repository.full_name
    found = forge.pulls.open_from(source.split("/")[0], run.head_branch)
    return [
        pull for pull in found
        if pull.head.sha == run.head_sha
        and pull.head.repo is not None and pull.head.repo.full_name.lower() == source.lower()
        and pull.base.repo is not None and pull.base.repo.full_name.lower() == forge.repository.lower()
    ]  # fmt: skip


@dataclass(frozen=True)
class Desk:
    """One pull request to report on: where, held against what, and what its own experiment file says."""

    step: Step
    forge: Forge
    place: Place
    begun: Begun
    held: Held
    judged: Judged
    wanted: Wanted | None  # what of the sweep's record the policy has made again
    brought: Brought | None  # that record


def _tell(step: Step, forge: Forge, run: Run, pull: Pull) -> Told:
    """Judge and post. What cannot be judged completes the check run as failed: a gate fails closed."""
    path = step.request.experiment
    held = held_at(forge.files.merge_base(pull.base.ref, pull.head.sha), path, forge.files)
    if held.policy is None:
        raise NotThisCommit(
            f"{path}: the base {held.commit[:7]} has no experiment file, so there is no policy to judge by\n"
            "  merge the experiment from a branch of this repository first\nnothing was posted"
        )
    url = f"{step.request.job.server_url}/{forge.repository}/actions/runs/{run.id}"
    place = Place(held.policy.experiment, pull.head.sha, pull.number, Age(run.id, run.run_attempt), url)
    begun = begin(forge, place)
    try:
        head = parse_policy(forge.files.read(file_of(path), pull.head.sha) or b"", path, pull.head.sha)
        wanted = asked_for(held.policy.sweep)
        record = _record(forge, path, held, pull.head.sha) if wanted is not None else None
        desk = Desk(step, forge, place, begun, held, judged_by(head, held.policy), wanted, record)
        bundle = read_bundle(forge, forge.runs.artifacts(run.id), place.experiment)
        return _tell_verdict(desk, rejudged(bundle, desk))
    except (Refused, CannotJudge) as error:
        return _told_failure(forge, place, begun, str(error))
    except BaseException as error:
        close_check(step, begun, error)
        raise


def _record(forge: Forge, path: str, held: Held, head: str) -> Brought:
    assert held.policy is not None
    now = forge.files.read(record_path(path, held.policy), head)
    return brought(name_of(held.policy), now, held.record_bytes, held.commit)


def read_bundle(forge: Forge, artifacts: Sequence[Artifact], name: str) -> Bundle:
    """The bundle of this experiment among what the run left. Raises UnreadableBundle, NotThisCommit."""
    wanted = [one for one in artifacts[:_MOST_ARTIFACTS] if one.name == f"{ARTIFACT}{name}"]
    if len(wanted) != 1:
        raise NotThisCommit(
            f"artifact {ARTIFACT}{name}: expected once, found {len(wanted)} times\n"
            "  the run ended before it had a report: its log says why"
        )
    if wanted[0].size_in_bytes > MAX_ARTIFACT_BYTES:
        raise UnreadableBundle(
            f"artifact {wanted[0].name}: {wanted[0].size_in_bytes:,} bytes, more than the {MAX_ARTIFACT_BYTES:,} "
            "that are read"
        )
    return bundles.from_artifact(forge.runs.content(wanted[0].id), name=f"artifact {wanted[0].name}")


def rejudged(bundle: Bundle, desk: Desk) -> Bundle:
    """The stranger's runs under our policy, beside our baseline: of the bundle only the runs count.

    Raises NotThisCommit.
    """
    found = bundle.candidate
    for what, has, wanted in (
        ("commit", found.commit, desk.place.sha),
        ("experiment", found.experiment, desk.place.experiment),
    ):
        if has != wanted:
            raise NotThisCommit(
                f"the bundle's {what} is {str(has)[:64]!r}, the pull request's is {wanted!r}\n"
                "  run the workflow again for the present head"
            )
    swept = None
    if desk.wanted is not None and desk.brought is not None:
        swept = sound(bundle.sweep, desk.brought.record, desk.wanted, desk.judged.experiment)
    ours = {
        "policy": desk.judged.experiment,
        "baseline": desk.held.baseline,
        "later": (),  # later runs are pooled into it
        "sweep": swept,
    }
    return bundle.model_copy(update=ours)


def _tell_verdict(desk: Desk, bundle: Bundle) -> Told:
    request, forge, place = desk.step.request, desk.forge, desk.place
    base = bundle.baseline.snapshot if bundle.baseline is not None else None
    verdict = compare(base, bundle.candidate, bundle.policy, bundle.replicate)
    assert place.pull is not None
    label = acceptance(forge, place.pull, place.sha, request.event)
    record = desk.brought.notice if desk.brought is not None else ()
    occasion = Occasion(desk.judged.edits, desk.held.commit, _edited_baseline(desk), record, label, place.pull)
    verdicts = [verdict, *([claim.verdict(bundle.sweep, bundle.policy)] if bundle.sweep is not None else [])]
    ruling = rule_all(verdicts, label, request.gate)
    whole = f"artifact {ARTIFACT}{place.experiment}"
    found = announced(build(bundle, verdict, files.differences_of(bundle), whole=whole), verdicts, occasion, ruling)
    drawn = plots.figures(found, request.plots, forge, place, request.job.server_url)
    quiet = announcement.is_quiet(verdicts, occasion)
    text = announcement.comment_text(found, drawn.shown, place.age, quiet=quiet)
    ends = announcement.conclusion(ruling, request.gate)
    done = complete(forge, desk.begun, announcement.finding(found, ends, ruling, text, ()))
    said = comment(forge, place, desk.begun, text, request.comment)
    posted = Posted(said.comment_url, done.check_url, (*drawn.notes, *done.notes, *said.notes))
    said_of_sweep = verdicts[1].judgement.value if bundle.sweep is not None else ""
    urls = {"comment_url": posted.comment_url, "check_url": posted.check_url}
    outputs = announcement.outputs(verdict, ruling, sweep_verdict=said_of_sweep, **urls)
    return Told(posted, outputs, announcement.summary_text(found, drawn.shown))


def _edited_baseline(desk: Desk) -> str:
    path = baseline_path(desk.step.request.experiment, desk.judged.experiment)
    now, before = (desk.forge.files.sha_of(path, commit) for commit in (desk.place.sha, desk.held.commit))
    return desk.judged.experiment.baseline_file if now is not None and now != before else ""


def _told_failure(forge: Forge, place: Place, begun: Begun, why: str) -> Told:
    first = why.split("\n", maxsplit=1)[0]
    summary = f"### {place.experiment}: **no verdict**\n\n{fence(why)}\n"
    done = complete(forge, begun, Finding(Conclusion.FAILURE, visible(first), summary))
    outputs = announcement.outputs(None, None, check_url=done.check_url)
    return Told(replace(done, notes=(*done.notes, why)), outputs, summary)
