"""Runs of real scripts in real containers: what they see, how they end, and what comes back of them."""

import json
import subprocess
import threading
import time
from pathlib import Path

import pytest
from container_bed import Bed
from container_place import Place, outcome
from waiting import when

from experiment import curves
from experiment.record import Status
from experiment.spec import DataFile, Metric, Resources
from runner.environment.variables import for_container
from runner.sandbox import USER

pytestmark = pytest.mark.docker


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("container-cache")


@pytest.fixture
def place(tmp_path: Path, cache: Path, bed: Bed) -> Place:
    return Place.make(tmp_path / "repo", cache, image=bed.base)


def test_a_good_run_is_recorded_with_its_image(place: Place, bed: Bed) -> None:
    found = place.run("print('loss 2.0'); print('loss 1.0')")
    assert outcome(found) == (Status.OK, "")
    [curve] = curves.read(found.folder)
    assert curve.value.tolist() == [2.0, 1.0]
    assert found.log_tail == "loss 2.0\nloss 1.0"
    environment = found.record.environment
    assert (environment.kind, environment.source) == ("image", bed.base)
    assert environment.image_digest is not None
    assert environment.image_digest.startswith("sha256:")
    assert [layer.digest[:7] for layer in environment.layers] == ["sha256:"]
    assert environment.os.startswith("Debian GNU/Linux")
    assert environment.system_sha256 is not None
    assert found.record.usage.wall_s > 0


def test_the_tree_is_a_private_copy_whose_reads_are_known(place: Place) -> None:
    place.write("lib/model.py", "WIDTH = 3\n")
    place.write("table.csv", "1,2\n")
    place.commit()
    script = "import lib.model\nopen('table.csv').read()\nopen('table.csv', 'w').write('mine')\nprint('loss 1')"
    found = place.run(script)
    assert outcome(found) == (Status.OK, "")
    assert set(found.record.source) == {"train.py", "lib/model.py"}
    assert set(found.record.data) == {"table.csv"}
    assert found.record.written == ("table.csv",)
    assert (place.root / "table.csv").read_text() == "1,2\n"


def test_what_native_code_reads_is_known_too(place: Place) -> None:
    place.write("weights.bin", "w")
    found = place.run("import os; os.system('cat weights.bin'); print('loss 1')")
    assert "weights.bin" in found.record.data


def test_a_clean_tree_is_what_its_commit_has(place: Place) -> None:
    place.write(".gitattributes", "hidden.txt export-ignore\n")
    place.write("hidden.txt", "here all the same")
    place.write("train.py", "print('loss', len(open('hidden.txt').read()))")
    place.commit()
    experiment = place.experiment()
    with place.prepared(experiment) as prepared:
        found = place.once(experiment, prepared)
    assert not found.record.dirty
    assert found.record.metrics["loss"].value == len("here all the same")


def test_metric_files_and_artifacts_come_back(place: Place) -> None:
    script = """
import json
json.dump({"auc": 0.5}, open("metrics.json", "w"))
open("model.bin", "wb").write(bytes(1000))
"""
    found = place.run(script, metric_files=("metrics.json",), artifacts=("model.bin",), metrics={"auc": Metric()})
    assert found.record.metrics["auc"].value == 0.5
    assert found.record.artifacts["model.bin"].size == 1000
    assert (found.folder / "artifacts" / "model.bin").read_bytes() == bytes(1000)


def test_a_metric_file_of_the_tree_that_was_not_written_is_no_result(place: Place) -> None:
    place.write("metrics.json", json.dumps({"auc": 0.5}))
    place.commit()
    found = place.run("print('nothing')", metric_files=("metrics.json",), metrics={"auc": Metric()})
    status, reason = outcome(found)
    assert status is Status.INVALID
    assert reason == "metric file metrics.json was not written: it is still the one of the source tree"


def test_declared_data_is_a_read_only_volume_of_its_content(place: Place) -> None:
    place.write("data/x.csv", "content")
    place.write(".gitignore", "data/\n")
    script = """
print("loss", len(open("data/x.csv").read()))
try:
    open("data/x.csv", "w")
except OSError as error:
    print(error.strerror)
"""
    found = place.run(script, data=(DataFile(path="data/x.csv"),))
    assert found.log_tail == "loss 7\nRead-only file system"
    assert found.record.data["data/x.csv"].declared
    again = place.run(script, data=(DataFile(path="data/x.csv"),))
    for part in ("parts", "source", "data", "listed", "key"):
        assert getattr(again.record, part) == getattr(found.record, part)


