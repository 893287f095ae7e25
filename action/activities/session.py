"""An experiment ready to be run: its file read, its tree found, its data checked, its environment rebuilt."""

import contextlib
import os
import shutil
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Literal, Self

from experiment.command import placeholders
from experiment.errors import Refused
from experiment.key import configuration_key
from experiment.spec import Experiment
from experiment.summarise import FinishedRun
from runner import data, source
from runner.container.opening import Opening
from runner.environment import hardware
from runner.environment.prepared import Prepared, prepare
from runner.execute import Finished, Job, Progress, parts_of
from runner.marked import kill_marked
from runner.schedule import run_all, slots, usable_processors
from runner.source import STATE, SourceTree, folder_of
from runner.store import Store
from runner.sweep.lockfile import name_of

Made = tuple[FinishedRun, Path]
"""A run and the folder it is recorded in."""

MOST_LATER = 200  # runs that are pooled into a baseline; more change nothing that is decided


class Cache(Enum):
    """Whether an earlier run of the same content key may stand in."""

    USE = "use"
    IGNORE = "ignore"


class Watcher:
    """What is told while runs are made; this one says nothing. Calls may come from other threads, one at a time."""

    def say(self, text: str) -> None:
        """A line about something that takes long."""

    def planned(self, seeds: Sequence[int], note: str) -> None:
        """These seeds are wanted next; `note` says why."""

    def cached(self, run: FinishedRun) -> None:
        """An earlier run stands in."""

    def began(self, seed: int) -> None:
        """A run starts."""

    def progress(self, seed: int, progress: Progress) -> None:
        """A run goes on."""

    def done(self, run: FinishedRun, folder: Path) -> None:
        """A run ended and is recorded in `folder`."""


class NotDeclared(Refused):
    """The command line chooses an environment that the experiment file does not have."""


@dataclass(frozen=True)
class Choice:
    """What the command line says of the environment: which of the declared ones, and arguments of its Dockerfile."""

    kind: Literal["image", "dockerfile", "lock"] | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)

    def applied(self, experiment: Experiment) -> Experiment:
        """The experiment with that environment. Raises NotDeclared."""
        kind, spec = self.kind, experiment.environment
        if kind is not None and getattr(spec, kind) is None:
            given = [name for name in ("image", "dockerfile", "lock") if getattr(spec, name) is not None]
            raise NotDeclared(
                f"--environment {kind}: ml-experiment.yaml has no environment.{kind} (it has: {', '.join(given)})\n"
                f"  declare it, or choose {' or '.join(given)}\nnothing was run"
            )
        build = spec.build.model_copy(update={"args": {**spec.build.args, **self.build_args}})
        chosen = spec.model_copy(update={"prefer": kind or spec.prefer, "build": build})
        return experiment.model_copy(update={"environment": chosen})

    @property
    def options(self) -> tuple[str, ...]:
        """The same as words of a command line."""
        args = [word for name, value in self.build_args.items() for word in ("--build-arg", f"{name}={value}")]
        return (*(("--environment", self.kind) if self.kind else ()), *args)


@dataclass(frozen=True)
class Session:
    """Everything runs are made with."""

    folder: Path
    experiment: Experiment
    tree: SourceTree
    prepared: Prepared
    data: Mapping[str, str]
    store: Store
    watcher: Watcher
    cancelled: threading.Event
    options: tuple[str, ...] = ()  # of the command line that chose the environment: who repeats it needs them

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.prepared.runtime.close()

    def job(self, seed: int) -> Job:
        """The run of one seed."""
        return Job(self.experiment, self.tree, self.prepared, seed, self.data)

    def earlier(self, seed: int) -> list[tuple[FinishedRun, Path]]:
        """Recorded runs that can stand in for this seed, oldest first."""
        names = [*self.tree.files, *(self.tree.inside(d.path) for d in self.experiment.data)]
        return list(
            self.store.same_runs(
                parts_of(self.job(seed)),
                self.experiment.metrics,
                cache(lambda path: source.sha256(self.tree.root / path)),
                lambda folder: source.listing(names, folder),
            )
        )

    def runs(self, seeds: Sequence[int], reuse: Cache, note: str) -> list[Made]:
        """A run for each seed, from the cache where that is allowed and possible; in the order of `seeds`."""
        self.watcher.planned(seeds, note)
        found: dict[int, tuple[FinishedRun, Path]] = {}
        for seed in seeds:
            if reuse is Cache.USE and (earlier := self.earlier(seed)):
                found[seed] = earlier[0]
                self.watcher.cached(earlier[0][0])
        missing = [seed for seed in seeds if seed not in found]
        for seed, run, folder in self._make(missing):
            found[seed] = (run, folder)
        return [found[seed] for seed in seeds]

    def run_twice(self, of: FinishedRun) -> tuple[Made, Made] | None:
        """Two recorded runs of one seed of this configuration (A/A); None where no seed was run twice.

        The seed of `of` where there is a choice.
        """
        key, own = configuration_key(of.record), of.record.parts.seed
        by_seed: dict[int, Made] = {}
        found: tuple[Made, Made] | None = None
        for run, folder in self.store.of_configuration(key, self.experiment.metrics):
            seed = run.record.parts.seed
            if seed not in by_seed:
                by_seed[seed] = (run, folder)
            elif seed == own or found is None:
                found = by_seed[seed], (run, folder)
                if seed == own:
                    break
        return found

    def later_runs(self, key: str, besides: Collection[int]) -> list[FinishedRun]:
        """The oldest recorded run of each seed of a configuration, without the seeds `besides`."""
        found: dict[int, FinishedRun] = {}
        for run, _ in self.store.of_configuration(key, self.experiment.metrics):
            if run.record.parts.seed not in besides:
                found.setdefault(run.record.parts.seed, run)
            if len(found) == MOST_LATER:
                break
        return list(found.values())

    def again(self, seed: int) -> Made:
        """A second run of a seed (A/A), made now."""
        self.watcher.planned([seed], f"seed {seed} again: does it reproduce?")
        _, run, folder = self._make([seed])[0]
        return run, folder

    def _make(self, seeds: Sequence[int]) -> list[tuple[int, FinishedRun, Path]]:
        if not seeds:
            return []
        spec, hardware = self.experiment.resources, self.prepared.hardware
        finished = run_all(
            [self.job(seed) for seed in seeds],
            self.store,
            slots(spec, hardware, usable_processors()),
            self.cancelled,
            began=lambda job: self.watcher.began(job.seed),
            watch=lambda job, progress: self.watcher.progress(job.seed, progress),
            done=lambda _, one: self.watcher.done(_finished(one), one.folder),
        )
        return [(seed, _finished(one), one.folder) for seed, one in zip(seeds, finished, strict=True)]


