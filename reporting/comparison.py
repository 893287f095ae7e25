"""A baseline and a candidate, with the policy they are judged by -> the verdict."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, Protocol

from experiment.bundle import Replicate
from experiment.snapshot import RunSummary, Snapshot
from experiment.spec import Gate, Metric, Stages
from reporting.case import Case
from reporting.decision import Decision, Judgement, Verdict
from reporting.evidence import Evidence, Rules, SameSeed, terms_of
from reporting.gate import gate, incomplete
from reporting.reproduction import MEASURED_BY_US, all_same_bits, reproduced, same_seed_runs, what_differs
from reporting.verdict import judge_all, overall

RUNTIME = "runtime_s"


class Policy(Protocol):
    """What a comparison needs of an experiment file."""

    @property
    def metrics(self) -> dict[str, Metric]:
        """Metrics to judge, by name."""

    @property
    def gate(self) -> Gate:
        """What fails the check."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """All seeds that may be spent."""

    @property
    def stages(self) -> Stages:
        """How many of them come first."""

    @property
    def alpha(self) -> float:
        """How often an unchanged commit may be called moved."""

    @property
    def pairing(self) -> Literal["none", "seed"]:
        """Whether equal seeds are compared as pairs."""


def rules_of(policy: Policy) -> Rules:
    """What holds for all metrics."""
    return Rules.of(policy.stages, policy.alpha, policy.pairing, policy.seeds)


def compare(
    baseline: Snapshot | None,
    candidate: Snapshot,
    policy: Policy,
    replicate: Replicate | None = None,
    later: Sequence[RunSummary] = (),
) -> Verdict:
    """Answer both questions and ask the gate.

    `replicate` is the second run of the same commit and seed, `later` are runs of the baseline's configuration that
    were made after it.
    """
    decisions = decide_metrics(baseline, candidate, policy, later)
    judgement, decisive = overall(decisions)
    judgement = judgement or _ungated(baseline, candidate)
    reproduction = reproduced(candidate, baseline, replicate, policy.metrics)
    second = [replicate.run] if replicate and policy.gate.reproduce == "required" else []
    answer = gate(policy.gate, decisions, judgement, reproduction, [*candidate.runs, *second])
    return Verdict(
        judgement=judgement,
        decisive=decisive,
        decisions=decisions,
        reproduction=reproduction[0],
        reproduction_reason=reproduction[1],
        gate=answer.result,
        gate_reason=answer.reason,
    )


def decide_metrics(
    baseline: Snapshot | None, candidate: Snapshot, policy: Policy, later: Sequence[RunSummary] = ()
) -> tuple[Decision, ...]:
    """Decide every declared metric; where none is declared, show every captured one without gating by it."""
    metrics = policy.metrics or {name: Metric(gate=False) for name in _captured(baseline, candidate)}
    if baseline is None:
        ordered = sorted(metrics.items(), key=lambda item: not item[1].gate)
        return tuple(_without_baseline(candidate, name, metric) for name, metric in ordered)
    pairs = same_seed_runs(baseline, candidate)
    equal = all_same_bits(pairs)
    evidence = {
        name: replace(_evidence(baseline, candidate, name, pairs, equal), history=_values(later, name))
        for name in metrics
    }
    decisions = judge_all(evidence, metrics, rules_of(policy))
    note = "" if equal else _only_files_differ(pairs)
    return tuple(d if d.reason or not note else d.model_copy(update={"reason": note}) for d in decisions)


def value_of(run: RunSummary, metric: str) -> float | None:
    """One metric of a run that ended well; the wall clock's seconds for `runtime_s`. None where it has none."""
    if not run.ok:
        return None
    return run.wall_s if metric == RUNTIME else run.metrics.get(metric)


def _values(runs: Sequence[RunSummary], metric: str) -> list[float]:
    return [value for run in runs if (value := value_of(run, metric)) is not None]


def _captured(baseline: Snapshot | None, candidate: Snapshot) -> dict[str, None]:
    runs = (*candidate.runs, *(baseline.runs if baseline else ()))
    return {name: None for run in runs for name in run.metrics}


def _evidence(
    baseline: Snapshot,
    candidate: Snapshot,
    name: str,
    pairs: list[tuple[RunSummary, RunSummary]],
    equal: bool,
) -> Evidence:
    before, now = _values(baseline.runs, name), _values(candidate.runs, name)
    both = [(value_of(b, name), value_of(c, name)) for b, c in pairs]
    known = tuple((b, c) for b, c in both if b is not None and c is not None)
    repeats = name not in MEASURED_BY_US
    missing = _missing(candidate, name)
    if not missing and not before:
        missing = f"the baseline has no value of {name}; store a new one with: ml-experiment baseline accept"
    return Evidence(
        baseline=before,
        candidate=now,
        same_seed=SameSeed(known if repeats else (), equal_bits=equal and repeats),
        baseline_failed=len(baseline.runs) - len(before),
        candidate_failed=len(candidate.runs) - len(now),
        missing=missing,
    )


def _missing(candidate: Snapshot, name: str) -> str:
    """Why nothing can be claimed about a metric: the first thing that should be there and is not; else nothing."""
    without = next((run for run in candidate.runs if run.ok and value_of(run, name) is None), None)
    if without is not None and all(run.ok for run in candidate.runs):
        return f"{name} was never seen in the run of seed {without.seed}; {_nearest(name, without.metrics)}"
    return incomplete(candidate.runs)


def _nearest(name: str, captured: Mapping[str, float]) -> str:
    near = difflib.get_close_matches(name, captured, 1, cutoff=0.4)
    if near:
        return f"did you mean {near[0]}?"
    return f"captured: {', '.join(list(captured)[:5])}" if captured else "no metric was captured"


def _only_files_differ(pairs: list[tuple[RunSummary, RunSummary]]) -> str:
    differing = [what_differs(b, c) for b, c in pairs]
    paths = list(dict.fromkeys(path for _, found in differing for path in found))
    if not paths or any(names for names, _ in differing):
        return ""
    return f"the metrics are equal to the bit, {', '.join(paths[:3])} differs"


def _without_baseline(candidate: Snapshot, name: str, metric: Metric) -> Decision:
    values, missing = _values(candidate.runs, name), _missing(candidate, name)
    case = Case(name, Evidence([], values, candidate_failed=len(candidate.runs) - len(values)), terms_of(metric))
    return case.decision(Judgement.UNVERIFIABLE if missing else Judgement.NO_BASELINE, 0, reason=missing)


def _ungated(baseline: Snapshot | None, candidate: Snapshot) -> Judgement:
    """The judgement where no metric gates: only equal bits say anything."""
    if incomplete(candidate.runs):
        return Judgement.UNVERIFIABLE
    if baseline is None:
        return Judgement.NO_BASELINE
    equal = all_same_bits(same_seed_runs(baseline, candidate))
    return Judgement.IDENTICAL if equal else Judgement.UNVERIFIABLE
