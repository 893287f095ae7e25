"""What is decided before a sweep runs anything: which record is followed, where it starts, which log goes on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from importlib.metadata import version

from action.activities.session import Session
from action.activities.sweep_asked import starting_point, sweep_of
from action.activities.sweep_hands import Hands
from experiment.command import text
from experiment.environment import hardware_class
from experiment.search import Sweep
from experiment.spec import Experiment
from experiment.value import Scalar
from runner.sweep import lockfile
from runner.sweep.events import Began
from runner.sweep.lockfile import SweepLock
from runner.sweep.log import Log
from runner.sweep.refusals import LogOfAnotherSweep, NothingToStartFrom


class Fate(Enum):
    """What to do about a record of an earlier study."""

    FOLLOW = "follow it"
    REPLACE = "start a new study"


@dataclass(frozen=True)
class Plan:
    """What decides the table, and the record that is followed. `start`: the first trial's parameters."""

    spec: Mapping[str, str]
    machine: str
    start: Mapping[str, Scalar] | None
    lock: SweepLock | None

    def began(self, name: str) -> Began:
        """The first line of a log of it."""
        return Began(
            study=name,
            digest=lockfile.digest_of(self.spec),
            machine=self.machine,
            started=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            follows=self.lock.table_digest if self.lock is not None else None,
        )


def planned(session: Session, experiment: Experiment, log: Log, fate: Fate) -> Plan:
    """A study that was begun goes on as it began; a record is followed from where it started; else a new study.

    Parameters move: whoever takes over what a sweep found has another `params`, and the record is to be followed all
    the same. Raises UnreadableLock, LockOfAnotherSpec, NothingToStartFrom, UnreadableBaseline.
    """
    target = lockfile.lock_path(session.folder, experiment)
    lock = None if fate is Fate.REPLACE else lockfile.read(target)
    new = log.began if log.began is not None and log.began.follows is None else None
    if lock is None or new is not None:
        start = starting_point(experiment, session.folder)
        spec = lockfile.deciding(experiment, start)
        if lock is None or (new is not None and new.digest == lockfile.digest_of(spec)):
            return Plan(spec, machine_of(session), start, None)
    spec = lockfile.deciding(experiment, lock.start)
    lockfile.check(lock, target, spec)
    return Plan(spec, machine_of(session), lock.start, lock)


def machine_of(session: Session) -> str:
    """What suggestions and results depend on besides the specification, in words."""
    hardware = hardware_class(session.prepared.hardware, session.prepared.environment)
    return f"{hardware}; Optuna {version('optuna')}, NumPy {version('numpy')}"


def also_on(machine: str, hands: Hands) -> str:
    """`machine`, and the processors of a cluster's nodes that are others than its own."""
    others = [one for one in hands.machines if not machine.startswith(f"{one};")]
    return f"{machine}; trials on {', '.join(others)}" if others else machine


def begin(log: Log, plan: Plan, name: str, fate: Fate) -> Log:
    """The log with its first line. Raises LogOfAnotherSweep where an unfinished study of another kind is there.

    A replay that was not finished is put aside, since it can be made again at any time.
    """
    first = plan.began(name)
    if log.began is None:
        log.append(first)
        return log
    if (log.began.digest, log.began.follows) != (first.digest, first.follows):
        if fate is Fate.REPLACE or log.began.follows is not None:
            log = log.anew(log.path.with_name(f"{name}-put-aside.jsonl"))
            log.append(first)
            return log
        raise LogOfAnotherSweep(
            f"{log.path}: an unfinished study of another specification is there ({len(log.events)} events)\n"
            "  change ml-experiment.yaml back to finish it, or start a new study with --new, which puts it aside\n"
            "nothing was run"
        )
    return log


def limited(sweep: Sweep, lock: SweepLock | None) -> tuple[Sweep, bool]:
    """The sweep with as many trials as are to be made, and whether they are only the first ones of the record's."""
    if lock is None:
        return sweep, False
    trials = len(lock.table) if sweep.trials == lock.trials else sweep.trials
    return sweep.model_copy(update={"trials": trials}), trials < len(lock.table)


def note(session: Session, sweep: Sweep, workers: int, plan: Plan) -> str:
    """What the order means for this sweep, in a sentence."""
    if plan.lock is not None:
        how = f"follows the record of {len(plan.lock.table)} trials, and compares{_moved(session, plan)}"
    elif sweep.order == "window":
        how = f"window of {sweep.parallelism}: the same table whatever the number of workers; workers may wait"
    else:
        how = "results are told as they come, and their order is recorded"
    few = "; set resources.cpus to run trials side by side" if workers < sweep.parallelism and workers == 1 else ""
    return f"{how}{few}"


def _moved(session: Session, plan: Plan) -> str:
    """That the record starts elsewhere than a new study would; nothing where it does not."""
    kind = sweep_of(session.experiment).start
    try:
        now = starting_point(session.experiment, session.folder)
    except NothingToStartFrom:
        return ""
    if now is None or plan.start is None or now == plan.start:
        return ""
    name = next(name for name in {**now, **plan.start} if now.get(name) != plan.start.get(name))
    there, here = (f"{name} = {text(one[name])}" if name in one else f"no {name}" for one in (plan.start, now))
    return f", from where it started ({there}; {kind} has {here}: --new starts there)"
