"""What `--json` prints: one object, with the names of the Action's outputs."""

from typing import Any

from action.activities.publish import Published
from experiment.bundle import Bundle
from experiment.value import double_to_json
from reporting.decision import Decision, Verdict


def outputs(bundle: Bundle, verdict: Verdict, written: Published | None) -> dict[str, Any]:
    """The verdict, where the report lies, how many runs it took, and every metric's figures."""
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
        "metrics": metric_figures(verdict),
        "notes": list(bundle.notes),
    }


def metric_figures(verdict: Verdict) -> dict[str, dict[str, Any]]:
    """Figures by metric; numbers that JSON has no form for are text: "NaN", "Infinity"."""
    return {decision.metric: _figures(decision) for decision in verdict.decisions}


def _figures(decision: Decision) -> dict[str, Any]:
    return {
        "verdict": decision.judgement.value,
        "gated": decision.gated,
        "baseline_mean": _json(decision.baseline.mean),
        "baseline_n": decision.baseline.n,
        "mean": _json(decision.candidate.mean),
        "n": decision.candidate.n,
        "delta": _json(decision.delta),
        "interval": [_json(end) for end in decision.interval] if decision.interval else None,
    }


def _json(value: float | None) -> float | str | None:
    return None if value is None else double_to_json(value)
