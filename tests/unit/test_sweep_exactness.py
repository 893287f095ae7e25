"""One table in both orders for every sampler and pruner: whatever the workers and their timing."""

import random
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from formulas import formula
from sweeping import BEGAN, SWEEPS, Drawn, digest, every_sweep, points, swept

from experiment.search import Sweep
from experiment.value import Scalar
from runner.sweep.crew import Crew, Hear
from runner.sweep.drive import Driving, Wish, drive
from runner.sweep.events import Event, Result
from runner.sweep.log import opened
from runner.sweep.orders import Follow, Free, Order, Point, Window
from runner.sweep.replay import Replay
from runner.sweep.study import Study
from runner.sweep.table import rows

EVERY = {name: sweep for name, sweep in every_sweep().items() if sweep.sampler != "gp"}  # see tests/integration


def test_every_sampler_and_pruner_is_among_them() -> None:
    assert {sweep.sampler for sweep in EVERY.values()} == {"tpe", "cmaes", "nsga2", "nsga3", "qmc", "random", "grid"}
    for pruner in ("none", "median", "halving", "hyperband"):
        assert len({sweep.sampler for sweep in EVERY.values() if sweep.pruner == pruner}) == 7
    assert len(EVERY) > 90


@pytest.mark.parametrize("name", EVERY)
def test_records_are_followed_and_windows_agree(name: str, tmp_path: Path) -> None:
    sweep = EVERY[name]
    record = swept(tmp_path / "first", sweep, Free(), Drawn(sweep, 4, 1, points(sweep)))
    assert len(rows(record)) == (12 if sweep.sampler == "grid" else sweep.trials)
    for workers in (1, 2, 4, 8):
        again = swept(
            tmp_path / f"{workers}", sweep, Follow(record), Drawn(sweep, workers, 7 + workers, points(sweep)),
            checker=Replay(record, "m", "m"),
        )  # fmt: skip
        assert digest(again) == digest(record)
    windows = {
        digest(swept(tmp_path / f"w{workers}", sweep, Window(4), Drawn(sweep, workers, workers, points(sweep))))
        for workers in (1, 2, 4, 8)
    }
    assert len(windows) == 1


def with_jitter(path: Path, sweep: Sweep, order: Order, workers: int) -> list[Event]:
    """Real threads; how long a trial and its points take is drawn anew each time."""
    draw = random.Random()

    def make(trial: int, params: Mapping[str, Scalar], _w: int, hear: Hear, ended: threading.Event) -> Result:
        value = formula(params)
        for step in range(1, points(sweep) + 1):
            if ended.wait(draw.expovariate(1000)):
                break
            hear(Point(step, value + 3.0 / step))
        time.sleep(draw.expovariate(300))
        return Result(trial=trial, values=(value,) if len(sweep.objective) == 1 else (value, -value + trial % 3))

    with opened(path) as log, Crew[int](range(workers), make) as crew:
        if log.began is None:
            log.append(BEGAN)
        return drive(Driving(sweep, Study(sweep), log, order, crew, lambda: Wish.GO_ON, lambda _event: None))


@pytest.mark.parametrize(
    "name", ["tpe", "tpe, two objectives", "cmaes", "nsga2", "qmc", "median", "halving", "hyperband"]
)
def test_threads_with_jitter_give_them_too(name: str, tmp_path: Path) -> None:
    sweep = SWEEPS[name]
    record = with_jitter(tmp_path / "first", sweep, Free(), 4)
    replays = {digest(with_jitter(tmp_path / f"{n}", sweep, Follow(record), n)) for n in (1, 2, 4, 8)}
    assert replays == {digest(record)}
    assert len({digest(with_jitter(tmp_path / f"w{n}", sweep, Window(4), n)) for n in (1, 2, 4, 8)}) == 1
