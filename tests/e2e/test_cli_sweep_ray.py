"""`ml-experiment sweep` on a Ray cluster as a person runs it: nodes share nothing with who drives."""

import hashlib
import json
import shutil
import signal
import tempfile
import time
from functools import partial
from pathlib import Path

import pytest
import ray_autoscaler
from container_bed import Bed
from ray_nodes import RayCluster, ray_cluster, running
from repositories import ROOT, Repository
from waiting import wait_for

pytestmark = pytest.mark.ray

TRAIN = """\
import json, os, sys
x = float(sys.argv[2])
print(json.dumps({"tree": os.getcwd(), "home": os.environ["HOME"], "data": open("data/in.txt").read(),
    "ray": sorted(name for name in os.environ if name.startswith("RAY_")),
    "gpu": os.environ.get("CUDA_VISIBLE_DEVICES"),
    "threads": os.environ["OMP_NUM_THREADS"]}))
open("model.bin", "wb").write(b"%r" % x * 50_000)
json.dump({"loss": (x - 2) ** 2}, open("metrics.json", "w"))
"""
EXPERIMENT = """\
experiment: tiny
environment: {lock: requirements.lock}
command: python train.py MARK {x}
seeds: [0]
metric_files: [metrics.json]
artifacts: [model.bin]
data: [{path: data/in.txt}]
metrics: {loss: {goal: minimize}}
resources: {cpus: 1, timeout: 60s}
sweep:
  trials: 6
  parallelism: 4
  objective: {loss: minimize}
  space: {x: {float: [-5, 5]}}
"""


@pytest.fixture
def searched(repository: Repository) -> Repository:
    """Its data and its lock are ignored by git: they travel all the same."""
    repository.write("train.py", TRAIN)
    repository.write("ml-experiment.yaml", EXPERIMENT.replace("MARK", mark(repository)))
    repository.write(".gitignore", "data\n*.lock\n")
    repository.git("rm", "-q", "--cached", "requirements.lock")
    (repository.folder / "data").mkdir()
    repository.write("data/in.txt", "some data")
    repository.commit()
    return repository


def nothing_left(cluster: RayCluster) -> None:
    """Of runs and of what they were made in; guardians are given a minute."""
    until = time.monotonic() + 60
    while any(node.left() for node in cluster.nodes) and time.monotonic() < until:
        time.sleep(0.1)
    assert [node.left() for node in cluster.nodes] == [[] for _ in cluster.nodes]


def trainings(repository: Repository) -> set[int]:
    """Processes of its runs, wherever they are made; the shell of each does not count."""
    found = running(f"train.py {mark(repository)} ")
    return {pid for pid, command in found.items() if not command.startswith("/bin/sh")}


def mark(repository: Repository) -> str:
    """What tells its runs from those of other tests."""
    return hashlib.sha256(str(repository.folder).encode()).hexdigest()[:16]


def said(repository: Repository) -> list[dict[str, object]]:
    """What each run printed."""
    return [json.loads(log.read_text()) for log in repository.state.glob("runs/*/output.log")]


def test_a_record_of_this_machine_is_followed_on_nodes_that_have_the_tree_by_content_alone(
    searched: Repository, two_nodes: RayCluster
) -> None:
    here = searched.run("sweep", "--json")
    shutil.rmtree(searched.state)
    done = searched.run("sweep", "--executor", "ray", "--ray-address", two_nodes.address, "--json")
    assert (done.code, done.json.get("replayed")) == (0, True), done.err
    assert done.json["table_digest"] == here.json["table_digest"]
    printed = said(searched)
    assert len(printed) == 6 + 1
    for run in printed:
        assert any(str(run["tree"]).startswith(f"{node.cache}/offices/") for node in two_nodes.nodes)
        assert (run["data"], run["ray"], run["threads"]) == ("some data", [], "1")
    for path in searched.state.glob("runs/*/run.json"):
        record, kept = json.loads(path.read_text()), (path.parent / "artifacts" / "model.bin").read_bytes()
        assert len(kept) > 2**18
        assert record["artifacts"]["model.bin"]["sha256"] == hashlib.sha256(kept).hexdigest()
        assert record["commit"] is not None
    digest = hashlib.sha256(b"some data").hexdigest()
    assert any((node.cache / "content" / digest[:2] / digest).is_file() for node in two_nodes.nodes)
    assert "Ray" not in done.err.replace("on node", "")
    nothing_left(two_nodes)

    searched.change("ml-experiment.yaml", "seeds: [0]", "seeds: [0, 1]")  # one seed is no claim that can be judged
    with two_nodes.client() as address:
        again = searched.run("sweep", "--new", "--ray-address", address, "--json")
    assert (again.code, again.json.get("replayed")) == (0, False), again.err
    assert len(said(searched)) >= 7
    nothing_left(two_nodes)

    before = len(list(searched.state.glob("runs/*")))
    held = searched.run("sweep", "--verify", "--first", "3", "--ray-address", two_nodes.address, "--json")
    assert (held.code, held.json["verdict"], held.json["table"]) == (0, "identical", "identical"), held.err + held.out
    assert (held.json["trials_again"], held.json["seeds"]) == (3, [0, 1])
    assert len(list(searched.state.glob("runs/*"))) == before + 2 + 3
    assert all(str(run["tree"]).startswith(str(two_nodes.folder)) for run in said(searched))
    nothing_left(two_nodes)


CANCELLED = "cancelled; what finished is recorded, and the same command goes on from there"
SLOW = "import time; time.sleep(1.5)\nimport json"


