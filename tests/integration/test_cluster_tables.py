"""Every combination of sampler and pruner on a Ray cluster: one table, however many workers make it, and as here."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from ray_nodes import RayCluster
from ray_offices import asking, crew, making
from sweeping import Drawn, digest, every_sweep, points, swept

from experiment.search import Sweep
from runner.sweep.cluster.connect import connected
from runner.sweep.cluster.worker import Worker
from runner.sweep.events import Event
from runner.sweep.orders import Follow, Free, Order, Window
from runner.sweep.replay import Replay

pytestmark = pytest.mark.ray
LONGEST_S = 0.002  # of the pauses that are drawn anew before each point and each end
SAMPLERS = ("tpe", "cmaes", "nsga2", "nsga3", "qmc", "random", "grid")


@pytest.fixture(scope="module")
def workers(two_nodes: RayCluster) -> Iterator[list[Worker]]:
    """Eight, on two nodes, all there."""
    with connected(two_nodes.address, print), ExitStack() as stack:
        made = [Worker(asking(LONGEST_S)) for _ in range(8)]
        for worker in made:
            stack.callback(worker.close)
        threads = [threading.Thread(target=worker.ready, args=(threading.Event(),)) for worker in made]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        yield made


def begun(path: Path, sweep: Sweep, order: Order) -> Sweep:
    """The sweep with 14 trials to be made: first ones of some samplers are drawn at random, 10 or a generation of 50.

    Of a generation the most are in the log at `path` already, made here.
    """
    path.parent.mkdir(exist_ok=True)
    before = 39 if sweep.sampler.startswith("nsga") else 0
    if before:
        first = sweep.model_copy(update={"trials": before})
        swept(path, first, order, Drawn(first, 4, 0, points(sweep)))
    return sweep.model_copy(update={"trials": before + 14})


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_record_is_followed_there_and_here_and_windows_agree(
    sampler: str, tmp_path: Path, workers: list[Worker]
) -> None:
    every = {name: sweep for name, sweep in every_sweep().items() if sweep.sampler == sampler}
    assert {sweep.pruner for sweep in every.values()} == {"none", "median", "halving", "hyperband"}
    for number, (name, given) in enumerate(every.items()):
        free, window = tmp_path / f"{number}" / "free", tmp_path / f"{number}" / "window"
        sweep = begun(free, given, Free())
        begun(window, given, Window(4))

        def there(
            log: Path, order: Order, many: int, record: list[Event] | None = None, sweep: Sweep = sweep
        ) -> list[Event]:
            checker = Replay(record, "m", "m") if record is not None else None
            with crew(workers[:many], making(sweep)) as hands:
                return swept(copied(log), sweep, order, hands, checker=checker)

        def here(log: Path, order: Order, sweep: Sweep = sweep) -> list[Event]:
            return swept(copied(log), sweep, order, Drawn(sweep, 3, 1, points(sweep)))

        record = there(free, Free(), 4)
        replays = {many: digest(there(free, Follow(record), many, record)) for many in (1, 2, 4, 8)}
        assert {digest(here(free, Follow(record))), *replays.values()} == {digest(record)}, (name, replays)
        windows = {many: digest(there(window, Window(4), many)) for many in (1, 2, 4, 8)}
        assert set(windows.values()) == {digest(here(window, Window(4)))}, (name, windows)


def copied(log: Path) -> Path:
    """A log of its own that begins as that one, if there is one."""
    own = log.with_name(f"{log.name}-{len(list(log.parent.iterdir()))}")
    if log.exists():
        shutil.copyfile(log, own)
    return own


def test_all_combinations_that_the_file_allows_are_among_them() -> None:
    """But those of the Gaussian process, which needs PyTorch: tests/integration/test_sweep_gp.py."""
    assert {sweep.sampler for sweep in every_sweep().values()} == {*SAMPLERS, "gp"}
