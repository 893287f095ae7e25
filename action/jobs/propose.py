"""A pull request with what a sweep found: the best parameters in the experiment file, and the record they come from."""

from dataclasses import dataclass
from pathlib import Path

from action.base import file_of, parse_policy, record_path
from action.forge.forge import Forge
from action.forge.refusals import ForgeFailed
from action.jobs.step import Step
from experiment.errors import Refused
from experiment.param_edit import CannotEdit, with_params
from experiment.spec import Experiment
from experiment.value import Scalar
from reporting.markdown import code

_BODY = """The best parameters of a sweep, and its record `{record}`. {claim}

Measured by {url}. Merging this makes them what later runs are made with; where the experiment file has
`sweep.on_pull_request`, the record is held to its word right here.
"""


@dataclass(frozen=True)
class Proposed:
    """What became of it; `url` is "" where there is no pull request."""

    said: str
    url: str = ""


@dataclass(frozen=True)
class Found:
    """What is proposed: the best parameters, the record's file, and what fresh seeds made of it."""

    experiment: Experiment
    params: dict[str, Scalar] | None  # None: several objectives, or no trial ended well
    record: Path | None
    claim: str


def propose(step: Step, found: Found) -> Proposed:
    """Never raises for the forge: the sweep is done, and its record lies in the workspace."""
    if found.params is None or found.record is None:
        return Proposed("nothing to propose: there is no single best trial, or the sweep is not finished")
    if step.forge is None:
        return Proposed("no pull request: the step has no token (github-token); the record is among its files")
    try:
        return _proposed(step, step.forge, found.params, found.record, found)
    except CannotEdit as error:
        return Proposed(f"no pull request: ml-experiment.yaml cannot be edited: {error}; write the parameters by hand")
    except ForgeFailed as error:
        return Proposed(f"no pull request: {error.reason}; the record is among the step's files")


def _proposed(step: Step, forge: Forge, params: dict[str, Scalar], record: Path, found: Found) -> Proposed:
    job, path = step.request.job, step.request.experiment
    name, url = found.experiment.experiment, job.run_url
    spec = file_of(path)
    before = (job.workspace / spec).read_text(encoding="utf-8")
    after = edited(before, params, path)
    files = {spec: after.encode(), record_path(path, found.experiment): record.read_bytes()}
    blobs = {where: forge.files.add_blob(content) for where, content in files.items()}
    if all(forge.files.sha_of(where, job.sha) == blob for where, blob in blobs.items()):
        return Proposed("nothing to propose: the experiment file has these parameters and this record already")
    own, onto = f"ml-experiment/sweep-{name}", _target(step)
    there = forge.pulls.open_from(forge.repository.split("/")[0], own)
    if there and all(forge.files.sha_of(where, own) == blob for where, blob in blobs.items()):
        return Proposed(f"pull request {there[0].html_url} proposes this already", there[0].html_url)
    message = f"Take the best parameters of the sweep of {name}\n\nMeasured by {url}"
    commit = forge.files.add_commit(forge.files.add_tree([*blobs.items()], base=job.sha), [job.sha], message)
    forge.files.set_ref(own, commit)
    title = f"Best parameters of the sweep of {name}"
    body = _BODY.format(record=record_path(path, found.experiment), claim=found.claim, url=url)
    if there:
        forge.pulls.change_request(there[0].number, title, body)
        return Proposed(f"pull request {there[0].html_url} now proposes {code(_words(params))}", there[0].html_url)
    pull = forge.pulls.open_request(title, body, own, onto)
    return Proposed(f"pull request {pull.html_url} proposes {code(_words(params))}", pull.html_url)


def edited(text: str, params: dict[str, Scalar], path: str) -> str:
    """The experiment file with these parameters, read again and compared. Raises CannotEdit."""
    after = with_params(text, params)
    before = parse_policy(text.encode(), path, "here")
    try:
        found = parse_policy(after.encode(), path, "here")
    except Refused as error:
        raise CannotEdit(str(error).split("\n", maxsplit=1)[0]) from None
    if found != before.model_copy(update={"params": {**before.params, **params}}):
        raise CannotEdit("what was written does not read back as it was meant")
    return after


def _target(step: Step) -> str:
    """The branch the sweep was started on; the default branch for a tag."""
    ref = step.request.job.ref
    is_branch = ref.startswith("refs/heads/")
    return ref.removeprefix("refs/heads/") if is_branch else step.request.event.repository.default_branch


def _words(params: dict[str, Scalar]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in params.items())
