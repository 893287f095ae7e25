"""The lines a person reads on the terminal, and the JSON a script reads, from the same values as the report."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from action.activities.baseline import changes, moved
from action.activities.publish import Published
from action.activities.session import Session
from experiment.baseline import Baseline
from experiment.bundle import Bundle
from experiment.snapshot import Snapshot
from experiment.value import double_to_json
from reporting.decision import Judgement, Verdict
from reporting.differences import Differences
from reporting.words import seeds_in_words


def header(session: Session, seeds: Sequence[int]) -> str:
    """The first line: which experiment, commit, environment, seeds."""
    tree = session.tree
    at = (
        f"commit {tree.commit[:7]}, {'uncommitted changes' if tree.dirty else 'clean'}" if tree.commit else "not in git"
    )
    return f"{session.experiment.experiment}  {at} · {session.prepared.label} · {seeds_in_words(list(seeds))}"


def verdict_lines(bundle: Bundle, verdict: Verdict, found: Differences | None) -> Iterator[str]:
    """The last lines, all that a hurried person reads: verdict, number, cause, gate."""
    yield ""
    decisive = next((d for d in verdict.decisions if d.metric == verdict.decisive), None)
    shown = [decisive] if decisive is not None else [d for d in verdict.decisions if d.gated][:1]
    quiet = verdict.judgement in (Judgement.IDENTICAL, Judgement.NO_BASELINE, Judgement.UNVERIFIABLE)
    parts = [] if quiet and decisive is None else [moved(d) for d in shown]
    yield "  ".join([verdict.judgement.value, *parts])
    for decision in verdict.decisions:
        if decision not in shown and not quiet and decision.judgement is not Judgement.NO_BASELINE:
            mark = decision.judgement.value if decision.gated else "not gated"
            yield f"           {moved(decision)}   {mark}"
    if found is not None:
        yield f"           {found.sentence}"
    if verdict.reproduction_reason:
        yield f"           reproduces: {verdict.reproduction.value}; {verdict.reproduction_reason}"
    yield f"           gate: {verdict.gate_reason}"
    if bundle.baseline is None:
        yield "           store these runs as the baseline: ml-experiment baseline accept"


def relative(path: Path) -> str:
    """The path as it can be opened from here."""
    shown = os.path.relpath(path)
    return str(path) if shown.startswith("../..") else shown


def outputs(bundle: Bundle, verdict: Verdict, written: Published | None) -> dict[str, Any]:
    """What `--json` prints: the names of the Action's outputs, and every metric's figures."""
    return {
        "verdict": verdict.judgement.value,
        "passed": verdict.exit_code == 0,
        "exit_code": verdict.exit_code,
        "gate": verdict.gate_reason,
        "reproduction": verdict.reproduction.value,
        "report": str(written.report) if written else None,
        "html": str(written.html) if written else None,
        "bundle": str(written.bundle) if written else None,
        "runs": len(bundle.candidate.runs),
        "cached": sum(run.cached for run in bundle.candidate.runs),
        "metrics": {
            decision.metric: {
                "verdict": decision.judgement.value if decision.gated else None,
                "baseline_mean": _json(decision.baseline.mean),
                "baseline_n": decision.baseline.n,
                "mean": _json(decision.candidate.mean),
                "n": decision.candidate.n,
                "delta": _json(decision.delta),
                "interval": [_json(end) for end in decision.interval] if decision.interval else None,
            }
            for decision in verdict.decisions
        },
        "notes": list(bundle.notes),
    }


def _json(value: float | None) -> float | str | None:
    return None if value is None else double_to_json(value)


def accepted_lines(old: Snapshot | None, new: Snapshot, path: Path) -> Iterator[str]:
    """What accepting changed, and what to do next."""
    yield ""
    yield from change_lines(changes(old, new)) if old is not None else _levels(new)
    yield f"baseline   {relative(path)}: {len(new.runs)} runs accepted; commit this file"
    if new.dirty:
        yield "           note: the tree has uncommitted changes, so no commit can give these runs again"


def change_lines(found: tuple[Verdict, Differences] | None) -> Iterator[str]:
    """What differs between two levels, metric by metric."""
    if found is None:
        return
    verdict, apart = found
    yield f"against the old baseline: {verdict.judgement.value}"
    for decision in verdict.decisions:
        yield f"           {moved(decision)}"
    yield f"           {apart.sentence}"


def baseline_lines(stored: Baseline) -> Iterator[str]:
    """A stored baseline in a few lines."""
    kept = stored.snapshot
    at = f"commit {kept.commit[:7]}" if kept.commit else "not in git"
    dirty = " with uncommitted changes" if kept.dirty else ""
    yield f"{kept.experiment}  {len(kept.runs)} runs of {at}{dirty}, accepted {stored.accepted.at}"
    if stored.accepted.note:
        yield f"           {stored.accepted.note}"
    yield from _levels(kept)
    environment = kept.configuration.environment
    yield f"           environment {environment.source}, {len(environment.packages)} packages, Python {environment.python}"
    yield f"           hardware {kept.configuration.hardware_class()}"
    yield f"           {seeds_in_words([run.seed for run in kept.runs])} · ml-experiment {kept.tool_version}"


def _levels(kept: Snapshot) -> Iterator[str]:
    from action.activities.compare import Judged
    from reporting.comparison import decide_metrics
    from reporting.decision import Sample
    from reporting.words import look

    for decision in decide_metrics(None, kept, Judged.of(kept)):
        sample: Sample = decision.candidate
        if sample.mean is not None:
            yield f"           {decision.metric}  {look(decision).spread(sample.mean, sample.sd)}   n {sample.n}"
