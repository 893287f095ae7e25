"""What a sweep is asked to be: file and command line together, where it starts, which earlier log it goes on with."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from action.activities.session import Session
from experiment import baseline as baselines
from experiment.atomic import write_whole
from experiment.search import Sweep
from experiment.spec import Experiment
from experiment.value import Scalar
from runner.sweep.refusals import NoSweep, NothingToResume, NothingToStartFrom, Unfit


def sweep_of(experiment: Experiment) -> Sweep:
    """The experiment's sweep. Raises NoSweep."""
    if experiment.sweep is None:
        raise NoSweep(
            "ml-experiment.yaml: there is no sweep in it\n"
            "  add one: sweep: {objective: {loss: minimize}, space: {lr: {float: [1e-4, 1e-1], log: true}}}\n"
            "nothing was run"
        )
    return experiment.sweep


def changed(
    experiment: Experiment,
    *,
    trials: int | None = None,
    parallelism: int | None = None,
    order: Literal["recorded", "window"] | None = None,
    sampler: str | None = None,
) -> Experiment:
    """The experiment with what the command line says in place of what the file says. Raises NoSweep, Unfit."""
    given = {"trials": trials, "parallelism": parallelism, "order": order, "sampler": sampler}
    said = {key: value for key, value in given.items() if value is not None}
    written = sweep_of(experiment).model_dump(mode="json")
    try:
        made = Sweep.model_validate_json(json.dumps({**written, **said}))
    except ValidationError as error:
        why = str(error.errors(include_url=False)[0]["msg"]).removeprefix("Value error, ")
        told = ", ".join(f"{key} {value}" for key, value in said.items())
        raise Unfit(f"{told}: not possible with this sweep: {why}\nnothing was run") from None
    return experiment.model_copy(update={"sweep": made})


def earlier_log(workspace: Path, where: str, experiment: Experiment) -> Path | None:
    """The event log among the files of an earlier run; None where none is asked for. Raises NothingToResume."""
    if not where:
        return None
    place, name = workspace / where, f"{experiment.experiment}.jsonl"
    if place.is_file():
        return place
    found = sorted(path for path in place.rglob(name) if path.is_file() and not path.is_symlink())
    if len(found) != 1:
        finished = sorted(path.name for path in place.rglob(f"{experiment.experiment}-*.jsonl"))
        told = f"; a finished one is: {', '.join(finished[:3])}" if finished else ""
        raise NothingToResume(
            f"resume {where}: expected one unfinished study, {name}, found {len(found)}{told}\n"
            "  give the run whose sweep was not finished, or leave resume out\nnothing was run"
        )
    return found[0]


def log_path(session: Session, experiment: Experiment) -> Path:
    """Where the event log of the unfinished study is."""
    return session.store.state / "sweeps" / f"{experiment.experiment}.jsonl"


def resume_from(session: Session, experiment: Experiment, earlier: Path | None) -> None:
    """Take over the event log of an earlier run. Raises NothingToResume, where a study is there already too."""
    if earlier is None:
        return
    target = log_path(session, experiment)
    try:
        data = earlier.read_bytes()
    except OSError as error:
        raise NothingToResume(f"--resume {earlier}: cannot be read: {error.strerror}\nnothing was run") from None
    if target.exists() and target.read_bytes() != data:
        raise NothingToResume(
            f"--resume {earlier}: another unfinished study is here: {target}\n"
            "  move it away, or go on with it: leave --resume out\nnothing was run"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, data)


def openable(experiment: Experiment) -> Experiment:
    """The experiment with a value for each parameter, as opening a session asks; every trial then sets its own."""
    filled: dict[str, Scalar] = {}
    for name, range_ in sweep_of(experiment).space.items():
        bounds = range_.float_ or range_.int_
        filled[name] = range_.choice[0] if range_.choice is not None else bounds[0] if bounds is not None else 0
    return experiment.model_copy(update={"params": {**filled, **experiment.params}})


def starting_point(experiment: Experiment, folder: Path) -> dict[str, Scalar] | None:
    """Parameters of the first trial; None where the sampler chooses. Raises NothingToStartFrom, UnreadableBaseline."""
    sweep = sweep_of(experiment)
    if sweep.start == "sampler":
        return None
    given: Mapping[str, Scalar] = experiment.params
    if sweep.start == "baseline":
        try:
            stored = baselines.load(folder / experiment.baseline_file, experiment=experiment.experiment)
        except baselines.NoBaseline:
            raise NothingToStartFrom(
                f"{folder / experiment.baseline_file}: sweep.start is baseline, and there is none\n"
                "  make one (ml-experiment baseline accept), or set sweep.start to params or sampler\nnothing was run"
            ) from None
        given = stored.snapshot.configuration.params
    wrong = next((n for n, r in sweep.space.items() if not r.when and (n not in given or not r.holds(given[n]))), None)
    if wrong is not None:
        raise NothingToStartFrom(
            f"sweep.start: {sweep.start}: {wrong} is {given.get(wrong, 'not given')!r} there, outside its range\n"
            "  widen sweep.space, or set sweep.start to sampler\nnothing was run"
        )
    return {name: given[name] for name in sweep.space if name in given}
