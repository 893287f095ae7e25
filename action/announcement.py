"""A report as it is told on GitHub: what stands first, what a maintainer may do, the check's words, the outputs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from action.check import Conclusion, Finding, conclude
from action.commands import Annotation
from action.comment import Age, Text
from action.inputs import Gate
from action.trust import ACCEPT_LABEL, Acceptance, NotAccepted
from reporting.decision import GateResult, Judgement, Reproduction, Verdict
from reporting.document import Document, Line, Paragraph, Report, code, line, listed, strong, text_of, told
from reporting.gate import WORST_FIRST
from reporting.markdown import visible
from reporting.render import LIMIT, Shown, to_markdown

_A_LEVEL = (Judgement.REGRESSED, Judgement.CHANGED, Judgement.INCONCLUSIVE)
"""What a maintainer can accept: a level that is known. What did not run or reproduce is none."""

_QUIET = (Judgement.IDENTICAL, Judgement.WITHIN_TOLERANCE, Judgement.CONSISTENT, Judgement.EQUIVALENT)
_ROOM = 500  # bytes for the mark
_SUMMARY_LIMIT = 1_000_000


NO_LABEL = NotAccepted("")


@dataclass(frozen=True)
class Occasion:
    """What about a change a reader must know before the verdict."""

    policy_edits: tuple[str, ...] = ()
    policy_commit: str = ""
    baseline_edited: str = ""  # path, where the change edits it
    record: Line = ()  # what the change does to the sweep's record, and by which one it is judged
    label: Acceptance | NotAccepted = NO_LABEL
    pull: int | None = None


@dataclass(frozen=True)
class Ruling:
    """The verdict and what became of it here. `result` is the gate's; PASSED too where a maintainer accepts."""

    passed: bool
    accepted: Acceptance | None
    exit_code: int
    result: GateResult = GateResult.PASSED


def rule(verdict: Verdict, label: Acceptance | NotAccepted, gate: Gate) -> Ruling:
    """Whether the step passes: by the verdict, or because a maintainer accepts the level it found."""
    if verdict.gate is GateResult.PASSED:
        return Ruling(True, None, 0)
    if isinstance(label, Acceptance) and can_be_accepted(verdict):
        return Ruling(True, label, 0)
    told_only = gate is Gate.REPORT and verdict.gate is not GateResult.INFRASTRUCTURE
    return Ruling(False, None, 0 if told_only else verdict.exit_code, verdict.gate)


def rule_all(verdicts: Sequence[Verdict], label: Acceptance | NotAccepted, gate: Gate) -> Ruling:
    """The same for several verdicts on one commit: the worst of them decides."""
    rulings = [rule(verdict, label, gate) for verdict in verdicts]
    worst = min(rulings, key=lambda ruling: WORST_FIRST.index(ruling.result))
    accepted = next((ruling.accepted for ruling in rulings if ruling.accepted is not None), None)
    return replace(worst, accepted=accepted if worst.passed else None)


def can_be_accepted(verdict: Verdict) -> bool:
    """Only a level can be accepted, and only one that comes out again."""
    unstable = verdict.reproduction in (Reproduction.DIFFERS, Reproduction.UNVERIFIABLE)
    failed = verdict.gate in (GateResult.FAILED, GateResult.CANNOT_JUDGE)
    return failed and verdict.judgement in _A_LEVEL and not unstable


def announced(report: Report, verdicts: Sequence[Verdict], occasion: Occasion, ruling: Ruling) -> Report:
    """The report with what stands first, and with what can be done about it on GitHub."""
    first = tuple(notices(occasion, ruling))
    blocks = report.blocks
    failed = [verdict for verdict in verdicts if verdict.gate is not GateResult.PASSED]
    if occasion.pull is not None and not ruling.passed and all(map(can_be_accepted, failed)):
        label = code(ACCEPT_LABEL)
        advice = told("Accepting it here: somebody who may write sets the label {} on this pull request.", label)
        blocks = (*blocks, Paragraph(kind="bullet", words=advice))
    return report.model_copy(update={"lead": (*first, *report.lead), "blocks": blocks})


def notices(occasion: Occasion, ruling: Ruling) -> list[Line]:
    """What a reader must know first."""
    found: list[Line] = []
    if ruling.accepted is not None:
        who, when = code(ruling.accepted.by), ruling.accepted.at.strftime("%Y-%m-%d %H:%M UTC")
        found.append(line(strong("Accepted as the new level"), " by ", who, f", {when}, by label."))
    elif isinstance(occasion.label, NotAccepted) and occasion.label.reason:
        found.append(line(strong("Not accepted: "), occasion.label.reason, "."))
    if occasion.baseline_edited:
        held = told("is edited here; judged by the one of {}.", code(occasion.policy_commit[:7]))
        found.append(line(strong("Baseline: "), code(occasion.baseline_edited), " ", held))
    if occasion.record:
        found.append(line(strong("Record of the sweep: "), *occasion.record))
    if occasion.policy_edits:
        names = listed([line(code(name)) for name in occasion.policy_edits], most=8)
        held = told("edited here; judged by the policy of {}.", code(occasion.policy_commit[:7]))
        found.append(line(strong("Policy: "), names, " ", held))
    return found


def is_quiet(verdicts: Sequence[Verdict], occasion: Occasion) -> bool:
    """Whether nothing moved that anybody has to hear of."""
    if occasion.policy_edits or occasion.baseline_edited or occasion.record:
        return False
    return all(verdict.gate is GateResult.PASSED and verdict.judgement in _QUIET for verdict in verdicts)


def comment_text(report: Report, shown: Sequence[Shown], age: Age, *, quiet: bool) -> Text:
    """The comment: the report within GitHub's limit."""
    return Text(report.experiment, age, to_markdown(report, shown, LIMIT - _ROOM), quiet)


def summary_text(report: Document, shown: Sequence[Shown]) -> str:
    """The step's summary: all of the report."""
    return to_markdown(report, shown, _SUMMARY_LIMIT)


def conclusion(ruling: Ruling, gate: Gate) -> Conclusion:
    """How the check run ends."""
    return Conclusion.SUCCESS if ruling.passed else conclude(ruling.result, gate)


def finding(report: Report, ends: Conclusion, ruling: Ruling, text: Text, annotations: Sequence[Annotation]) -> Finding:
    """What the check run says; its text is the comment's, from which other jobs may restore it."""
    title = visible(text_of(report.heading)).removeprefix(f"{report.experiment}: ")
    said = f"{title}, accepted by {ruling.accepted.by}" if ruling.accepted is not None else title
    lead = to_markdown(report.model_copy(update={"blocks": (), "sections": ()}), (), LIMIT)
    return Finding(ends, said, lead, text.marked(), tuple(annotations))


def outputs(verdict: Verdict | None, ruling: Ruling | None, **more: str) -> dict[str, str]:
    """The Action's outputs; each is there whatever happened, so that a consumer never reads an old one."""
    return {
        "verdict": verdict.judgement.value if verdict is not None else "",
        "passed": "true" if ruling is not None and ruling.passed else "false",
        **{name: more.get(name.replace("-", "_"), "") for name in OUTPUTS if name not in ("verdict", "passed")},
    }


OUTPUTS = (
    "verdict", "sweep-verdict", "passed", "experiment", "report", "html", "bundle",
    "comment-url", "check-url", "best-params", "proposal-url",
)  # fmt: skip
"""Every output, as in action.yml."""