def test_data_that_was_altered_in_the_engine_is_noticed_and_put_right(place: Place, bed: Bed) -> None:
    file = place.write("data/x.csv", f"content {time.time_ns()}")
    declared = (DataFile(path="data/x.csv"),)
    found = place.run("print('loss', len(open('data/x.csv').read()))", data=declared)
    volume = f"ml-experiment-data-{found.record.data['data/x.csv'].sha256}"
    alter = ["docker", "run", "--rm", "-v", f"{volume}:/v", bed.base, "sh", "-c", "echo altered > /v/data.csv"]
    subprocess.run(alter, check=True)
    again = place.run("print('loss', len(open('data/x.csv').read()))", data=declared)
    assert again.record.metrics["loss"].value == len(file.read_text())


def test_the_recorder_sees_inside(place: Place) -> None:
    found = place.run("import random; random.seed(3); print('loss', random.random())")
    assert "random" in found.record.seeding.applied
    assert [(call.function, call.place) for call in found.record.seeding.by_user] == [("random.seed", "train.py:1")]
    assert found.record.not_captured == ()


def test_seeds_make_runs_differ_and_repeat(place: Place) -> None:
    script = "import random; print('loss', random.random())"
    place.write("train.py", script)
    experiment = place.experiment()
    with place.prepared(experiment) as prepared:
        values = [place.once(experiment, prepared, seed).record.metrics["loss"].value for seed in (0, 1, 0)]
    assert values[0] == values[2] != values[1]


def test_who_it_is_and_what_it_may_write(place: Place) -> None:
    script = """
import os
print(os.getuid(), os.getgid(), os.environ["HOME"])
for path in ("/x", "/usr/x", "/ml-experiment/kit/x", "/tmp/x", "x"):
    try:
        open(path, "w").write("x"); print(path, "written")
    except OSError as error:
        print(path, error.strerror)
"""
    found = place.run(script)
    user, _, group = USER.partition(":")
    assert found.log_tail.splitlines() == [
        f"{user} {group} /tmp",
        "/x Read-only file system",
        "/usr/x Read-only file system",
        "/ml-experiment/kit/x Read-only file system",
        "/tmp/x written",
        "x written",
    ]


def test_a_script_that_fails_and_one_that_crashes(place: Place) -> None:
    assert outcome(place.run("raise SystemExit(3)")) == (Status.USER_ERROR, "ended with exit status 3")
    status, reason = outcome(place.run("import os; os.abort()"))
    assert (status, reason) == (Status.USER_ERROR, "crashed with SIGABRT")


def test_a_command_the_image_does_not_have(place: Place) -> None:
    status, reason = outcome(place.run("", command="no-such-program"))
    assert status is Status.USER_ERROR
    assert reason == "ended with exit status 127: the command is not there in the image"


EAT = "x = []\nwhile True: x.append(bytearray(10_000_000))"


def test_out_of_memory_is_named_for_the_process_and_for_its_child(place: Place) -> None:
    small = Resources(memory=100 * 2**20)
    status, reason = outcome(place.run(EAT, resources=small))
    assert status is Status.OUT_OF_MEMORY
    assert "0.09766 GiB (resources.memory)" in reason
    child = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {EAT!r}])\nprint('loss 1')"
    assert outcome(place.run(child, resources=small))[0] is Status.OUT_OF_MEMORY


def test_an_exit_status_of_137_by_hand_is_not_out_of_memory(place: Place) -> None:
    status, reason = outcome(place.run("raise SystemExit(137)"))
    assert status is Status.USER_ERROR
    assert "neither out of memory nor ended through the engine" in reason


