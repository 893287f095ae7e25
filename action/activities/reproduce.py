"""The main job: run again, compare with the stored baseline, say what it means."""

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from action.activities import run_notes
from action.activities.session import Cache, Session
from experiment import baseline as baselines
from experiment.baseline import Baseline
from experiment.bundle import Bundle, CurveGap, Replicate
from experiment.snapshot import Snapshot
from experiment.summarise import FinishedRun, snapshot, summary
from reporting.comparison import compare
from reporting.decision import Verdict
from reporting.reproduction import how_curves_part
from reporting.stages import Continue, Stop, first_stage, next_stage, second_run
from runner import tracking
from runner.tracking import Import

MLFLOW_WAIT_S = 30.0


@dataclass(frozen=True)
class Reproduced:
    """What `reproduce` found. The runs are on their way into MLflow, which may end after the verdict is known."""

    bundle: Bundle
    verdict: Verdict
    importing: Import

    def with_notes(self) -> Bundle:
        """The bundle after waiting for MLflow, at most MLFLOW_WAIT_S; call it once."""
        return self.bundle.model_copy(update={"notes": (*self.bundle.notes, *self.importing.finish(MLFLOW_WAIT_S))})


def stored_baseline(session_folder: Path, name: str, experiment: str) -> Baseline | None:
    """The baseline, None where there is none yet. Raises UnreadableBaseline before anything is spent on runs."""
    try:
        return baselines.load(session_folder / name, experiment=experiment)
    except baselines.NoBaseline:
        return None


def reproduce(
    session: Session, stored: Baseline | None, seeds: Sequence[int], reuse: Cache, inherited: Mapping[str, str]
) -> Reproduced:
    """Run in stages until a verdict is possible, then once more if needed to see whether it reproduces.

    Raises Cancelled and CannotStore; what finished before is recorded, and the next call goes on from there.
    """
    began = time.monotonic()
    base = stored.snapshot if stored is not None else None
    first = first_stage(base, seeds)
    stage: Continue | Stop = first
    runs: list[tuple[FinishedRun, Path]] = []
    while isinstance(stage, Continue):
        made = session.runs(stage.seeds, reuse, stage.reason if runs else f"{stage.reason}{_aa(base)}")
        note = stage.reason if runs else ""
        runs += [(replace(run, note=note if i == 0 else ""), folder) for i, (run, folder) in enumerate(made)]
        candidate = taken(session, [run for run, _ in runs])
        stage = next_stage(base, candidate, session.experiment, seeds)
    if stage.reason:
        session.watcher.say(stage.reason)
    replicate, again = _replicate(session, base, candidate, runs, reuse)
    destination = tracking.destination_for(session.experiment.experiment, session.store.state, inherited)
    importing = tracking.start([*dict.fromkeys([folder for _, folder in runs] + again)], destination)
    verdict = compare(base, candidate, session.experiment, replicate)
    bundle = Bundle(
        tool_version=candidate.tool_version,
        policy=session.experiment,
        candidate=candidate,
        baseline=stored,
        replicate=replicate,
        planned=first.seeds,
        possible=len(seeds),
        stage_note=stage.reason,
        wall_s=time.monotonic() - began,
        notes=(
            *seeds_make_no_difference(candidate),
            *run_notes.notes(base, candidate, [run.record for run, _ in runs if not run.cached]),
        ),
        repeat=repeat_command(session),
    )
    return Reproduced(bundle, verdict, importing)


def _aa(base: Snapshot | None) -> str:
    """What the plan says of the run that may be made twice."""
    if base is None:
        return ", then one of them again: does it reproduce?"
    return "; once more unless it gives the baseline's bits"


def taken(session: Session, runs: Sequence[FinishedRun]) -> Snapshot:
    """The runs as a snapshot of this commit."""
    return snapshot(runs, session.experiment.metrics, commit=session.tree.commit, dirty=session.tree.dirty)


def seeds_make_no_difference(candidate: Snapshot) -> tuple[str, ...]:
    """A note where runs of several seeds are one run repeated, so that nobody takes their number for evidence."""
    results = {run.result_sha256 for run in candidate.runs if run.ok}
    if len(candidate.runs) < 2 or len(results) != 1:
        return ()
    calls = candidate.configuration.seeding.by_user
    why = f" ({calls[0].function}({calls[0].value}) at {calls[0].place})" if calls else ""
    return (
        f"all {len(candidate.runs)} seeds gave the same bits: the script fixes its own randomness{why} or has none, "
        "so these runs say nothing about seed noise; pass {seed} to it in 'command' to vary it",
    )


def repeat_command(session: Session) -> str:
    """What does this again on another machine."""
    here = [] if session.tree.folder == "." else [session.tree.folder]
    at = f"git checkout {session.tree.commit}\n" if session.tree.commit and not session.tree.dirty else ""
    return at + shlex.join(["ml-experiment", "reproduce", *here, "--no-cache", *session.options])


def _replicate(
    session: Session,
    base: Snapshot | None,
    candidate: Snapshot,
    runs: Sequence[tuple[FinishedRun, Path]],
    reuse: Cache,
) -> tuple[Replicate | None, list[Path]]:
    wanted = second_run(base, candidate)
    if isinstance(wanted, Stop):
        return None, []
    seed = wanted.seeds[0]
    first, place = next(entry for entry in runs if entry[0].record.parts.seed == seed)
    second, folder = session.again(seed, place, reuse)
    return Replicate(run=summary(second), gaps=_gaps(first, second)), [folder]


def _gaps(first: FinishedRun, second: FinishedRun) -> tuple[CurveGap, ...]:
    """How the curves of equal metrics and series part, for those that do."""
    others = {(curve.metric, curve.series): curve for curve in second.curves}
    pairs = [(curve, others.get((curve.metric, curve.series))) for curve in first.curves]
    found = [how_curves_part(curve, other) for curve, other in pairs if other is not None]
    return tuple(gap for gap in found if gap is not None)
