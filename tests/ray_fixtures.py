"""The cluster that tests share: a head and two nodes. Those that kill nodes add their own, or start another."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ray_nodes import RayCluster, ray_cluster


@pytest.fixture(scope="session")
def two_nodes() -> Iterator[RayCluster]:
    """A head, and two nodes of four processors and one GPU each, as far as Ray is told; for tests marked `ray`."""
    with ray_cluster(Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))) as cluster:
        for _ in range(2):
            cluster.add("--num-cpus", "4", "--num-gpus", "1")
        cluster.wait_for(3)
        yield cluster
