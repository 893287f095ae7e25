"""One run: the command on a private copy of the source tree, in its environment, and all it left as a record."""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from experiment import command, key
from experiment.curves import Curve
from experiment.environment import hardware_class
from experiment.finals import final_values
from experiment.record import DataRead, FileDigest, KeyParts, Outcome, RunRecord, Status
from experiment.spec import Experiment
from runner import metric_files, source
from runner.capture_tail import Logged
from runner.environment.prepared import Prepared
from runner.metric_names import metric_name
from runner.printed import SOURCE, PatternReader
from runner.runtime import Ears, Left, Slot, Task
from runner.source import SourceTree
from runner.store import CannotStore, Store

_LOG_TAIL_LINES = 20


@dataclass(frozen=True)
class Job:
    """One run to be made. `extra`: further files of the tree it may read, linked, relative to the root.

    `keep_written`: the largest file, in bytes, that is kept of those the run wrote undeclared, as if it were declared
    an artifact; 0 keeps none. A trial run is made to see what there is.
    """

    experiment: Experiment
    tree: SourceTree
    prepared: Prepared
    seed: int
    data: Mapping[str, str]  # declared path -> SHA-256, checked
    extra: tuple[str, ...] = ()
    keep_written: int = 0


@dataclass(frozen=True)
class Progress:
    """What a run is doing: seconds since its start and the last metric seen."""

    elapsed: float
    metric: str | None = None
    step: int | None = None
    value: float | None = None


@dataclass(frozen=True)
class SeenPoint:
    """A point of a run that goes on. `source` as a curve's; `training` tells apart those that go on side by side."""

    source: str
    training: str
    metric: str
    step: int
    value: float


@dataclass(frozen=True, eq=False)
class Finished:
    """A run that ended, however it ended, as it was recorded."""

    record: RunRecord
    curves: list[Curve]
    folder: Path
    log_tail: str


def parts_of(job: Job) -> KeyParts:
    """What decides the run and is known before it."""
    spec = job.experiment
    return KeyParts(
        environment=job.prepared.environment.installed_digest(),
        hardware_class=hardware_class(job.prepared.hardware, job.prepared.environment),
        command=spec.command,
        folder=job.tree.folder,
        params=spec.params,
        variables=dict(sorted(job.prepared.environment.variables.items())),
        seed=job.seed,
        determinism=spec.determinism,
        data=dict(job.data),
        metric_files=spec.metric_files,
        artifacts=spec.artifacts,
        patterns={name: metric.pattern for name, metric in spec.metrics.items() if metric.pattern is not None},
    )


@dataclass(frozen=True)
class Bench:
    """Where a run happens: where it is stored, its share of the machine, who watches, and what ends it early.

    `points` gets what is seen of the curves while the run goes on: all points of a source in their order, perhaps not
    the last ones. Those of printed lines come from another thread than the others.
    """

    store: Store
    slot: Slot
    watch: Callable[[Progress], None]
    cancelled: threading.Event
    points: Callable[[SeenPoint], None] = lambda _point: None


def execute(job: Job, bench: Bench) -> Finished:
    """Make the run and record it. Raises CannotStore where the disk or its permissions do not allow that."""
    try:
        work = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-seed-{job.seed}-", dir=bench.store.work))
    except OSError as error:
        raise CannotStore(bench.store.work, error) from None
    try:
        return _in(work, job, bench)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _in(work: Path, job: Job, bench: Bench) -> Finished:
    spec, tree = job.experiment, job.tree
    filled, started = command.fill(spec.command, spec.params, job.seed), datetime.now(UTC)
    printed = _Heard(spec, bench.watch, bench.points)
    ears = Ears(printed.hear, printed.tick, printed.again)
    left = job.prepared.runtime.run(_task(job, filled), bench.slot, work, ears, bench.cancelled)
    series, problem = _all_curves(spec, tree, left, printed.curves())
    outcome = left.outcome
    if problem and outcome.status is Status.OK:
        outcome = Outcome(status=Status.INVALID, exit_code=0, reason=problem)
    artifacts = {path: _digest(left.root / tree.inside(path)) for path in [*spec.artifacts, *_undeclared(job, left)]}
    record = _record(job, left, _Made(outcome, filled, started, series, _reads(job, left), artifacts))
    kept = {p: left.root / tree.inside(p) for p, found in artifacts.items() if found.sha256 is not None}
    folder = bench.store.add(record, series, left.log, kept)
    return Finished(record, series, folder, left.log.last_lines(_LOG_TAIL_LINES))


def _task(job: Job, filled: str) -> Task:
    spec, tree = job.experiment, job.tree
    return Task(
        tree=tree,
        linked=(*(tree.inside(file.path) for file in spec.data), *job.extra),
        data={tree.inside(path): sha256 for path, sha256 in job.data.items()},
        command=filled,
        variables=command.variables(spec.params, job.seed),
        seed=job.seed,
        determinism=spec.determinism,
        metric_files=tuple(map(tree.inside, spec.metric_files)),
        artifacts=tuple(map(tree.inside, spec.artifacts)),
        resources=spec.resources,
    )


