"""GitHub's door: inputs and event -> activity -> exit code. The one place that knows how a step ends.

What takes long to import is imported once the first line is in the log.
"""

import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from action import inputs
from action.commands import Annotation, Level, Log, OutputsLost, write_outputs, write_summary
from action.forge.clock import Clock
from action.inputs import Request
from action.ownership import give_back
from action.route import Activity, route
from experiment.errors import CannotJudge, InfrastructureFailed, NotTheSame, Refused
from runner.source import STATE, folder_of

if TYPE_CHECKING:
    from action.jobs.step import Ended


def run(environ: MutableMapping[str, str], out: TextIO, clock: Clock | None = None) -> int:
    """One step from its inputs to its exit code. `environ` loses the inputs and every token."""
    log = Log(out)
    output = Path(environ["GITHUB_OUTPUT"]) if environ.get("GITHUB_OUTPUT") else None
    summary = Path(environ["GITHUB_STEP_SUMMARY"]) if environ.get("GITHUB_STEP_SUMMARY") else None
    workspace = environ.get("GITHUB_WORKSPACE", "")
    experiment = Path(workspace) / environ.get("INPUT_EXPERIMENT", "").strip()
    try:
        ended = _ended(environ, log, workspace, clock)
        _tell(log, ended, summary)
        return _hand_on(log, ended, output)
    finally:
        log.end()
        if workspace and experiment.is_relative_to(workspace):
            give_back(folder_of(experiment) / STATE, Path(workspace))


def _ended(environ: MutableMapping[str, str], log: Log, workspace: str, clock: Clock | None) -> "Ended":
    """What the activity came to; no traceback ever reaches the log."""
    try:
        request = inputs.read(environ)
        _trust_the_checkout(environ, request)
        return _activity(request, log, environ, clock)
    except (Refused, InfrastructureFailed, CannotJudge, NotTheSame) as error:
        return _failed(error.exit_code, str(error), workspace)
    except KeyboardInterrupt:
        from action.endings import CANCELLED

        return _failed(CANCELLED, "cancelled; what finished is recorded", workspace)
    except Exception as error:
        from action.endings import BUG

        told = f"{type(error).__name__}: {error}".split("\n")[0][:200]
        log.relay("".join(traceback.format_exception(error)))
        return _failed(BUG, f"this is a bug in ml-experiment: {told}\n  please report it with this log", workspace)


def _activity(request: Request, log: Log, environ: MutableMapping[str, str], clock: Clock | None) -> "Ended":
    event, job = request.event, request.job
    activity = route(event, request.mode, job.ref, sweep_asked=request.sweep.anything)
    if request.token is not None:
        log.mask(request.token.reveal())
    log.relay(f"ml-experiment: {activity} on {event.name}")
    from action.forge.forge import connect
    from action.jobs.step import Step

    forge = None
    if request.token is not None:
        forge = connect(job.api_url, job.repository, request.token, clock)
    if request.mlflow_tracking_uri:
        environ["MLFLOW_TRACKING_URI"] = request.mlflow_tracking_uri
    step = Step(request, log, forge, environ)
    match activity:
        case Activity.REPRODUCE:
            from action.jobs.reproduce import reproduce

            return reproduce(step)
        case Activity.REPORT:
            from action.jobs.report import report

            return report(step)
        case Activity.BASELINE:
            from action.jobs.baseline import baseline

            return baseline(step)
        case Activity.SWEEP:
            from action.jobs.sweep import sweep

            return sweep(step)


def _trust_the_checkout(environ: MutableMapping[str, str], request: Request) -> None:
    """The workspace belongs to the runner's user and not to us; git reads it only if told that this is right."""
    environ["GIT_CONFIG_COUNT"] = "1"
    environ["GIT_CONFIG_KEY_0"] = "safe.directory"
    environ["GIT_CONFIG_VALUE_0"] = str(request.job.workspace)


def _failed(code: int, text: str, workspace: str) -> "Ended":
    from action import annotations, announcement
    from action.jobs.step import Ended
    from reporting.markdown import fence

    remarks = annotations.of_message(text, workspace) or (Annotation(Level.ERROR, "ml-experiment", text),)
    summary = f"### ml-experiment: no verdict\n\n{fence(text)}\n"
    return Ended(code, announcement.outputs(None, None), summary, remarks, (text,))


def _tell(log: Log, ended: "Ended", summary: Path | None) -> None:
    for note in ended.notes:
        log.relay(note)
    for remark in ended.annotations:
        log.annotate(remark)
    if summary is not None:
        try:
            write_summary(summary, ended.summary)
        except OSError as error:
            log.relay(f"the step's summary could not be written: {error}")


def _hand_on(log: Log, ended: "Ended", output: Path | None) -> int:
    """Outputs, then the exit code. Outputs that are lost must not look like a pass."""
    if output is None:
        return ended.code
    try:
        write_outputs(output, ended.outputs)
    except OutputsLost as error:
        log.annotate(Annotation(Level.ERROR, "ml-experiment", str(error)))
        return ended.code or error.exit_code
    return ended.code
