"""`ml-experiment init`: looks at a repository, runs its training twice, and writes the experiment file it guessed."""

import contextlib
import os
import re
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from action.activities import init_draft, init_text
from action.activities.init_draft import Draft
from experiment import file
from experiment.atomic import write_whole
from experiment.errors import InfrastructureFailed, Refused
from experiment.record import Status
from experiment.spec import FILE_NAME, EnvironmentSpec, Experiment
from runner import source
from runner.discovery import data, locks, metrics, scripts
from runner.discovery.metrics import Proposal
from runner.discovery.python_files import PythonFile
from runner.environment import lock as lock_file
from runner.environment.prepared import prepare
from runner.environment.refusals import LockRefused
from runner.execute import Finished, Job
from runner.runtime import Slot
from runner.schedule import run_all, usable_processors
from runner.source import STATE
from runner.store import Store

_KEPT_BYTES = 2 * 1024**3  # larger outputs of a trial are not compared
Ask = Callable[[str, str], str]
Say = Callable[[str], None]


class AlreadyThere(Refused):
    """A file that init would write exists."""


class NothingToRun(Refused):
    """No script that looks like a training was found."""


class TrialFailed(Refused):
    """The trial run did not end well."""


class CannotWrite(InfrastructureFailed):
    """The files cannot be written; those written before were taken away again."""


@dataclass(frozen=True)
class Guessed:
    """What was guessed, and the files that were written, relative to the folder."""

    draft: Draft
    written: tuple[str, ...]


@dataclass(frozen=True)
class _Start:
    command: str
    why: str
    code: tuple[PythonFile, ...]


def init(
    folder: Path,
    command: str | None,
    lock: str | None,
    *,
    ask: Ask | None,
    say: Say,
    inherited: Mapping[str, str],
) -> Guessed:
    """Guess an experiment from the repository in `folder` and two trial runs, and write ml-experiment.yaml.

    `ask(question, guess)` returns the answer, the guess where it is confirmed; None takes every guess. `say` gets lines
    for the user. Nothing is written before both trials have ended.
    Raises AlreadyThere, NothingToRun, TrialFailed, locks.NoLock and what preparing and running raise.
    """
    folder = folder.resolve()
    if (folder / FILE_NAME).exists():
        raise AlreadyThere(
            f"{folder / FILE_NAME}: there is an experiment file already\n"
            "  run it with: ml-experiment reproduce, or move it away to guess anew\nnothing was written"
        )
    tree = source.find(folder)
    files = _below(tree.files, tree.folder)
    start = _start(folder, files, command, ask)
    say(f"training: {start.command}")
    state = Store(folder / STATE)
    state.prepare()
    with tempfile.TemporaryDirectory(prefix="init-", dir=state.work) as scratch:
        work = Path(scratch)
        found = _lock(folder, files, start, lock, work, inherited=inherited, say=say)
        if ask is not None:
            _confirm_lock(found, ask)
        prepared = prepare(EnvironmentSpec(lock=found.path), locks.place(found, folder, work), None, inherited, say)
        say(prepared.label)
        shown = data.of_interest(_below(source.ignored(tree), tree.folder), start.code)
        trial = Experiment(
            experiment=_name(folder), environment=EnvironmentSpec(lock=found.path), command=start.command
        )
        extra = tuple(tree.inside(path) for path in shown)
        job = Job(trial, tree, prepared, 0, {}, extra, keep_written=_KEPT_BYTES)
        draft = _draft(job, start, found, _trials(job, Store(work / "state"), say))
        if ask is not None:
            draft = _confirm_metrics(draft, ask)
    written = _write(folder, found, draft)
    _tell(draft, written, say)
    return Guessed(draft, written)


def _below(paths: tuple[str, ...], folder: str) -> tuple[str, ...]:
    """Those of `paths` that lie in `folder`, relative to it."""
    prefix = "" if folder == "." else f"{folder}/"
    return tuple(path[len(prefix) :] for path in paths if path.startswith(prefix))


def _name(folder: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_.\-]+", "-", folder.name).strip("-_.")[:64] or "experiment"


