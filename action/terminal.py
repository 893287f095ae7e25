"""The lines a person reads on the terminal before and after the runs, from the same values as the report."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from action.activities.baseline import changes
from action.activities.session import Session
from experiment.baseline import Baseline
from experiment.bundle import Bundle
from experiment.snapshot import Snapshot
from reporting import apart, sureness
from reporting.decision import Decision, GateResult, Judgement, Verdict
from reporting.differences import Differences
from reporting.document import text_of
from reporting.numbers import NBSP, Rounding, count, every
from reporting.words import broken, heading, look, seeds_in_words

_LABEL = 11
_QUIET = (Judgement.IDENTICAL, Judgement.UNVERIFIABLE)


def header(session: Session, seeds: Sequence[int]) -> str:
    """The first line: which experiment, commit, environment, seeds."""
    tree = session.tree
    at = (
        f"commit {tree.commit[:7]}, {'uncommitted changes' if tree.dirty else 'clean'}" if tree.commit else "not in git"
    )
    return f"{session.experiment.experiment}  {at} · {session.prepared.label} · {seeds_in_words(list(seeds))}"


def verdict_lines(bundle: Bundle, verdict: Verdict, found: Differences | None) -> Iterator[str]:
    """The last lines, all that a hurried person reads: verdict, number, cause, gate."""
    said = answer(bundle, verdict)
    first = verdict.decisive or next((d.metric for d in verdict.decisions), "")
    pad = " " * max(_LABEL, len(said) + 2)
    quiet = said not in set(Judgement) or verdict.judgement in _QUIET
    told = {d.reason for d in verdict.decisions if d.judgement is Judgement.UNVERIFIABLE and d.metric == first}
    others = [d for d in verdict.decisions if d.judgement is not Judgement.UNVERIFIABLE or d.reason not in told]
    shown = sorted(others, key=lambda d: (d.metric != first, not d.gated))
    rows = list(metric_rows(shown, verdict.judgement))
    why = [text_of(heading(bundle, verdict)).partition(" — ")[2]] if quiet else []
    lines = [*why, *(rows if verdict.judgement is not Judgement.IDENTICAL else [])] or ["no metric was captured"]
    if found is not None:
        lines.append(found.sentence)
    if (parts := apart.told_of_baseline(bundle, verdict, found)) is not None:
        curves = text_of(parts[1:]).strip()
        lines.append(f"equal seeds: {curves[:1].lower()}{curves[1:]}")
    if verdict.reproduction_reason:
        lines.append(f"reproduces: {verdict.reproduction.value}; {verdict.reproduction_reason}")
    if len(bundle.candidate.runs) > 1 and all(run.cached for run in bundle.candidate.runs):
        lines.append(f"{every(len(bundle.candidate.runs), 'run')} are from cache; --no-cache makes them again")
    lines.append(f"gate: {verdict.gate_reason}")
    if unmeasured := sureness.unmeasured(bundle, verdict):
        lines.append(text_of(unmeasured))
    if bundle.baseline is None and verdict.judgement is Judgement.NO_BASELINE:
        lines.append("store these runs as the baseline: ml-experiment baseline accept")
    yield ""
    yield f"{said:<{len(pad)}}{lines[0]}"
    yield from (f"{pad}{line}" for line in lines[1:])


def answer(bundle: Bundle, verdict: Verdict) -> str:
    """The verdict in two words at most."""
    if verdict.gate is GateResult.INFRASTRUCTURE:
        return "not judged"
    return "not reproduced" if broken(bundle, verdict) else verdict.judgement.value


def metric_rows(decisions: Sequence[Decision], overall: Judgement | None = None) -> Iterator[str]:
    """A line for each metric in columns: levels, change, number of runs, and its verdict where it is not `overall`."""
    cells = [_cells(decision, overall) for decision in decisions]
    widths = [max((len(row[i]) for row in cells), default=0) for i in range(4)]
    for row in cells:
        yield "   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True) if width).rstrip()


def _cells(decision: Decision, overall: Judgement | None) -> tuple[str, str, str, str]:
    old, new, words = decision.baseline, decision.candidate, look(decision)
    told = decision.judgement.value if decision.gated else "not gated"
    mark = "" if decision.judgement is overall and decision.gated else told
    sides = ["–" if side.mean is None else words.spread(side.mean, side.sd) for side in (old, new)]
    if decision.judgement is Judgement.UNVERIFIABLE or sides == ["–", "–"]:
        return decision.metric, "", "", f"{told}: {decision.reason}" if decision.reason else told
    if decision.judgement is Judgement.NO_BASELINE:
        return decision.metric, sides[1], f"n {new.n}", "" if decision.gated else mark
    by = _change(decision, words)
    between = f" [{words.interval(*decision.interval)}]" if decision.interval is not None else ""
    return f"{decision.metric}", " → ".join(sides), f"{by}{between}   n{NBSP}{old.n} → {new.n}", mark


def _change(decision: Decision, words: Rounding) -> str:
    """Of the means; where there is none to compare, how many values are missing for it."""
    if decision.delta is not None:
        return words.signed(decision.delta) if decision.delta else "no change"
    side, where = (decision.candidate, "") if decision.candidate.not_finite else (decision.baseline, " in the baseline")
    return f"{side.not_finite} of {side.n + side.not_finite} not finite{where}"


def note_lines(bundle: Bundle) -> Iterator[str]:
    """What went wrong without changing the verdict."""
    yield from (f"{'note':<{_LABEL}}{note}" for note in bundle.notes)


def report_line(path: Path) -> str:
    """Where the report lies."""
    return f"{'report':<{_LABEL}}{relative(path)}"


def relative(path: Path) -> str:
    """The path as it can be opened from here."""
    shown = os.path.relpath(path)
    return str(path) if shown.startswith("../..") else shown


def accepted_lines(old: Snapshot | None, new: Baseline, before: Baseline | None, path: Path) -> Iterator[str]:
    """What accepting changed, and what to do next."""
    kept = new.snapshot
    yield ""
    if new is before:
        yield f"{'baseline':<{_LABEL}}{relative(path)} holds these {count(len(kept.runs), 'run')} already: unchanged"
        return
    yield from change_lines(old, kept) if old is not None else _levels(kept)
    yield f"{'baseline':<{_LABEL}}{relative(path)}: {count(len(kept.runs), 'run')} accepted; commit this file"
    if kept.dirty:
        yield f"{'note':<{_LABEL}}the tree has uncommitted changes, so no commit can give these runs again"


def change_lines(old: Snapshot, new: Snapshot) -> Iterator[str]:
    """What differs between two levels, metric by metric."""
    verdict, apart = changes(old, new)
    yield f"against the old baseline: {verdict.judgement.value}"
    yield from (f"{'':<{_LABEL}}{row}" for row in metric_rows(verdict.decisions, verdict.judgement))
    yield f"{'':<{_LABEL}}{apart.sentence}"


def baseline_lines(stored: Baseline) -> Iterator[str]:
    """A stored baseline in a few lines."""
    kept, pad = stored.snapshot, " " * _LABEL
    at = f"commit {kept.commit[:7]}" if kept.commit else "a tree that is not in git"
    dirty = " with uncommitted changes" if kept.dirty else ""
    yield f"{kept.experiment}  {count(len(kept.runs), 'run')} of {at}{dirty}, accepted {stored.accepted.at}"
    if stored.accepted.note:
        yield f"{pad}{stored.accepted.note}"
    yield from _levels(kept)
    environment = kept.configuration.environment
    packages = count(len(environment.packages), "package")
    yield f"{pad}environment {environment.source}, {packages}, Python {environment.python}"
    yield f"{pad}hardware {kept.configuration.hardware_class()}"
    yield f"{pad}{seeds_in_words([run.seed for run in kept.runs])} · ml-experiment {kept.tool_version}"


def _levels(kept: Snapshot) -> Iterator[str]:
    from action.activities.compare import Judged
    from reporting.comparison import decide_metrics

    yield from (f"{'':<{_LABEL}}{row}" for row in metric_rows(decide_metrics(None, kept, Judged.of(kept))))