def test_a_run_killed_through_the_engine_is_the_machines_fault_and_made_again(place: Place) -> None:
    script = "import time\nfor i in range(9): print('loss', i, flush=True)\ntime.sleep(60)"
    stop = threading.Event()

    def kill() -> None:
        while not stop.wait(0.1):
            ls = ["docker", "ps", "-q", "--filter", "label=ml-experiment.role=run", "--filter", f"ancestor={image}"]
            for found in subprocess.run(ls, capture_output=True, text=True, check=True).stdout.split():
                subprocess.run(["docker", "kill", found], capture_output=True, check=False)

    image = place.experiment().environment.image
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        found = place.run(script)
    finally:
        stop.set()
        killer.join()
    assert outcome(found) == (Status.INFRA_ERROR, "killed from outside with SIGKILL, through the engine")
    assert len(found.record.retried) == 2


def test_a_script_that_never_ends_and_ignores_sigterm(place: Place) -> None:
    script = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('loss 1')\ntime.sleep(600)"
    found = place.run(script, resources=Resources(timeout=5.0))
    assert outcome(found) == (Status.TIMEOUT, "did not end within 5 s (resources.timeout)")
    assert found.record.metrics["loss"].value == 1.0


def test_cancelling_keeps_what_was_measured(place: Place) -> None:
    with when(lambda: any(progress.metric == "loss" for progress in place.seen), place.cancelled.set):
        found = place.run("import time\nprint('loss 1', flush=True)\ntime.sleep(600)")
    assert outcome(found)[0] is Status.CANCELLED
    assert found.record.metrics["loss"].value == 1.0
    assert any(progress.metric == "loss" for progress in place.seen)  # the live view heard of it


def test_a_log_without_end_is_bounded(place: Place) -> None:
    script = "import sys, time\nend = time.time() + 3\nwhile time.time() < end: sys.stdout.write('x' * 99 + '\\n')"
    found = place.run(script)
    assert found.record.outcome.status is Status.OK
    assert (found.folder / "output.log").stat().st_size < 2 * 2**20


@pytest.mark.parametrize("determinism", ["strict", "off"])
def test_only_listed_variables_get_in(place: Place, determinism: str) -> None:
    place.inherited |= {"MY_SETTING": "7", "GITHUB_TOKEN": "secret-token", "AWS_SECRET_ACCESS_KEY": "secret-key"}
    place.spec["environment"] = place.spec["environment"].model_copy(update={"variables": ("MY_SETTING",)})
    found = place.run("import os, json; print(json.dumps(dict(os.environ)))", determinism=determinism)
    seen = json.loads(found.log_tail)
    assert seen["MY_SETTING"] == "7"
    assert "secret" not in found.log_tail
    known = {"PATH", "HOSTNAME", "PWD", "HOME", "PYTHONPATH", "PYTHONHASHSEED", "CUBLAS_WORKSPACE_CONFIG", "SHLVL", "_"}
    known |= {
        "NVIDIA_VISIBLE_DEVICES",
        "LC_CTYPE",
        "PIP_CERT",
        "SSL_CERT_FILE",
        "OLDPWD",
    }  # by the engine, and the image
    named = set(for_container(place.inherited, ("MY_SETTING",), None))
    ours = {name for name in seen if name.startswith(("ML_EXPERIMENT_", "XDG_")) or name.endswith(("_DIR", "_PATH"))}
    ours |= {"MPLCONFIGDIR"}
    assert set(seen) <= known | named | ours


def test_what_is_not_listed_is_refused_and_recorded(place: Place) -> None:
    script = """
import urllib.error, urllib.request
try:
    urllib.request.urlopen("http://elsewhere.example/x", timeout=20)
except urllib.error.HTTPError as error:
    print(error.code, error.reason)
"""
    found = place.run(script, resources=Resources(network=("data.example.org",)))
    assert found.log_tail == "403 elsewhere.example:80 is not in resources.network"
    assert found.record.refused == {"elsewhere.example:80": 1}
    assert found.record.reached == {}


def test_an_artifact_that_is_a_link_to_itself_makes_the_run_invalid(place: Place) -> None:
    found = place.run("import os; os.symlink('model.bin', 'model.bin'); print('loss 1')", artifacts=("model.bin",))
    status, reason = outcome(found)
    assert status is Status.INVALID
    assert reason.startswith("model.bin: not taken out of the container: the engine cannot read it (")
