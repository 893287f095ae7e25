"""Nodes and workers that go in mid-sweep: their trials run again, the table is as it would have been; it is said."""

import contextlib
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from ray_nodes import RayCluster
from ray_offices import asking, crew, making
from sweeping import Drawn, a_sweep, digest, points, swept

from experiment.value import Scalar
from runner.sweep.cluster.connect import connected
from runner.sweep.cluster.worker import Worker
from runner.sweep.crew import Hear
from runner.sweep.events import Result
from runner.sweep.orders import Point, Window
from runner.sweep.refusals import TrialLost

pytestmark = pytest.mark.ray


def _closing(workers: list[Worker]) -> None:
    for worker in workers:
        worker.close()


def test_a_node_and_a_worker_that_are_killed_leave_the_table_as_it_is(two_nodes: RayCluster, tmp_path: Path) -> None:
    sweep = a_sweep("tpe", order="window", pruner="median", trials=30)
    whole, make = swept(tmp_path / "whole", sweep, Window(4), Drawn(sweep, 2, 0, points(sweep))), making(sweep)
    said: list[str] = []
    third = two_nodes.add("--num-cpus", "2")
    two_nodes.wait_for(4)

    def disturbed(
        trial: int, params: Mapping[str, Scalar], worker: Worker, hear: Hear, ended: threading.Event
    ) -> Result | None:
        def then_lost(point: Point) -> None:
            hear(point)
            if trial == 8 and not said:
                third.kill()
            if trial == 20 and not any("trial 20" in line for line in said):
                with contextlib.suppress(ProcessLookupError):  # it went with the node just now
                    os.kill(worker.opened, signal.SIGKILL)

        return make(trial, params, worker, then_lost, ended)

    with connected(two_nodes.address, print):
        workers = [Worker(asking(0.2, said.append)) for _ in range(6)]
        try:
            with crew(workers, disturbed, said.append) as there:
                assert digest(swept(tmp_path / "disturbed", sweep, Window(4), there)) == digest(whole)
        finally:
            _closing(workers)
    assert any("was lost" in line and "it runs again" in line for line in said), said
    assert any(line.startswith("trial 20: ") for line in said), said


def test_a_trial_that_takes_its_worker_with_it_again_and_again_ends_the_sweep(
    two_nodes: RayCluster, tmp_path: Path
) -> None:
    sweep = a_sweep("random")
    make = making(sweep)

    def fatal(
        trial: int, params: Mapping[str, Scalar], worker: Worker, hear: Hear, ended: threading.Event
    ) -> Result | None:
        if trial == 2:
            os.kill(worker.opened, signal.SIGKILL)
        return make(trial, params, worker, hear, ended)

    with connected(two_nodes.address, print):
        workers = [Worker(asking()) for _ in range(2)]
        try:
            with (
                pytest.raises(TrialLost, match="trial 2: its worker was lost, 3 times: node "),
                crew(workers, fatal) as there,
            ):
                swept(tmp_path / "log", sweep, Window(4), there)
        finally:
            _closing(workers)
