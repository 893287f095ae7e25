"""The stored baseline: accepting runs as the level to hold, showing it, saying what would change."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from action.activities.reproduce import taken
from action.activities.session import Cache, Session
from experiment import baseline as baselines
from experiment.atomic import write_whole
from experiment.baseline import Acceptance, Baseline
from experiment.errors import CannotJudge
from experiment.snapshot import Snapshot
from reporting.comparison import compare
from reporting.decision import Verdict
from reporting.differences import Differences, differences
from reporting.gate import incomplete
from runner import tracking
from runner.store import CannotStore


class NotAcceptable(CannotJudge):
    """The runs cannot be a baseline."""


def run_for_baseline(session: Session, seeds: Sequence[int], reuse: Cache, inherited: Mapping[str, str]) -> Snapshot:
    """A run of every seed, most of them from the cache after a `reproduce`. Raises NotAcceptable when one failed."""
    runs = session.runs(seeds, reuse, f"{len(seeds)} runs for the baseline")
    destination = tracking.destination_for(session.experiment.experiment, session.store.state, inherited)
    importing = tracking.start([folder for _, folder in runs], destination)
    made = taken(session, [run for run, _ in runs])
    for note in importing.finish(20.0):
        session.watcher.say(note)
    if broken := incomplete(made.runs):
        raise NotAcceptable(f"{broken}: nothing was accepted\n  mend the run first; a baseline holds only good runs")
    gated = [name for name, metric in session.experiment.metrics.items() if metric.gate]
    absent = next((name for name in gated if not _everywhere(name, made)), None)
    if absent is not None:
        raise NotAcceptable(
            f"metric {absent!r} is not in every run: nothing was accepted\n"
            "  a baseline needs every metric that gates; correct its name, or add 'gate: false' to it"
        )
    return made


def _everywhere(name: str, made: Snapshot) -> bool:
    return name == "runtime_s" or all(name in run.metrics for run in made.runs)


def replaced(path: Path, experiment: str) -> tuple[Baseline | None, str]:
    """The baseline that would be replaced, and why it cannot be read where it cannot: accepting is the remedy then.

    Raises OtherExperiment: that file is not ours to replace.
    """
    try:
        return baselines.load(path, experiment=experiment), ""
    except baselines.NoBaseline:
        return None, ""
    except baselines.OtherExperiment:
        raise
    except baselines.UnreadableBaseline as error:
        return None, str(error).split("\n")[0]


def accept(made: Snapshot, old: Baseline | None, path: Path, note: str) -> Baseline:
    """Write the baseline, unless it holds these very runs already. Raises CannotStore; what was there is then kept."""
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    new = Baseline(accepted=Acceptance(at=at, tool_version=made.tool_version, note=note), snapshot=_stored(made))
    if old is not None and _holds(old.snapshot, new.snapshot) and note in ("", old.accepted.note):
        return old
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, baselines.dumps(new).encode())
    except OSError as error:
        raise CannotStore(path, error) from None
    return new


def holds(old: Baseline | None, made: Snapshot) -> bool:
    """Whether a baseline is of these very runs."""
    return old is not None and _holds(old.snapshot, _stored(made))


def _holds(old: Snapshot, new: Snapshot) -> bool:
    """Whether these are the same runs. The commit they were made at stays right when others follow it."""
    same = old == new.model_copy(update={"commit": old.commit, "dirty": old.dirty})
    return same and (old.dirty == new.dirty or not old.dirty)


def _stored(made: Snapshot) -> Snapshot:
    """Without what is of no use later: which runs came from the cache, and why each was made."""
    runs = tuple(run.model_copy(update={"cached": False, "note": ""}) for run in made.runs)
    return made.model_copy(update={"runs": runs})


def changes(old: Snapshot, new: Snapshot) -> tuple[Verdict, Differences]:
    """What accepting `new` in place of `old` means."""
    from action.activities.compare import Judged

    return compare(old, new, Judged.of(new)), differences(old.configuration, new.configuration)
