"""The main job: run again, compare with the stored baseline, say what it means."""

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from action.activities import run_notes
from action.activities.session import Cache, Made, Session
from experiment import baseline as baselines
from experiment.baseline import Baseline
from experiment.bundle import Bundle, FileGap, Replicate
from experiment.snapshot import RunSummary, Snapshot
from experiment.summarise import FinishedRun, snapshot, summary
from reporting.comparison import compare
from reporting.decision import Verdict
from reporting.parting import how_runs_part
from reporting.stages import Continue, Stop, first_stage, next_stage, second_run
from runner import artifacts, tracking
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
    first = first_stage(base, seeds, session.experiment.stages.first)
    stage: Continue | Stop = first
    runs: list[Made] = []
    while isinstance(stage, Continue):
        made = session.runs(stage.seeds, reuse, stage.reason if runs else f"{stage.reason}{_aa(base)}")
        note = stage.reason if runs else ""
        runs += [(replace(run, note=note if i == 0 else ""), folder) for i, (run, folder) in enumerate(made)]
        candidate = taken(session, [run for run, _ in runs])
        later = later_runs(session, base, candidate, seeds)
        stage = next_stage(base, candidate, session.experiment, seeds, later)
    if stage.reason:
        session.watcher.say(stage.reason)
    replicate, again = _replicate(session, base, candidate, runs, reuse)
    destination = tracking.destination_for(session.experiment.experiment, session.store.state, inherited)
    importing = tracking.start([*dict.fromkeys([folder for _, folder in runs] + again)], destination)
    verdict = compare(base, candidate, session.experiment, replicate, later)
    bundle = Bundle(
        tool_version=candidate.tool_version,
        policy=session.experiment,
        candidate=candidate,
        baseline=stored,
        replicate=replicate,
        later=later,
        files=_files_apart(session, base, runs),
        planned=first.seeds,
        possible=len(seeds),
        stage_note=stage.reason,
        wall_s=time.monotonic() - began,
        notes=(
            *run_notes.seeds_make_no_difference(candidate.runs, candidate.configuration.seeding),
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


def repeat_command(session: Session) -> str:
    """What does this again on another machine."""
    here = [] if session.tree.folder == "." else [session.tree.folder]
    at = f"git checkout {session.tree.commit}\n" if session.tree.commit and not session.tree.dirty else ""
    return at + shlex.join(["ml-experiment", "reproduce", *here, "--no-cache", *session.options])


def later_runs(
    session: Session, base: Snapshot | None, candidate: Snapshot, seeds: Sequence[int]
) -> tuple[RunSummary, ...]:
    """Recorded runs of the baseline's configuration besides the baseline's own and the candidate's."""
    key = next((run.configuration for run in base.runs if run.ok), "") if base is not None else ""
    if base is None or not key:
        return ()
    own = {*seeds} if any(run.configuration == key for run in candidate.runs) else set()
    found = session.later_runs(key, {run.seed for run in base.runs} | own)
    return tuple(summary(run) for run in found)


def _replicate(
    session: Session, base: Snapshot | None, candidate: Snapshot, runs: Sequence[Made], reuse: Cache
) -> tuple[Replicate | None, list[Path]]:
    """The second run of one seed: what this configuration has on record already, or one that is made now."""
    wanted = second_run(base, candidate)
    if isinstance(wanted, Stop):
        return None, []
    first = next(made for made in runs if made[0].record.parts.seed == wanted.seeds[0])
    known = session.run_twice(first[0]) if reuse is Cache.USE else None
    one, other = known or (first, session.again(wanted.seeds[0]))
    made = {folder: run for run, folder in runs}
    ours = one[1] in made
    one, other = ((made.get(folder, run), folder) for run, folder in (one, other))
    replicate = Replicate(
        run=summary(other[0]),
        first=None if ours else summary(one[0]),
        gaps=how_runs_part(one[0].curves, other[0].curves),
        files=_file_gaps(one, other),
    )
    return replicate, [one[1], other[1]]


def _file_gaps(one: Made, other: Made) -> tuple[FileGap, ...]:
    a, b = ({path: file.sha256 for path, file in run.record.artifacts.items()} for run, _ in (one, other))
    return artifacts.file_gaps(a, one[1], b, other[1])


def _files_apart(session: Session, base: Snapshot | None, runs: Sequence[Made]) -> tuple[FileGap, ...]:
    """Artifacts that differ from the baseline's of the same seed, where the baseline's run was recorded here too."""
    stored = {run.seed: run for run in base.runs if run.ok} if base is not None else {}
    for run, folder in runs:
        before = stored.get(run.record.parts.seed)
        kept = session.store.folder_of(before.key) if before is not None else None
        if before is not None and kept is not None:
            now = {path: file.sha256 for path, file in run.record.artifacts.items()}
            if gaps := artifacts.file_gaps(before.artifacts, kept, now, folder):
                return gaps
    return ()