def _finished(one: Finished) -> FinishedRun:
    return FinishedRun(one.record, one.curves, log_tail=one.log_tail)


class NotYet(Refused):
    """The experiment file asks for something this version cannot do. Silently left out, it would be a false pass."""


class NoValue(Refused):
    """The command has a placeholder that only a sweep gives a value."""


def open_session(
    path: Path,
    experiment: Experiment,
    watcher: Watcher,
    inherited: Mapping[str, str],
    choice: Choice = Choice(),
) -> Session:
    """Check everything before anything is run; `experiment` is what the file at `path` says.

    The session is a context manager: at its end nothing of it is left in a container engine. Raises Refused,
    InfrastructureFailed (see the modules used).
    """
    ground = make_ground(path, choice.applied(experiment))
    experiment, folder, tree, store = ground.experiment, ground.folder, ground.tree, ground.store
    slots(experiment.resources, hardware.describe(inherited), usable_processors())
    if experiment.environment.chosen == "lock":
        prepared = prepare(experiment.environment, folder_of(path), experiment.resources.cpus, inherited, watcher.say)
    else:
        prepared = Opening(experiment, tree, ground.data, store, inherited, watcher.say).prepare()
    return Session(folder, experiment, tree, prepared, ground.data, store, watcher, threading.Event(), choice.options)


@dataclass(frozen=True)
class Ground:
    """What runs are made of, wherever they are made: experiment, tree, checked data, and where runs are recorded."""

    folder: Path
    experiment: Experiment
    tree: SourceTree
    data: Mapping[str, str]
    store: Store


def make_ground(path: Path, experiment: Experiment) -> Ground:
    """Check all that does not depend on the machine runs are made on. Raises Refused, CannotStore."""
    folder = folder_of(path).resolve()
    _has_values(experiment)
    _is_within_reach(experiment)
    checked = data.check(experiment.data, folder)
    store = Store(folder / STATE)
    store.prepare()
    reap(store.work)
    apart = [experiment.baseline_file, name_of(experiment)]
    return Ground(folder, experiment, source.find(folder, apart), checked, store)


def _has_values(experiment: Experiment) -> None:
    missing = [name for name in placeholders(experiment.command) if name not in ("seed", *experiment.params)]
    if missing:
        raise NoValue(
            f"ml-experiment.yaml: command: {{{missing[0]}}} has no value outside the sweep\n"
            f"  give it one: params: {{{missing[0]}: …}}; a sweep then overrides it\nnothing was run"
        )


def _is_within_reach(experiment: Experiment) -> None:
    asked = {
        "baseline.mlflow": experiment.baseline.mlflow is not None,
        "evaluate": experiment.evaluate is not None,
        "notify": bool(experiment.notify),
        "hooks": bool(experiment.hooks),
    }
    for key, given in asked.items():
        if given:
            raise NotYet(
                f"ml-experiment.yaml: {key}: this version of ml-experiment cannot do that yet\n"
                "  take the key out, or wait for a version that can; it is never silently ignored\nnothing was run"
            )


def reap(work: Path) -> None:
    """End and remove what runs of a killed ml-experiment left; those of a living one are not touched."""
    for left in work.iterdir():
        owner = left.name.split("-")[0]
        if owner.isdigit() and not _alive(int(owner)):
            kill_marked(left.name)
            shutil.rmtree(left, ignore_errors=True)


def _alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        try:
            os.kill(pid, 0)
        except PermissionError:
            return True
        return True
    return False
