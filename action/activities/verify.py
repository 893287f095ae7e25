"""Verifying a sweep: the best trial of its record again, on the claim's seeds or fresh ones, and its table again."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from action.activities.session import Cache, Session
from action.activities.sweep import Teller, make_again
from action.activities.sweep_hands import Hands
from experiment.claim import Claim, MadeAgain, NoClaim, Verification
from experiment.errors import InfrastructureFailed
from experiment.search import Sweep
from experiment.spec import Experiment
from experiment.summarise import summary
from experiment.sweep_policy import First
from reporting.claim_stages import next_stage
from reporting.stages import Continue
from runner.sweep import lockfile
from runner.sweep.drive import Wish
from runner.sweep.lockfile import SweepLock
from runner.sweep.refusals import SweepRefused, TableDiffers

ALL = 10**9
"""More trials than any record has."""


class NotFresh(SweepRefused):
    """A claim is to be judged by the very runs it was made with."""


@dataclass(frozen=True)
class Record:
    """A record as it was found: `lock` None where there is none that can be read, and `why` then says why."""

    path: str  # below the experiment's folder
    lock: SweepLock | None
    why: str = ""
    before: Claim | None = None  # the base commit's, where a change brings this record

    @property
    def no_claim(self) -> NoClaim | None:
        """Why there is no claim; None where there is one."""
        if self.lock is None:
            return NoClaim.UNREADABLE if self.why else NoClaim.NO_RECORD
        if self.lock.claim is not None and self.lock.best_row is not None:
            return None
        return NoClaim.SEVERAL if len(self.lock.best) > 1 else NoClaim.BADLY


@dataclass(frozen=True)
class Wanted:
    """How much is made again: the first `trials` of the record besides the best one; other seeds than the next free."""

    trials: int = 0
    seeds: tuple[int, ...] | None = None
    reuse: Cache = Cache.USE  # for runs on fresh seeds; trials of the record are always made


def record_of(folder: Path, experiment: Experiment) -> Record:
    """The record beside the experiment file. Raises UnreadableLock."""
    return Record(lockfile.name_of(experiment), lockfile.read(lockfile.lock_path(folder, experiment)))


def check_fresh(record: Record, wanted: Wanted) -> None:
    """Raise NotFresh where the seeds that a person chose are the claim's own."""
    claimed = record.lock.claim.seeds if record.lock is not None and record.lock.claim is not None else ()
    if known := sorted({*(wanted.seeds or ())} & {*claimed}):
        raise NotFresh(
            f"--seeds: {', '.join(map(str, known))}: the claim was made with them, so they say nothing new about it\n"
            "  choose others, or leave --seeds out: then the claim's own seeds come first\nnothing was run"
        )


def asked_for(sweep: Sweep | None) -> Wanted | None:
    """What `sweep.on_pull_request` asks for; None where nothing."""
    match sweep.on_pull_request if sweep is not None else "none":
        case "none":
            return None
        case "best":
            return Wanted()
        case "all":
            return Wanted(trials=ALL)
        case First(first=first):
            return Wanted(trials=first)


def verify(
    session: Session, hands: Hands, record: Record, wanted: Wanted, *, wish: Callable[[], Wish], teller: Teller
) -> Verification:
    """Have `hands` run what is wanted. `session.experiment` is as in the file.

    Raises Cancelled; what the machine could not do is part of the answer, since an answer is owed either way.
    """
    lock = record.lock
    found = Verification(record=record.path, no_claim=record.no_claim, why=record.why, before=record.before)
    if lock is None:
        return found
    found = found.model_copy(update={"changed": tuple(_changed(session, lock))})
    try:
        if record.no_claim is None and lock.best_row is not None and lock.claim is not None:
            found = found.model_copy(update={"params": lock.best_row.params, "claim": lock.claim})
            found = _held_to_its_word(session, hands, found, wanted)
        if wanted.trials:
            made = MadeAgain(asked=min(wanted.trials, len(lock.table)), of=len(lock.table))
            if found.changed:
                keys = ", ".join(found.changed[:5])
                problem = f"the record is of another specification, it differs in {keys}"
                made = made.model_copy(update={"problem": problem})
            else:
                made = _again(session, hands, lock, made, wish=wish, teller=teller)
            found = found.model_copy(update={"again": made})
    except InfrastructureFailed as error:
        found = found.model_copy(update={"lost": str(error).split("\n", maxsplit=1)[0]})
    return found


def repeat_command(session: Session, wanted: Wanted) -> str:
    """What does this again on another machine."""
    here = [] if session.tree.folder == "." else [session.tree.folder]
    at = f"git checkout {session.tree.commit}\n" if session.tree.commit and not session.tree.dirty else ""
    trials = [] if not wanted.trials else ["--all"] if wanted.trials >= ALL else ["--first", str(wanted.trials)]
    return at + shlex.join(["ml-experiment", "sweep", *here, "--verify", *trials, *session.options])


def _changed(session: Session, lock: SweepLock) -> Sequence[str]:
    """Where the record started does not count: it is followed from there."""
    if session.experiment.sweep is None:
        return ["sweep"]
    return lockfile.changes(lock, lockfile.deciding(session.experiment, lock.start))


def _held_to_its_word(session: Session, hands: Hands, found: Verification, wanted: Wanted) -> Verification:
    """The best trial's parameters on the seeds that a person chose, else stage by stage."""
    claim, experiment = found.claim, session.experiment
    assert claim is not None
    params = {**experiment.params, **found.params}
    again = replace(session, experiment=experiment.model_copy(update={"params": params}))

    def more(seeds: Sequence[int], reuse: Cache, note: str) -> Verification:
        made = tuple(summary(run) for run, _ in hands.runs(again, seeds, reuse, note))
        return found.model_copy(update={"runs": (*found.runs, *made)})

    if wanted.seeds is not None:
        note = f"trial {claim.trial} of the record on fresh seeds: does its claim hold?"
        return more(wanted.seeds, wanted.reuse, note)
    while isinstance(stage := next_stage(found, experiment), Continue):
        # An earlier run on a seed of the claim may be the very one it was made by: it would answer for itself.
        own = {*stage.seeds} <= {*claim.seeds}
        found = more(stage.seeds, Cache.IGNORE if own else wanted.reuse, stage.reason)
    return found


def _again(
    session: Session, hands: Hands, lock: SweepLock, wanted: MadeAgain, *, wish: Callable[[], Wish], teller: Teller
) -> MadeAgain:
    try:
        make_again(session, hands, lock, wanted.asked, wish=wish, teller=teller)
    except TableDiffers as error:
        return wanted.model_copy(update={"difference": str(error), "elsewhere": error.elsewhere})
    except SweepRefused as error:
        return wanted.model_copy(update={"problem": str(error).split("\n", maxsplit=1)[0]})
    return wanted
