"""Seeds side by side: as many at once as processors, memory and GPUs allow, each in its own share of the machine."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from queue import SimpleQueue

from experiment.environment import HardwareRecord
from experiment.errors import Refused
from experiment.spec import Resources
from runner.execute import Bench, Finished, Job, Progress, execute
from runner.runtime import Slot
from runner.store import Store


class NotEnough(Refused):
    """The experiment asks for more than this machine has."""

    def __init__(self, key: str, wanted: str, found: str) -> None:
        super().__init__(
            f"resources.{key}: {wanted} asked for, this machine has {found}\n"
            f"  ask for less in ml-experiment.yaml, or run it on a machine that has it\nnothing was run"
        )


class Cancelled(Exception):
    """The user ended it; what finished is recorded."""


def slots(resources: Resources, hardware: HardwareRecord, processors: Sequence[int]) -> tuple[Slot, ...]:
    """The shares runs can be made in at one time; at least one.

    Without `resources.cpus` a run may use all processors, so only one is made at a time. Raises NotEnough.
    """
    processors = processors[: hardware.cpus]
    if resources.cpus is not None and resources.cpus > len(processors):
        raise NotEnough("cpus", str(resources.cpus), str(len(processors)))
    if resources.gpus > len(hardware.gpus):
        raise NotEnough("gpus", str(resources.gpus), ", ".join(gpu.model for gpu in hardware.gpus) or "none")
    if resources.memory is not None and resources.memory > hardware.memory_bytes:
        raise NotEnough("memory", f"{resources.memory} bytes", f"{hardware.memory_bytes} bytes")
    many = 1 if resources.cpus is None else len(processors) // resources.cpus
    if resources.memory is not None:
        many = min(many, hardware.memory_bytes // resources.memory)
    gpus = _gpus(resources.gpus, len(hardware.gpus))
    many = many if gpus is None else min(many, len(gpus))
    cpus = resources.cpus
    return tuple(
        Slot(
            cpus=None if cpus is None else tuple(processors[i * cpus : (i + 1) * cpus]),
            gpus=gpus[i] if gpus is not None else None,
        )
        for i in range(many)
    )


def _gpus(each: float, there: int) -> list[tuple[int, ...]] | None:
    """The GPUs of each share, as many shares as there can be; None where none is asked for."""
    if each == 0:
        return None
    if each < 1:
        return [(number,) for _ in range(int(1 / each)) for number in range(there)]
    whole = int(each)
    return [tuple(range(i * whole, (i + 1) * whole)) for i in range(there // whole)]


def usable_processors() -> list[int]:
    """Numbers of the processors this process may use."""
    return sorted(os.sched_getaffinity(0))


def run_all(
    jobs: Sequence[Job],
    store: Store,
    shares: Sequence[Slot],
    cancelled: threading.Event,
    *,
    began: Callable[[Job], None],
    watch: Callable[[Job, Progress], None],
    done: Callable[[Job, Finished], None],
) -> list[Finished]:
    """Make every run; in the order of `jobs`. The callbacks come from worker threads, one call at a time.

    When `cancelled` is set (or this thread is interrupted, which sets it) all processes are ended. Raises Cancelled
    then, and CannotStore when one run cannot be recorded; what finished before is recorded in either case.
    """
    free: SimpleQueue[Slot] = SimpleQueue()
    for slot in shares:
        free.put(slot)
    lock = threading.Lock()

    def make(job: Job) -> Finished:
        slot = free.get()
        try:
            if cancelled.is_set():
                raise Cancelled
            with lock:
                began(job)

            def seen(progress: Progress) -> None:
                with lock:
                    watch(job, progress)

            finished = execute(job, Bench(store, slot, seen, cancelled))
            with lock:
                done(job, finished)
            return finished
        finally:
            free.put(slot)

    with ThreadPoolExecutor(max_workers=len(shares)) as pool:
        try:  # an interrupt may come while they are being submitted
            futures = [pool.submit(make, job) for job in jobs]
            _wait(futures)
        except BaseException:
            cancelled.set()
            raise
    if cancelled.is_set():
        raise Cancelled
    return [future.result() for future in futures]


def _wait(futures: list[Future[Finished]]) -> None:
    """Until all are done or one has failed; short waits, so that Ctrl-C is heard."""
    left = set(futures)
    while left:
        finished, left = wait(left, timeout=0.2, return_when=FIRST_COMPLETED)
        for future in finished:
            future.result()