def test_a_driver_that_is_killed_leaves_nothing_on_the_nodes_and_goes_on_to_the_same_table(
    searched: Repository, two_nodes: RayCluster, tmp_path: Path
) -> None:
    searched.change("train.py", "import json", SLOW)
    ray = ("sweep", "--order", "window", "--ray-address", two_nodes.address)
    process = searched.start(*ray)
    assert process.stdout is not None
    for line in process.stdout:
        if "complete" in line:
            break
    while not trainings(searched) and process.poll() is None:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    nothing_left(two_nodes)
    assert not trainings(searched)
    done = searched.run(*ray, "--json")
    assert (done.code, done.json["complete"]) == (0, 6), done.err
    here = searched.run("sweep", "--order", "window", "--json")
    assert here.json["table_digest"] == done.json["table_digest"]


def test_where_the_head_of_the_cluster_goes_it_ends_by_itself_and_goes_on_elsewhere(
    searched: Repository, tmp_path: Path
) -> None:
    hold = tmp_path / "hold"
    searched.change("train.py", "import json", f"import time; HOLD = {str(hold)!r}; time.sleep(1)\nimport json")
    searched.change("train.py", "x = float", "while os.path.exists(HOLD): time.sleep(0.1)\nx = float")
    searched.change("ml-experiment.yaml", "trials: 6", "trials: 12")
    with ray_cluster(Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))) as cluster:
        cluster.add("--num-cpus", "2")
        cluster.wait_for(2)
        process = searched.start("sweep", "--order", "window", "--ray-address", cluster.address)
        assert process.stdout is not None
        for line in process.stdout:
            if "complete" in line:
                break
        hold.touch()
        cluster.fall_silent()
        _, err = process.communicate(timeout=120)
        assert process.returncode == 3, err
        assert err.startswith("the Ray cluster was lost: its head does not answer any more\n"), err
        assert "goes on from there" in err
        until = time.monotonic() + 60
        while trainings(searched) and time.monotonic() < until:
            time.sleep(0.1)
        assert not trainings(searched)
    hold.unlink()
    done = searched.run("sweep", "--order", "window", "--json")
    assert (done.code, done.json["complete"]) == (0, 12), done.err


def test_ctrl_c_twice_ends_what_runs_on_the_nodes(searched: Repository, two_nodes: RayCluster) -> None:
    searched.change("train.py", "import json", "import time; time.sleep(3600)\nimport json")
    searched.change("ml-experiment.yaml", "timeout: 60s", "timeout: 1h")
    process = searched.start("sweep", "--ray-address", two_nodes.address)
    wait_for(lambda: len(trainings(searched)) == 4)
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    for line in process.stdout:  # two signals at once are one
        if "no new trials; 4 running finish" in line:
            process.send_signal(signal.SIGINT)
            break
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.splitlines()[0]) == (130, CANCELLED), err
    assert not trainings(searched)
    nothing_left(two_nodes)


def test_gpus_are_shared_by_fraction_and_more_than_there_is_is_refused(
    searched: Repository, two_nodes: RayCluster
) -> None:
    searched.change("ml-experiment.yaml", "cpus: 1", "cpus: 1, gpus: 0.5")
    done = searched.run("sweep", "--ray-address", two_nodes.address, "--json")
    assert done.code == 0, done.err
    assert {run["gpu"] for run in said(searched)} == {"0"}
    searched.change("ml-experiment.yaml", "gpus: 0.5", "gpus: 3")
    done = searched.run("sweep", "--new", "--ray-address", two_nodes.address)
    assert done.code == 2
    assert "resources: a run asks for 1 CPUs, 3 GPUs, and no node of" in done.err
    assert "4 CPUs, 1 GPUs" in done.err


def test_another_ml_experiment_on_a_node_is_named(searched: Repository, two_nodes: RayCluster, tmp_path: Path) -> None:
    for package in ("experiment", "runner", "reporting", "action"):
        shutil.copytree(ROOT / package, tmp_path / "other" / package)
    with (tmp_path / "other" / "runner" / "process.py").open("a") as file:
        file.write("# another\n")
    done = searched.run("sweep", "--ray-address", two_nodes.address, environ={"PYTHONPATH": str(tmp_path / "other")})
    assert done.code == 2
    assert "not what runs here:\n    ml-experiment: 0.1.0 (" in done.err
    assert "nothing was run" in done.err


@pytest.mark.docker
def test_trials_in_containers_of_nodes_give_the_table_of_this_machine(
    searched: Repository, two_nodes: RayCluster, bed: Bed
) -> None:
    searched.change("ml-experiment.yaml", "python train.py", "python3 train.py")
    searched.change("ml-experiment.yaml", "{lock: requirements.lock}", f"{{image: '{bed.base}'}}")
    searched.change("ml-experiment.yaml", "trials: 6", "trials: 3")
    searched.commit()
    where = ("--order", "window", "--json")
    here = searched.run("sweep", *where)
    done = searched.run("sweep", "--no-cache", "--ray-address", two_nodes.address, *where, environ={"CI": ""})
    assert (here.code, done.code) == (0, 0), done.err
    assert done.json["replayed"]
    assert done.json["table_digest"] == here.json["table_digest"]
    nothing_left(two_nodes)


def test_an_autoscaler_brings_the_node_that_a_sweep_asks_for(searched: Repository) -> None:
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    with ray_cluster(folder, ray_autoscaler.ENVIRON, partial(ray_autoscaler.up_to, 1, 2)) as cluster:
        done = searched.run("sweep", "--ray-address", cluster.address, "--json")
        assert (done.code, done.json["complete"]) == (0, 6), done.err
        # by itself the head has no processor, so all of it was made on a node that nobody had started
        assert len(said(searched)) == 6 + 1
