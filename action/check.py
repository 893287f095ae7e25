"""The check run of an experiment: in progress before the work, always completed, with the comment's text kept in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from action.commands import Annotation
from action.comment import Age, Text, read
from action.forge.forge import Forge
from action.forge.values import CheckRun
from action.inputs import Gate
from reporting.decision import GateResult

MAX_ANNOTATIONS = 50
"""Of one request."""
MAX_TEXT = 65_535


class Conclusion(StrEnum):
    """How a check run ends. GitHub lets success, neutral and skipped pass."""

    SUCCESS = "success"
    FAILURE = "failure"
    ACTION_REQUIRED = "action_required"
    NEUTRAL = "neutral"
    CANCELLED = "cancelled"


_OF_THE_GATE = {
    GateResult.PASSED: Conclusion.SUCCESS,
    GateResult.FAILED: Conclusion.FAILURE,
    GateResult.CANNOT_JUDGE: Conclusion.ACTION_REQUIRED,
    GateResult.INFRASTRUCTURE: Conclusion.FAILURE,
}


@dataclass(frozen=True)
class Finding:
    """What a completed check run says. `text` is the comment's, with its mark."""

    conclusion: Conclusion
    title: str
    summary: str
    text: str = ""
    annotations: tuple[Annotation, ...] = ()


def name_of(experiment: str) -> str:
    """The name a branch rule requires: the same for every run."""
    return f"ml-experiment / {experiment}"


def conclude(result: GateResult, gate: Gate) -> Conclusion:
    """What the gate's result comes to. Only a pass passes, unless the workflow says that nothing gates."""
    if gate is Gate.REPORT and result is not GateResult.PASSED:
        return Conclusion.NEUTRAL
    return _OF_THE_GATE[result]


def external_id(age: Age) -> str:
    """What ties a check run to a run of the workflow."""
    return f"{age.run}.{age.attempt}"


def begin(forge: Forge, sha: str, experiment: str, age: Age, url: str) -> CheckRun:
    """In progress, so that an earlier result no longer counts. Raises ForgeFailed."""
    return forge.checks.begin(sha, name_of(experiment), external_id(age), url)


def complete(forge: Forge, check: CheckRun, finding: Finding) -> CheckRun:
    """Completed, with every annotation. Raises ForgeFailed; asked twice, it ends the same."""
    batches = [
        finding.annotations[i : i + MAX_ANNOTATIONS] for i in range(0, len(finding.annotations), MAX_ANNOTATIONS)
    ]
    done = forge.checks.change(
        check.id,
        {
            "status": "completed",
            "conclusion": finding.conclusion.value,
            "output": _output(finding, batches[0] if batches else ()),
        },
    )
    for batch in batches[1:]:
        done = forge.checks.change(check.id, {"output": _output(finding, batch)})
    return done


def texts_at(forge: Forge, sha: str, experiment: str) -> tuple[Text, ...]:
    """What every completed check run of a commit has to say in the comment. Raises ForgeFailed."""
    found = []
    for run in forge.checks.of(sha, name_of(experiment)):
        text = read(run.output.text or "") if run.status == "completed" else None
        if text is not None and text.experiment == experiment and external_id(text.age) == run.external_id:
            found.append(text)
    return tuple(found)


def _output(finding: Finding, annotations: Sequence[Annotation]) -> dict[str, Any]:
    output: dict[str, Any] = {"title": _cut(finding.title, 255), "summary": _cut(finding.summary, MAX_TEXT)}
    if finding.text:
        output["text"] = _cut(finding.text, MAX_TEXT)
    placed = [_placed(one) for one in annotations if one.path is not None]
    if placed:
        output["annotations"] = placed
    return output


def _placed(found: Annotation) -> dict[str, Any]:
    line = found.line or 1
    return {
        "path": found.path,
        "start_line": line,
        "end_line": line,
        "annotation_level": "failure" if found.level == "error" else found.level.value,
        "title": _cut(found.title, 255),
        "message": _cut(found.message, 60_000),
    }


def _cut(text: str, most: int) -> str:
    data = text.encode()
    return text if len(data) <= most else data[: most - 3].decode("utf-8", "ignore") + "…"
