"""T4, T5: a training that looks everywhere it can for tokens and for the repository's history finds none."""

import json
import re
from collections.abc import Callable

import pytest
from container_bed import Bed
from container_place import Place, outcome
from unharmed import attack, unharmed

from experiment.record import Status
from runner.environment.refusals import ForbiddenVariable

pytestmark = pytest.mark.docker

THIEF = """\
import glob, json, os
word = b"-".join([b"s3cr3t", b"4f9c"])
found = {name: None for name, value in os.environ.items() if word in os.fsencode(value)}
for name in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/self/*"):
    try:
        if word in open(name, "rb").read(1 << 20):
            found[name] = None
    except OSError:
        pass
for top in ("/ml-experiment", "/etc", "/run", "/var", "/tmp", "/home", "/root", "/dev/shm"):
    for folder, _, files in os.walk(top):
        for name in (os.path.join(folder, file) for file in files):
            try:
                if os.path.isfile(name) and word in open(name, "rb").read():
                    found[name] = None
            except OSError:
                pass
"""


def test_no_token_of_ours_is_in_any_variable_process_or_file(place: Place, secret: str) -> None:
    found = attack(place, f"{THIEF}print(json.dumps(sorted(found)), sorted(os.environ)); print('loss 1')")
    assert outcome(found) == (Status.OK, "")
    assert found.log_tail.startswith("[] ")
    assert not re.search(r"(GITHUB|ACTIONS|INPUT|RUNNER|AWS|HF|DOCKER|MLFLOW(?!_DISABLE_TELEMETRY))_", found.log_tail)
    kept = b"".join(path.read_bytes() for path in found.folder.rglob("*") if path.is_file())
    assert secret.encode() not in kept


def test_no_git_and_no_credential_file_is_anywhere_inside(place: Place) -> None:
    script = """\
import json, os
names = {".git", ".docker", ".netrc", ".git-credentials", ".aws", ".ssh", ".pypirc", "event.json", ".ml-experiment"}
found = [os.path.join(at, name) for at, folders, files in os.walk("/") for name in folders + files if name in names]
print(json.dumps(found)); print("loss 1")
"""
    found = attack(place, script)
    assert json.loads(found.log_tail.splitlines()[0]) == []


def test_the_first_process_is_the_engines_own_and_its_environment_is_ours_to_the_letter(place: Place) -> None:
    script = """\
import json
try:
    first = open("/proc/1/environ", "rb").read().decode()
except OSError as error:
    first = error.strerror
print(json.dumps([open("/proc/1/cmdline").read().split("\\0")[0], first])); print("loss 1")
"""
    found = attack(place, script)
    command, told = json.loads(found.log_tail.splitlines()[0])
    assert command.endswith("docker-init")
    names = {entry.partition("=")[0] for entry in told.split("\0") if entry}
    assert names == {"Permission denied"} or not any(re.match("GITHUB|ACTIONS|INPUT|RUNNER", name) for name in names)


def test_nothing_of_the_host_is_mounted(place: Place) -> None:
    script = """\
import json
print(json.dumps([line.split() for line in open("/proc/self/mountinfo")])); print("loss 1")
"""
    found = attack(place, script)
    mounts = json.loads("[" + found.log_tail.partition("[")[2].rpartition("]")[0] + "]")
    of_files = {mount[4]: mount[3] for mount in mounts if mount[mount.index("-") + 1] in ("ext4", "xfs", "btrfs")}
    init = {mount[4] for mount in mounts if mount[4].endswith("/docker-init") and "ro" in mount[5].split(",")}
    assert set(of_files) - init <= {"/etc/resolv.conf", "/etc/hostname", "/etc/hosts", "/ml-experiment/kit"}
    assert all("/containers/" in of_files[at] for at in of_files if at.startswith("/etc"))
    assert "/volumes/ml-experiment-" in of_files["/ml-experiment/kit"]
    assert [mount[4] for mount in mounts if mount[4] == "/ml-experiment/kit" and "ro" in mount[5].split(",")]
    assert not [mount for mount in mounts if "docker.sock" in " ".join(mount) or str(place.root) in " ".join(mount)]


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN", "INPUT_GITHUB-TOKEN", "runner_temp"])
def test_an_experiment_file_that_asks_for_the_token_is_refused_before_anything_is_made(place: Place, name: str) -> None:
    environment = place.spec["environment"].model_copy(update={"variables": (name,)})
    place.write("train.py", THIEF)
    with unharmed(place), pytest.raises(ForbiddenVariable) as refused:
        place.run(THIEF, environment=environment)
    assert str(refused.value).startswith(f"environment.variables: {name} is not handed to a run: such variables hold")


def test_a_dockerfile_that_copies_everything_gets_neither_history_nor_variables(
    bed: Bed, dockerfile: Callable[[str], Place]
) -> None:
    copies = "RUN env > /variables && mkdir -p /stolen/run && cp -r /run/. /stolen/run"
    hostile = dockerfile(f"FROM {bed.base}\nCOPY . /stolen\n{copies}\n")
    script = """\
import json, os
walk = [(at, names) for at, _, names in os.walk("/stolen") if not at.startswith("/stolen/run")]
files = [os.path.join(at, name) for at, names in walk for name in names]
words = [line.partition("=")[0] for line in open("/variables")]
print(json.dumps([sorted(files), "s3cr3t-" + "4f9c" in open("/variables").read(), words])); print("loss 1")
"""
    found = attack(hostile, script)
    files, seen, words = json.loads(found.log_tail.splitlines()[0])
    assert files == ["/stolen/Dockerfile", "/stolen/README", "/stolen/train.py"]
    assert not seen
    assert not [word for word in words if re.match("GITHUB|ACTIONS|INPUT|RUNNER|AWS|HF|DOCKER", word)]
