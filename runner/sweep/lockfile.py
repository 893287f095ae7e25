"""The record of a finished sweep (`sweeps/<name>.lock.json`): specification, order of events, table.

Made to be reviewed in a pull request, and followed by every later run.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from experiment.atomic import write_whole
from experiment.claim import Claim
from experiment.spec import Experiment
from experiment.trials import Row, table_digest
from experiment.untrusted import parse_json
from experiment.value import Scalar, Value, digest
from experiment.wording import first_fault
from runner.sweep.events import Ask, Event, Prune, Report, Result, Tell
from runner.sweep.refusals import CannotLog, LockOfAnotherSpec, UnreadableLock

_LIMITS = ("trials", "time", "gpu_hours")  # how far a study is taken does not decide what its trials are
_ASIDE = (*_LIMITS, "on_pull_request", "limits", "register")
_TRIALS = "sweep.trials"
_MOST_BYTES = 64 * 1024 * 1024
_START: TypeAdapter[dict[str, Scalar] | None] = TypeAdapter(dict[str, Scalar] | None)


class SweepLock(Value):
    """What a sweep was, and what it came to. `order`: a3 = ask 3, r3:10 = report of step 10, p3 = prune, t3 = tell."""

    version: Literal[1] = 1
    experiment: str
    spec: dict[str, str]  # key -> its value as JSON: all that decides the table
    machine: str
    trials: int  # asked for; the table has fewer where time or GPU-hours were used up, or the grid had no more
    table_digest: str
    best: tuple[int, ...]
    claim: Claim | None = None  # of the best trial; none of several objectives, nor where a run of it ended badly
    order: str
    table: tuple[Row, ...]

    @property
    def start(self) -> dict[str, Scalar] | None:
        """Parameters its first trial was given; None where the sampler chose. Raises ValueError."""
        try:
            return _START.validate_json(self.spec["start"], strict=True)
        except (KeyError, ValidationError):
            raise ValueError("spec.start: not the parameters of a first trial, nor null") from None

    @property
    def best_row(self) -> Row | None:
        """The best trial; None where there is none, or a front of several."""
        return next((row for row in self.table if self.best == (row.trial,)), None)


def deciding(experiment: Experiment, start: Mapping[str, Scalar] | None) -> dict[str, str]:
    """All that decides the table, key by key. The number of workers does not, nor `parallelism` where it is free.

    The number of trials does where a pruner works in a window: there it hears of the trials beside the last ones too.
    """
    sweep = experiment.sweep
    assert sweep is not None
    left_out = {*_ASIDE} if sweep.order == "window" else {*_ASIDE, "parallelism"}
    if sweep.order == "window" and sweep.pruner != "none":
        left_out.remove("trials")
    found: dict[str, Any] = {
        f"sweep.{key}": value for key, value in sweep.model_dump(mode="json").items() if key not in left_out
    }
    space = found.pop("sweep.space")
    found["sweep.space"] = list(space)  # their order decides which number each of them gets
    found |= {f"sweep.space.{name}": sweep.space[name].model_dump(mode="json", exclude_defaults=True) for name in space}
    whole = experiment.model_dump(mode="json")
    found |= {key: whole[key] for key in ("command", "data", "metric_files", "artifacts", "determinism")}
    searched = {name for name, range_ in space.items() if not range_["when"]}
    found["params"] = {name: value for name, value in whole["params"].items() if name not in searched}
    found["start"] = None if start is None else dict(start)
    return {key: json.dumps(value, sort_keys=True) for key, value in found.items()}


def digest_of(spec: Mapping[str, str]) -> str:
    """SHA-256 (hex) of what decides the table."""
    return digest(dict(spec))


def lock_path(folder: Path, experiment: Experiment) -> Path:
    """Where the record of an experiment's sweep is."""
    return folder / name_of(experiment)


def name_of(experiment: Experiment) -> str:
    """The same, below the experiment's folder."""
    return f"sweeps/{experiment.experiment}.lock.json"


def read(path: Path) -> SweepLock | None:
    """The record, None where there is none. Raises UnreadableLock."""
    try:
        return loads(path.read_bytes(), str(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(str(path), str(error.strerror)) from None


def loads(data: bytes, name: str) -> SweepLock:
    """The record in these bytes, which a stranger may have written. Raises UnreadableLock, which says `name`."""
    try:
        tree = parse_json(data, max_bytes=_MOST_BYTES)
        found = SweepLock.model_validate_json(json.dumps(tree))
        _ = found.start, list(events(found))
    except ValidationError as error:
        raise _unreadable(name, first_fault(error)) from None
    except (ValueError, KeyError, IndexError) as error:
        raise _unreadable(name, str(error)) from None
    if table_digest(found.table) != found.table_digest:
        raise _unreadable(name, "its table is not the one of its digest: it was edited")
    return found


def _unreadable(path: str, why: str) -> UnreadableLock:
    return UnreadableLock(
        f"{path}: not the record of a sweep: {why}\n"
        "  restore it (git checkout), or start a new study with --new\nnothing was run"
    )


def changes(lock: SweepLock, spec: Mapping[str, str]) -> list[str]:
    """The keys in which the record's specification is another than `spec`; fewer trials are its first ones."""
    found = [key for key in sorted({*lock.spec, *spec}) if lock.spec.get(key) != spec.get(key)]
    fewer = _TRIALS in lock.spec and _TRIALS in spec and int(spec[_TRIALS]) < lock.trials
    return [key for key in found if key != _TRIALS or not fewer]


def check(lock: SweepLock, path: Path, spec: Mapping[str, str]) -> None:
    """Raise LockOfAnotherSpec, which says what changed, where the record is not of this specification."""
    if not (changed := changes(lock, spec)):
        return
    told = "".join(
        f"\n  {key}: {lock.spec.get(key, 'absent')} in the record, now {spec.get(key, 'absent')}" for key in changed
    )
    raise LockOfAnotherSpec(
        f"{path}: made from another specification{told}\n"
        "  change it back to reproduce that sweep, or start a new study with --new\nnothing was run"
    )


def write(lock: SweepLock, path: Path) -> None:
    """Write the record. Raises CannotLog; what was there before is then kept."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lock.to_json().encode())
    except OSError as error:
        raise CannotLog(f"{path}: cannot be written: {error.strerror}\n  the sweep itself is kept; make room") from None


def order_of(happened: Sequence[Event]) -> str:
    """The order of events in short."""
    return " ".join(_short(event) for event in happened if not isinstance(event, Result))


def _short(event: Event) -> str:
    match event:
        case Ask():
            return f"a{event.trial}"
        case Report():
            return f"r{event.trial}:{event.step}"
        case Prune():
            return f"p{event.trial}"
        case _:
            return f"t{event.trial}"


def events(lock: SweepLock) -> Iterator[Event]:
    """The events that the record stands for. ValueError, KeyError where it makes no sense."""
    table = {row.trial: row for row in lock.table}
    for word in lock.order.split():
        found = re.fullmatch(r"([arpt])([0-9]{1,7})(?::(-?[0-9]{1,18}))?", word)
        if found is None:
            raise ValueError(f"order: {word[:20]!r} is not an event")
        row = table[int(found[2])]
        match found[1]:
            case "a":
                yield Ask(trial=row.trial, params=row.params)
            case "r":
                yield Report(trial=row.trial, step=int(found[3]), value=dict(row.points)[int(found[3])])
            case "p":
                yield Prune(trial=row.trial)
            case _:
                yield Result(trial=row.trial, values=row.values)
                yield Tell.model_validate({"trial": row.trial, "state": row.state})
