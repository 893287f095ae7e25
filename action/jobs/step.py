"""What a job has to work with, and what it hands back to the step that runs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from action import trust
from action.check import Conclusion, Finding
from action.commands import Annotation, Log, write_outputs
from action.comment import Age
from action.forge.forge import Forge
from action.inputs import Request
from action.publish import NOWHERE, Begun, Place, begin, complete
from action.trust import Standing
from reporting.markdown import fence, visible


@dataclass(frozen=True)
class Step:
    """One step: what it was asked, where it speaks, and the forge if it has a token."""

    request: Request
    log: Log
    forge: Forge | None
    environ: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """The experiment's folder or file in the workspace."""
        return self.request.job.workspace / self.request.experiment

    @property
    def age(self) -> Age:
        """Which run this is."""
        return Age(self.request.job.run_id, self.request.job.run_attempt)

    @property
    def standing(self) -> Standing:
        """Whose code this is about."""
        return trust.standing(self.request.event, self.request.job.repository)


@dataclass(frozen=True)
class Ended:
    """How a step ends: its exit code, outputs, summary, remarks, and what could not be done."""

    code: int
    outputs: Mapping[str, str]
    summary: str
    annotations: tuple[Annotation, ...] = ()
    notes: tuple[str, ...] = ()


POSTED_ELSEWHERE = "from a fork: the token may not write, so workflows/report.yml posts the report once this job ends"


def open_check(step: Step, place: Place) -> Begun:
    """The check run of our own code, in progress; none for a stranger's, whose job may not write."""
    if step.forge is None:
        return NOWHERE
    if step.standing is Standing.STRANGERS:
        return Begun(None, (POSTED_ELSEWHERE,))
    begun = begin(step.forge, place)
    if begun.check is not None and step.request.job.state is not None:
        write_outputs(step.request.job.state, {"check": str(begun.check.id)})  # for `action.afterwards`
    return begun


def close_check(step: Step, begun: Begun, error: BaseException) -> None:
    """Complete the check run of a job that did not come to a verdict. Never raises."""
    if step.forge is None or begun.check is None:
        return
    if isinstance(error, KeyboardInterrupt):
        finding = Finding(Conclusion.CANCELLED, "cancelled", "The job was cancelled; what finished is recorded.")
    else:
        said = str(error) or type(error).__name__
        finding = Finding(Conclusion.FAILURE, visible(said.split("\n")[0]), fence(said))
    complete(step.forge, begun, finding)
