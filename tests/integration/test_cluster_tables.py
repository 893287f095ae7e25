"""Trials on workers of a Ray cluster give the table that workers of this machine give, however many there are."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from ray_nodes import RayCluster
from ray_offices import asking, crew
from sweeping import MIXED, SPACE, Drawn, a_sweep, digest, swept

from runner.sweep.cluster.connect import connected
from runner.sweep.cluster.worker import Worker
from runner.sweep.orders import Follow, Free, Window
from runner.sweep.replay import Replay

pytestmark = pytest.mark.ray
POINTS = 4
CASES = [("tpe", "none"), ("tpe", "median"), ("random", "hyperband"), ("cmaes", "halving"), ("nsga2", "none")]


@pytest.fixture(scope="module")
def workers(two_nodes: RayCluster) -> Iterator[list[Worker]]:
    """Eight, on two nodes, all there."""
    with connected(two_nodes.address), ExitStack() as stack:
        made = [Worker(asking(POINTS)) for _ in range(8)]
        for worker in made:
            stack.callback(worker.close)
        threads = [threading.Thread(target=worker.ready, args=(threading.Event(),)) for worker in made]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        yield made


@pytest.mark.parametrize(("sampler", "pruner"), CASES)
def test_a_record_of_this_machine_is_followed_to_its_table_by_workers_of_a_cluster(
    sampler: str, pruner: str, tmp_path: Path, workers: list[Worker]
) -> None:
    space = SPACE if sampler == "cmaes" else MIXED
    sweep = a_sweep(sampler, space, pruner=pruner)
    record = swept(tmp_path / "first", sweep, Free(), Drawn(sweep, 4, 0, POINTS))
    for many in (1, 2, 4, 8):
        with crew(workers[:many]) as there:
            again = swept(tmp_path / f"ray-{many}", sweep, Follow(record), there, checker=Replay(record, "m", "m"))
        here = swept(tmp_path / f"local-{many}", sweep, Follow(record), Drawn(sweep, many, many, POINTS))
        assert digest(again) == digest(here) == digest(record)


@pytest.mark.parametrize(("sampler", "pruner"), CASES)
def test_a_record_of_a_cluster_is_followed_here(
    sampler: str, pruner: str, tmp_path: Path, workers: list[Worker]
) -> None:
    space = SPACE if sampler == "cmaes" else MIXED
    sweep = a_sweep(sampler, space, pruner=pruner)
    with crew(workers[:4]) as there:
        record = swept(tmp_path / "first", sweep, Free(), there)
    here = swept(
        tmp_path / "again", sweep, Follow(record), Drawn(sweep, 3, 1, POINTS), checker=Replay(record, "m", "m")
    )
    assert digest(here) == digest(record)


@pytest.mark.parametrize("many", [1, 3, 8])
def test_a_window_is_the_same_here_and_on_a_cluster(many: int, tmp_path: Path, workers: list[Worker]) -> None:
    sweep = a_sweep("tpe", order="window", pruner="median")
    here = swept(tmp_path / "here", sweep, Window(4), Drawn(sweep, 2, 0, POINTS))
    with crew(workers[:many]) as there:
        assert digest(swept(tmp_path / "there", sweep, Window(4), there)) == digest(here)