class _Heard:
    """Metrics in the lines a run prints; and for who looks those that the recorder wrote too, and the latest of all."""

    def __init__(
        self, spec: Experiment, watch: Callable[[Progress], None], points: Callable[[SeenPoint], None]
    ) -> None:
        self._patterns = {name: metric.pattern for name, metric in spec.metrics.items() if metric.pattern is not None}
        self._watch = watch
        self._points = points
        self.again()

    def again(self) -> None:
        """The run begins, for the first time or anew."""
        self._reader = PatternReader(self._patterns)
        self._began = time.monotonic()
        self._printed: tuple[str, int, float] | None = None
        self._logged: Logged | None = None

    def hear(self, text: str) -> None:
        """One line."""
        for point in self._reader.feed(text, time.monotonic() - self._began):
            self._printed = (point.metric, point.step, point.value)
            self._points(SeenPoint(SOURCE, "", *self._printed))

    def tick(self, elapsed: float, news: Sequence[Logged]) -> None:
        """Tell who looks."""
        for point in news:
            if self._logged is None or point.time >= self._logged.time:
                self._logged = point
            self._points(SeenPoint(point.source, point.training, metric_name(point.metric), point.step, point.value))
        if self._printed is not None:
            self._watch(Progress(elapsed, *self._printed))
        elif self._logged is not None:
            self._watch(Progress(elapsed, self._logged.metric, self._logged.step, self._logged.value))
        else:
            self._watch(Progress(elapsed))

    def curves(self) -> list[Curve]:
        """All points since the run began."""
        return self._reader.curves()


def _all_curves(spec: Experiment, tree: SourceTree, left: Left, printed: Sequence[Curve]) -> tuple[list[Curve], str]:
    """Every metric from its one source, and what is wrong with the metric files.

    Where two sources have a metric, what the user declared wins: a pattern, then a metric file, then what the script
    told a tracker or framework. A metric file that came with the tree and is untouched is somebody's earlier result.
    """
    problem, files = "", []
    for path in spec.metric_files:
        if tree.inside(path) in left.untouched:
            problem = problem or f"metric file {path} was not written: it is still the one of the source tree"
            continue
        try:
            files.append(metric_files.read(left.root / tree.inside(path), path))
        except FileNotFoundError:
            problem = problem or f"metric file {path} was not written"
        except (metric_files.UnreadableMetricFile, OSError) as error:
            problem = problem or f"metric file cannot be read: {error}".split("\n")[0]
    chosen: dict[str, list[Curve]] = {}
    for group in (list(printed), *files, left.captured.curves):
        by_name: dict[str, list[Curve]] = {}
        for curve in group:
            by_name.setdefault(curve.metric, []).append(curve)
        chosen = by_name | chosen
    return [curve for name in sorted(chosen) for curve in chosen[name]], problem


def _undeclared(job: Job, left: Left) -> list[str]:
    """Files the run wrote that are kept all the same, relative to the experiment's folder."""
    sizes = {path: _size(left.root / path) or 0 for path in left.captured.written if (left.root / path).is_file()}
    inside = [path for path, size in sizes.items() if 0 < size <= job.keep_written]
    names = [os.path.relpath(path, job.tree.folder) for path in inside]
    return [name for name in names if not name.startswith("..") and name not in job.experiment.artifacts]


@dataclass(frozen=True)
class _Reads:
    source: dict[str, FileDigest]
    data: dict[str, DataRead]
    listed: dict[str, str]


def _reads(job: Job, left: Left) -> _Reads:
    """Digests of everything read. A file the run changed or removed after reading it is hashed where it came from."""
    captured, root = left.captured, left.root
    declared = [job.tree.inside(file.path) for file in job.experiment.data]
    changed = set(captured.written)
    names = [*job.tree.files, *declared, *job.extra]

    def digest(path: str) -> FileDigest:
        there = path not in changed and os.path.lexists(root / path)
        return _digest(root / path if there else job.tree.root / path)

    data = {path: digest(path) for path in captured.data}
    for path, file in zip(declared, job.experiment.data, strict=True):
        data.setdefault(path, FileDigest(size=_size(job.tree.root / path), sha256=job.data[file.path]))
    return _Reads(
        source={path: digest(path) for path in captured.source},
        data={
            path: DataRead(size=d.size, sha256=d.sha256, declared=path in declared) for path, d in sorted(data.items())
        },
        listed={folder: source.listing(names, folder) for folder in (*captured.listed, source.MODULES)},
    )


def _digest(path: Path) -> FileDigest:
    return FileDigest(size=_size(path), sha256=source.sha256(path))


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


@dataclass(frozen=True)
class _Made:
    """What a run came to, besides what it left."""

    outcome: Outcome
    command: str  # as run
    started: datetime
    series: Sequence[Curve]
    reads: _Reads
    artifacts: dict[str, FileDigest]


def _record(job: Job, left: Left, made: _Made) -> RunRecord:
    captured, reads = left.captured, made.reads
    parts = parts_of(job)
    every = {path: found.sha256 for path, found in {**reads.source, **reads.data}.items()}
    environment = job.prepared.environment
    if captured.libraries:
        environment = environment.model_copy(update={"libraries": captured.libraries})
    return RunRecord(
        tool_version=version("ml-experiment"),
        key=key.content_key(parts, every, reads.listed),
        parts=parts,
        experiment=job.experiment.experiment,
        commit=job.tree.commit,
        dirty=job.tree.dirty,
        command=made.command,
        started=made.started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        outcome=made.outcome,
        metrics=final_values(made.series, job.experiment.metrics),
        params=job.experiment.params,
        logged_params=captured.logged_params,
        seeding=captured.seeding,
        environment=environment,
        hardware=job.prepared.hardware,
        source=reads.source,
        data=reads.data,
        listed=reads.listed,
        written=captured.written,
        artifacts=made.artifacts,
        usage=left.usage,
        retried=left.retried,
        reached=dict(left.reached),
        refused=dict(left.refused),
        not_captured=captured.not_captured,
    )