def _start(folder: Path, files: tuple[str, ...], command: str | None, ask: Ask | None) -> _Start:
    if command is not None:
        return _Start(command, "", scripts.started_by(folder, files, command))
    candidates = scripts.find(folder, files)
    if not candidates and ask is None:
        raise NothingToRun(
            f"{folder}: found no script that looks like a training"
            f" (looked at {sum(path.endswith('.py') for path in files)} Python files, README and Makefile)\n"
            "  say what starts it: ml-experiment init --command 'python SCRIPT.py'\nnothing was written"
        )
    guess = candidates[0].command if candidates else ""
    why = f"{candidates[0].path}: {', '.join(candidates[0].reasons)}" if candidates else ""
    if len(candidates) > 1:
        why += f"; others: {', '.join(each.path for each in candidates[1:4])}"
    if ask is not None:
        answer = ask(f"Command that trains ({why or 'none found'})", guess).strip()
        if not answer:
            raise NothingToRun("no command given\n  say what starts the training: --command\nnothing was written")
        if answer != guess:
            return _Start(answer, "", scripts.started_by(folder, files, answer))
    return _Start(guess, why, candidates[0].files)


def _lock(
    folder: Path,
    files: tuple[str, ...],
    start: _Start,
    lock: str | None,
    work: Path,
    *,
    inherited: Mapping[str, str],
    say: Say,
) -> locks.Found:
    if lock is not None:
        path = os.path.relpath(folder / lock, folder)
        lock_file.read(folder / path)
        return locks.Found(path, None, {})
    if (name := locks.existing(folder, files)) is not None:
        return locks.Found(name, None, {})
    if (folder / locks.LOCK_NAME).exists():
        try:
            lock_file.read(folder / locks.LOCK_NAME)
        except LockRefused as refused:
            raise AlreadyThere(
                f"{refused}\n  init does not overwrite it: mend it, move it away, or name another with --lock"
            ) from None
        return locks.Found(locks.LOCK_NAME, None, {})
    return locks.make(folder, files, start.code, work, inherited=inherited, say=say)


def _confirm_lock(found: locks.Found, ask: Ask) -> None:
    where = "found" if found.made_from is None else f"made from {found.made_from}"
    answer = ask(f"Use the lock {found.path} ({where})? yes or no", "yes")
    if answer.strip().lower() not in ("y", "yes"):
        raise NothingToRun(
            "stopped at the lock\n  name another one: ml-experiment init --lock FILE\nnothing was written"
        )


def _trials(job: Job, store: Store, say: Say) -> tuple[Job, Finished, Finished]:
    """Two runs of one seed, and the job they were made by: a script that cannot bear `strict` is run with `seeds`."""
    store.prepare()
    say("trial run 1 of 2")
    first = _run(job, store)
    if first.record.outcome.status is Status.USER_ERROR and "determinis" in first.log_tail.lower():
        say("the script fails under determinism: strict; trying determinism: seeds")
        job = replace(job, experiment=job.experiment.model_copy(update={"determinism": "seeds"}))
        first = _run(job, store)
    _check(first)
    say(f"trial run 2 of 2, the same seed again (the first took {init_text.seconds_words(first.record.usage.wall_s)})")
    second = _run(job, store)
    _check(second)
    return job, first, second


def _run(job: Job, store: Store) -> Finished:
    [finished] = run_all(
        [job],
        store,
        (Slot(),),
        threading.Event(),
        began=lambda _job: None,
        watch=lambda _job, _progress: None,
        done=lambda _job, _finished: None,
    )
    return finished


def _check(finished: Finished) -> None:
    outcome = finished.record.outcome
    if outcome.status is Status.OK:
        return
    lines = "\n".join(f"  │ {line}" for line in finished.log_tail.splitlines()) or "  │ (it printed nothing)"
    hint = "correct the script or the command (--command), then run init again"
    if missing := re.search(r"No module named '([\w.]+)'", finished.log_tail):
        hint = f"the lock lacks {missing[1]}: add its package to the requirements, or name another lock (--lock)"
    elif re.search(r"No such file or directory|FileNotFoundError", finished.log_tail):
        hint = "runs see the files git tracks and ignored files that look like data; commit it, or put it into data/"
    elif "the following arguments are required" in finished.log_tail:
        hint = "give them: ml-experiment init --command 'python … --argument VALUE'"
    raise TrialFailed(
        f"the trial run failed: {finished.record.command}\n  {outcome.status.value}: {outcome.reason}\n{lines}\n"
        f"  {hint}\nnothing was written"
    )


