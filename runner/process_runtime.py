"""Runs as processes of this machine, in a venv: a private copy of the tree, the command in the shell, what it left."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from experiment.record import Usage
from runner import capture, capture_access, injection, source
from runner.capture_tail import Tail
from runner.outcome import outcome_of
from runner.runtime import Ears, Left, Slot, Task
from runner.store import CannotStore
from runner.supervise import supervise


@dataclass(frozen=True)
class ProcessRuntime:
    """The venv of `python`. `variables` is complete: nothing else is inherited."""

    python: Path
    variables: dict[str, str] = field(repr=False)  # may hold secrets the experiment file names

    def run(self, task: Task, slot: Slot, work: Path, ears: Ears, cancelled: threading.Event) -> Left:
        """One run below `work`."""
        tree, root, stream = task.tree, work / "tree", work / "stream"
        try:
            stream.mkdir()
            source.copy(tree, root, task.linked)
            marked = capture_access.mark(root)
            before = {path: _identity(root / path) for path in task.metric_files}
        except OSError as error:
            raise CannotStore(work, error) from None
        env = self.variables | dict(task.variables)
        if slot.gpus is not None:
            env["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, slot.gpus))
        env |= injection.variables(stream, root, task.seed, task.determinism, env)
        tail = Tail(stream)
        ended = supervise(
            task.command,
            cwd=root / tree.folder,
            env=env,
            mark=work.name,
            cpus=slot.cpus,
            timeout=task.resources.timeout,
            hear=ears.hear,
            tick=lambda elapsed: ears.tick(elapsed, tail.poll()),
            cancelled=cancelled,
        )
        touched = capture_access.touched(root, marked) if marked is not None else frozenset()
        captured = capture.read(stream, root, touched)
        usage = Usage(
            wall_s=ended.wall_s,
            cpu_s=ended.cpu_s,
            peak_memory_bytes=ended.peak_memory_bytes,
            peak_gpu_memory_bytes=captured.peak_gpu_memory_bytes,
        )
        untouched = frozenset(p for p, was in before.items() if was is not None and was == _identity(root / p))
        outcome = outcome_of(ended, task.resources.timeout)
        return Left(outcome, usage, ended.log, captured, root, untouched)

    def close(self) -> None:
        """A venv stays in its cache: there is nothing to let go of."""


def _identity(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is written or replaced; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
