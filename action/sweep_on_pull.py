"""The record of a sweep on a pull request: which one counts, how much is made again, what a job's answer is worth."""

from dataclasses import dataclass

from action.activities.verify import Record, Wanted
from experiment.claim import NoClaim, Verification
from experiment.spec import Experiment
from reporting.claim_stages import next_stage
from reporting.document import Line, code, told
from reporting.stages import Stop
from runner.sweep import lockfile
from runner.sweep.refusals import UnreadableLock


@dataclass(frozen=True)
class Brought:
    """The record that is judged, and what a reader has to know of it first; () where the change leaves it alone."""

    record: Record
    notice: Line


def brought(path: str, head: bytes | None, base: bytes | None, commit: str) -> Brought:
    """The record of a change, by its bytes at the head and at the base `commit`; `path` is below the experiment.

    One that the change brings is held to its own word, and to the base's too: otherwise a change could lower what it
    is held to.
    """
    short = code(commit[:7])
    if head is None and base is not None:
        return Brought(_read(path, base), told("{} is deleted here; judged by the one of {}.", code(path), short))
    if head == base or head is None:
        return Brought(_read(path, head), ())
    before = _read(path, base).lock if base is not None else None
    own = _read(path, head)
    record = Record(own.path, own.lock, own.why, before.claim if before is not None else None)
    if base is None:
        return Brought(record, told("{} is new; it is held to its own word.", code(path)))
    both = "{} is edited here; it is held to its own word, and to what the one of {} claims."
    return Brought(record, told(both, code(path), short))


def sound(found: Verification | None, record: Record, wanted: Wanted, policy: Experiment) -> Verification:
    """What another job says it found, as far as it answers what was asked.

    Of it only the runs and the table's answer count; everything else is taken from the record itself. Runs that stop
    before all was run that `policy` wants, or that have none on the claim's own seeds, are no answer.
    """
    asked = Verification(record=record.path, no_claim=record.no_claim, why=record.why, before=record.before)
    lock = record.lock
    if lock is None:
        return asked
    again = found.again if found is not None else None
    trials = min(wanted.trials, len(lock.table))
    whole = not wanted.trials or (again is not None and again.asked >= trials and again.of == len(lock.table))
    missing = asked.model_copy(update={"no_claim": NoClaim.NOT_MADE, "before": None})
    if found is None or not whole:
        return missing
    kept = asked.model_copy(update={"again": again, "lost": found.lost, "changed": found.changed})
    claim, row = lock.claim, lock.best_row
    if record.no_claim is not None or claim is None or row is None:
        return kept
    answer = kept.model_copy(update={"claim": claim, "params": found.params, "runs": found.runs})
    once = len({run.seed for run in found.runs}) == len(found.runs)
    whole = once and isinstance(next_stage(answer, policy), Stop)
    if not found.lost and (not whole or found.params != row.params):
        return missing
    return answer


def _read(path: str, data: bytes | None) -> Record:
    if data is None:
        return Record(path, None)
    try:
        return Record(path, lockfile.loads(data, path))
    except UnreadableLock as error:
        return Record(path, None, str(error).split("\n", maxsplit=1)[0])
