"""Remarks beside the code: at the line a message names, and at the key of a metric that failed."""

import re
from collections.abc import Iterator

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from action.commands import Annotation, Level
from reporting.decision import Decision, GateResult, Judgement, Verdict
from reporting.document import Report, text_of
from reporting.words import look

_PLACE = re.compile(r"^(?P<path>[^\s:][^:\n]*):(?P<line>[0-9]{1,7}): (?P<what>[^\n]+)", re.MULTILINE)
_MOST = 20
_FAILED = (Judgement.REGRESSED, Judgement.CHANGED, Judgement.INCONCLUSIVE, Judgement.UNVERIFIABLE)


def of_message(text: str, root: str) -> tuple[Annotation, ...]:
    """A remark for each `path:line: what` in a message; paths below `root` are made relative to it."""
    found = []
    for match in list(_PLACE.finditer(text))[:_MOST]:
        path = match["path"].removeprefix(root).lstrip("/")
        hint = text[match.end() :].strip("\n").split("\nnothing was run")[0]
        about = "\n".join([match["what"], *(line for line in hint.split("\n")[:3] if "│" not in line)])
        found.append(Annotation(Level.ERROR, "ml-experiment", about, path, int(match["line"])))
    return tuple(found)


def of_verdict(verdict: Verdict, report: Report, spec: str, path: str) -> tuple[Annotation, ...]:
    """A remark at the key of every gated metric that failed; `spec` is the experiment file's text."""
    if verdict.gate is GateResult.PASSED:
        return ()
    lines = dict(_metric_lines(spec))
    failed = [d for d in verdict.decisions if d.gated and d.judgement in _FAILED][:_MOST]
    remarks = [
        Annotation(Level.ERROR, f"{d.metric}: {d.judgement}", _change(d), path, lines.get(d.metric, 1)) for d in failed
    ]
    return tuple(remarks) or (Annotation(Level.ERROR, "ml-experiment", text_of(report.heading), path, 1),)


def _change(decision: Decision) -> str:
    if decision.delta is None:
        return decision.reason or decision.judgement.value
    words = look(decision)
    between = f" [{words.interval(*decision.interval)}]" if decision.interval is not None else ""
    return f"{words.signed(decision.delta)}{between}, {decision.baseline.n} → {decision.candidate.n} runs"


def _metric_lines(spec: str) -> Iterator[tuple[str, int]]:
    try:
        tree = YAML(typ="rt").load(spec)
    except (YAMLError, ValueError):
        return
    metrics = tree.get("metrics") if isinstance(tree, CommentedMap) else None
    if isinstance(metrics, CommentedMap):
        for key in metrics:
            yield str(key), metrics.lc.key(key)[0] + 1