def _draft(job: Job, start: _Start, found: locks.Found, trials: tuple[Job, Finished, Finished]) -> Draft:
    used, first, second = trials
    records = (first.record, second.record)
    usage = [record.usage for record in records]
    proposals = metrics.with_repeats(_proposals(first), _proposals(second))
    memory = [u.peak_memory_bytes for u in usage if u.peak_memory_bytes]
    machine = len(usable_processors())
    return Draft(
        name=job.experiment.experiment,
        command=start.command,
        command_why=start.why,
        lock=found.path,
        lock_from=found.made_from,
        determinism=used.experiment.determinism,
        metrics=tuple(proposals),
        data=init_draft.reads(first.record, job.tree.folder),
        outputs=init_draft.outputs(*records, without=[p.file for p in proposals if p.file is not None]),
        wall_s=max(u.wall_s for u in usage),
        cpus=min(machine, init_draft.processors(records)),
        gpus=int(any(u.peak_gpu_memory_bytes for u in usage)),
        memory=max(memory) if memory else None,
        machine_cpus=machine,
        seeded_by=tuple(f"{c.function}({c.value}) in {c.place}" for c in first.record.seeding.by_user),
    )


def _proposals(finished: Finished) -> list[Proposal]:
    files = metrics.files_of(finished.folder / "artifacts", finished.record.artifacts)
    lines = (finished.folder / "output.log").read_text(encoding="utf-8", errors="replace").splitlines()
    return metrics.propose(files, finished.curves, lines)


def _confirm_metrics(draft: Draft, ask: Ask) -> Draft:
    """Ask which metrics decide; the others stay in the file and are only shown."""
    if not draft.metrics:
        return draft
    guess = ", ".join(metric.name for metric in draft.metrics if metric.gate)
    known = ", ".join(metric.name for metric in draft.metrics)
    chosen = {name.strip() for name in ask(f"Metrics that decide (found: {known})", guess).split(",") if name.strip()}
    if unknown := sorted(chosen - {metric.name for metric in draft.metrics}):
        raise NothingToRun(f"no metric {unknown[0]!r} was found; found: {known}\nnothing was written")
    return replace(draft, metrics=tuple(replace(m, gate=m.name in chosen) for m in draft.metrics))


def _write(folder: Path, found: locks.Found, draft: Draft) -> tuple[str, ...]:
    """Write lock, .gitignore and experiment file, all or none."""
    texts = {**found.texts, FILE_NAME: init_text.file_text(draft)}
    file.parse(texts[FILE_NAME], name=FILE_NAME, default_name=folder.name)  # what init writes has to load
    for name in texts:
        if (folder / name).exists():  # made by somebody while the trials ran
            raise AlreadyThere(f"{folder / name}: there is such a file already\nnothing was written")
    ignore = folder / ".gitignore"
    before = ignore.read_bytes() if ignore.is_file() else None
    lines = (before or b"").decode("utf-8", "replace").splitlines()
    if not {STATE, f"{STATE}/", f"/{STATE}", f"/{STATE}/"} & {line.strip() for line in lines}:
        end = "" if not before or before.endswith(b"\n") else "\n"
        texts = {".gitignore": (before or b"").decode("utf-8", "replace") + f"{end}{STATE}/\n", **texts}
    done: list[str] = []
    try:
        for name, text in texts.items():
            done.append(name)
            write_whole(folder / name, text.encode())
    except BaseException as error:
        for name in done:
            with contextlib.suppress(OSError):
                if name == ".gitignore" and before is not None:
                    write_whole(ignore, before)
                else:
                    (folder / name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise CannotWrite(f"{folder}: cannot be written: {error.strerror}\nnothing was written") from None
        raise
    return tuple(texts)


def _tell(draft: Draft, written: tuple[str, ...], say: Say) -> None:
    say("")
    say("guessed:")
    for line in init_text.table(draft):
        say(line)
    say("")
    words = {".gitignore": f".gitignore (added {STATE}/)"}
    say(f"wrote {', '.join(words.get(name, name) for name in written)}")
    say("look through ml-experiment.yaml, commit it with its lock, then:")
    say("  ml-experiment reproduce            # run all seeds")
    say("  ml-experiment baseline accept      # store the result as the level to hold")
    say("  ml-experiment init --workflow reproduce   # and let GitHub judge every pull request")
