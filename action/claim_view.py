"""A verified sweep as a person reads it on the terminal, and as `--json` prints it."""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from action.activities.publish import write_pages
from action.activities.session import Session
from action.activities.verify import Wanted, repeat_command
from action.outputs import metric_figures
from action.terminal import metric_rows
from experiment.claim import Verification
from experiment.value import double_to_json
from reporting.claim_report import build
from reporting.claim_words import headline, said_of, what_now
from reporting.decision import Verdict
from reporting.document import commit, line, listed, text_of
from reporting.sweep_words import parameters
from runner.store import CannotStore

_LABEL = 11


def lines(found: Verification, verdict: Verdict) -> Iterator[str]:
    """The last lines: verdict, numbers, the table's own answer, gate."""
    said = said_of(verdict)
    pad = " " * max(_LABEL, len(said) + 2)
    rows = list(metric_rows(verdict.decisions, verdict.judgement)) if verdict.decisions else []
    why = [text_of(headline(found, verdict)).partition(" — ")[2]] if said != verdict.judgement.value or not rows else []
    told = [*why, *rows]
    told += [f"of trial {found.claim.trial}: {parameters(found.params)}"] if found.claim is not None else []
    told += [f"table: {row.strip()}" for row in verdict.reproduction_reason.split("\n") if found.again is not None]
    told += [f"not as in the record: {', '.join(found.changed)}"] if found.changed else []
    told.append(f"gate: {verdict.gate_reason.splitlines()[0]}")
    told += [text_of(now)] if (now := what_now(found, verdict)) else []
    yield ""
    yield f"{said:<{len(pad)}}{told[0]}"
    yield from (f"{pad}{row}" for row in told[1:])


def publish(session: Session, wanted: Wanted, found: Verification, verdict: Verdict) -> Path:
    """Write the report `sweep-verified.md` and its page, whose path is returned. Raises CannotStore."""
    state, tree = session.store.state, session.tree
    footer = listed(
        [
            line(f"ml-experiment {version('ml-experiment')}"),
            line("commit ", commit(tree.commit), " with uncommitted changes" if tree.dirty else ""),
            line("against the record ", found.record),
        ],
        separator=" · ",
    )
    report = build(
        found,
        verdict,
        session.experiment.experiment,
        footer=footer,
        repeat=repeat_command(session, wanted),
        whole=f"{state.name}/sweep-verified.html",
    )
    html = state / "sweep-verified.html"
    try:
        write_pages(report, state / "sweep-verified.md", html, state / "verified-figures")
    except OSError as error:
        raise CannotStore(state, error) from None
    return html


def outputs(found: Verification, verdict: Verdict, html: Path) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "verdict": verdict.judgement.value,
        "passed": verdict.exit_code == 0,
        "exit_code": verdict.exit_code,
        "gate": verdict.gate_reason,
        "table": verdict.reproduction.value,
        "trials_again": found.again.asked if found.again is not None else 0,
        "claim": found.claim.model_dump(mode="json") if found.claim is not None else None,
        "seeds": [run.seed for run in found.runs],
        "values": [
            double_to_json(run.metrics[found.claim.metric])
            for run in found.runs
            if found.claim is not None and found.claim.metric in run.metrics
        ],
        "metrics": metric_figures(verdict),
        "changed": list(found.changed),
        "report": str(html.with_suffix(".md")),
        "html": str(html),
    }
