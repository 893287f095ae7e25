"""The points of a run in a container, seen while it goes on: all of them, in order, each once."""

from pathlib import Path

import pytest
from container_bed import Bed
from container_place import Place

from runner import data, source
from runner.execute import Bench, Job, SeenPoint, execute
from runner.runtime import Slot

pytestmark = pytest.mark.docker

# what the recorder writes when a framework logs, which the base image has none of
LOGS = """\
import json, time
with open("/ml-experiment/work/stream/1-1.jsonl", "a") as stream:
    for step in range(1, 9):
        print(json.dumps(["metric", time.time(), "keras", "0", "loss", step, step / 8]), file=stream, flush=True)
        time.sleep(1)
"""


def test_every_point_is_seen_once_and_in_order(tmp_path: Path, bed: Bed) -> None:
    place = Place.make(tmp_path / "repo", tmp_path / "cache", image=bed.base)
    place.write("train.py", LOGS)
    experiment = place.experiment()
    seen: list[SeenPoint] = []
    with place.prepared(experiment) as prepared:
        job = Job(experiment, source.find(place.root), prepared, 0, data.check(experiment.data, place.root))
        bench = Bench(place.store, Slot(cpus=(0,)), lambda _progress: None, place.cancelled, seen.append)
        made = execute(job, bench)
    steps = [point.step for point in seen]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) >= 3
    [curve] = [curve for curve in made.curves if curve.metric == "loss"]
    assert curve.step.tolist() == list(range(1, 9))
