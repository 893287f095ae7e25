"""Nothing of a session stays in the engine, however its process ends; and nothing of anybody else is touched."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import psutil
import pytest
from container_bed import Bed
from engine_objects import data_volume, data_volumes, make, of_session, session, until_gone, wait_for

from runner.container import data_mark
from runner.container.labels import Owner
from runner.container.lease import CannotHold, State, boot, held, seen
from runner.container.reaper import UNUSED_S, reap
from runner.container.removal import NotRemoved, remove_session

pytestmark = pytest.mark.docker
ENGINE = Path("/var/run/docker.sock")


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    with contextlib.closing(docker.from_env()) as client:
        yield client


@pytest.fixture
def foreign(client: docker.DockerClient, bed: Bed) -> Iterator[str]:
    """A container of somebody else's, with labels of their own, that must still run at the end."""
    found = client.containers.run(bed.base, ["sleep", "600"], detach=True, labels={"theirs": "1"}, network_mode="none")
    try:
        yield str(found.id)
        found.reload()
        assert found.status == "running"
    finally:
        found.remove(force=True)


@pytest.fixture
def over(tmp_path: Path, client: docker.DockerClient) -> Iterator[Owner]:
    """The owner of a session of this machine that is over, and whose watchdog was killed too."""
    name = uuid.uuid4().hex
    lease = tmp_path / f"{name}.lease"
    lease.touch()
    yield Owner(name, lease, boot(), time.time() + 3600)
    remove_session(client, name, 60)


def watchdogs(folder: Path) -> list[psutil.Process]:
    """The watchdogs of leases in this folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            if "runner.container.watchdog" in command and any(str(folder) in word for word in command):
                found.append(process)
    return found


def wait_until_it_ends(folder: Path) -> None:
    until = time.monotonic() + 60
    while watchdogs(folder):
        assert time.monotonic() < until
        time.sleep(0.1)


def wait_until_dead(process: psutil.Process) -> None:
    """Its files are closed, and so its locks free, when it is a zombie: not yet when its command line is empty."""
    until = time.monotonic() + 60
    with contextlib.suppress(psutil.NoSuchProcess):
        while process.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < until
            time.sleep(0.01)


def wait_for_rest(process: psutil.Process) -> None:
    """Until it takes no processor time for a second."""
    until = time.monotonic() + 60
    while True:
        before = process.cpu_times()
        time.sleep(1)
        if process.cpu_times() == before:
            return
        assert time.monotonic() < until


@pytest.mark.parametrize("step", ["volume", "network", "created", "running"])
def test_a_killed_process_leaves_nothing(
    step: str, client: docker.DockerClient, bed: Bed, foreign: str, tmp_path: Path
) -> None:
    with session(tmp_path, bed.base) as (process, name):
        wait_for(process, step, random.randint(1, 3))
        time.sleep(random.random() / 5)
        process.kill()
        until_gone(client, name)
    wait_until_it_ends(tmp_path)
    assert of_session(client, name) == []
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_ends_by_itself_removes_all_and_the_watchdog_ends_too(
    client: docker.DockerClient, bed: Bed, foreign: str, tmp_path: Path
) -> None:
    with session(tmp_path, bed.base, "remove") as (process, name):
        wait_for(process, "removed 9")
        assert of_session(client, name) == []
        assert process.wait(60) == 0
    wait_until_it_ends(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_of_two_sessions_only_the_killed_ones_objects_go(client: docker.DockerClient, bed: Bed, tmp_path: Path) -> None:
    with session(tmp_path, bed.base) as (first, one), session(tmp_path, bed.base) as (second, other):
        wait_for(first, "running")
        wait_for(second, "running", 3)
        living = of_session(client, other)
        first.kill()
        until_gone(client, one)
        assert of_session(client, other) == living
        assert reap(client, time.time() + 7200).sessions == ()
        assert of_session(client, other) == living
        second.kill()
        until_gone(client, other)


def test_an_interrupt_and_a_hang_up_of_the_whole_group_leave_the_watchdog_on_watch(
    client: docker.DockerClient, bed: Bed, tmp_path: Path
) -> None:
    with session(tmp_path, bed.base) as (process, name):
        wait_for(process, "running")
        (watchdog,) = watchdogs(tmp_path)
        assert os.getsid(watchdog.pid) != os.getsid(process.pid)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            os.killpg(os.getpgid(watchdog.pid), number)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
        until_gone(client, name)


def test_the_watchdog_holds_no_pipe_lock_folder_or_token_of_the_session(tmp_path: Path) -> None:
    environment = {**os.environ, "GITHUB_TOKEN": "secret", "RUNNER_TRACKING_ID": "job"}
    with held(tmp_path, environment) as lease:
        (watchdog,) = watchdogs(tmp_path)
        descriptors = {str(fd.readlink()) for fd in Path(f"/proc/{watchdog.pid}/fd").iterdir()}
        assert descriptors == {"/dev/null", str(lease.file)}
        assert watchdog.cwd() == "/"
        assert {"GITHUB_TOKEN", "RUNNER_TRACKING_ID"}.isdisjoint(watchdog.environ())
        wait_for_rest(watchdog)
    wait_until_it_ends(tmp_path)


def test_a_pipe_behind_the_session_ends_with_it(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from runner.container.lease import held\n"
        "held(Path(sys.argv[1]), os.environ).__enter__(); print('said'); sys.stdout.flush(); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    assert ran.stdout == "said\n"
    wait_until_it_ends(tmp_path)


def test_an_engine_that_is_away_when_the_process_dies_is_waited_for(
    client: docker.DockerClient, bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = tmp_path / "engine.sock"
    address.symlink_to(ENGINE)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{address}")
    with session(tmp_path / "leases", bed.base) as (process, name):
        wait_for(process, "running", 2)
        address.unlink()
        process.kill()
    time.sleep(2)
    assert of_session(client, name)
    address.symlink_to(ENGINE)
    until_gone(client, name)
    wait_until_it_ends(tmp_path)


def test_the_reaper_removes_what_a_session_left_whose_watchdog_died_too(
    client: docker.DockerClient, bed: Bed, over: Owner, foreign: str
) -> None:
    make(client, bed.base, over)
    found = reap(client, time.time())
    assert over.session in found.sessions
    assert of_session(client, over.session) == []
    assert not over.lease.exists()


def test_the_reaper_leaves_a_session_that_it_cannot_see_until_its_deadline(
    client: docker.DockerClient, bed: Bed, over: Owner
) -> None:
    unseen = Owner(over.session, over.lease, "another machine", time.time() + 3600)
    made = make(client, bed.base, unseen)
    assert over.session not in reap(client, time.time()).sessions
    assert of_session(client, over.session) == sorted(made)
    assert over.session in reap(client, time.time() + 3601).sessions
    assert of_session(client, over.session) == []


def test_a_lease_that_is_gone_says_nothing_about_its_session(
    client: docker.DockerClient, bed: Bed, over: Owner
) -> None:
    made = make(client, bed.base, over)
    over.lease.unlink()
    assert over.session not in reap(client, time.time()).sessions
    assert of_session(client, over.session) == sorted(made)


def test_data_volumes_outlive_their_session_and_go_when_incomplete_or_long_unused(
    client: docker.DockerClient, over: Owner, tmp_path: Path
) -> None:
    digest = uuid.uuid4().hex
    marks = [tmp_path / "marks" / name for name in ("complete", "incomplete", "unused")]
    for mark in marks:
        data_mark.begin(mark)
    complete, incomplete, unused = (data_volume(client, over, digest, mark) for mark in marks)
    for mark in (marks[0], marks[2]):
        data_mark.complete(mark)
    os.utime(marks[2], (0, time.time() - UNUSED_S - 60))
    try:
        remove_session(client, over.session, 60)
        assert data_volumes(client, digest) == sorted([complete, incomplete, unused])
        assert {incomplete, unused} <= set(reap(client, time.time()).volumes)
        assert data_volumes(client, digest) == [complete]
        assert [path.name for path in (tmp_path / "marks").iterdir()] == ["complete"]
    finally:
        for name in data_volumes(client, digest):
            client.volumes.get(name).remove()


def test_a_data_volume_that_is_being_filled_or_is_in_use_stays(
    client: docker.DockerClient, bed: Bed, over: Owner, tmp_path: Path
) -> None:
    digest = uuid.uuid4().hex
    with held(tmp_path, os.environ) as lease:
        owner = lease.owner(time.time() + 3600)
        filling, used = tmp_path / "filling", tmp_path / "used"
        data_mark.begin(filling)
        data_mark.begin(used)
        names = [data_volume(client, owner, digest, filling), data_volume(client, over, digest, used)]
        mount = {names[1]: {"bind": "/data", "mode": "ro"}}
        user = client.containers.create(bed.base, "true", volumes=mount, network_mode="none")
        try:
            assert set(reap(client, time.time()).volumes).isdisjoint(names)
            assert data_volumes(client, digest) == sorted(names)
        finally:
            user.remove()
            for name in data_volumes(client, digest):
                client.volumes.get(name).remove()
    wait_until_it_ends(tmp_path)


def test_what_cannot_be_removed_in_time_is_named_with_the_command_that_does_it(
    client: docker.DockerClient, bed: Bed, over: Owner
) -> None:
    volume = client.volumes.create(labels=over.labels("test"))
    mount = {volume.name: {"bind": "/v", "mode": "rw"}}
    user = client.containers.create(bed.base, "true", volumes=mount, network_mode="none")
    try:
        with pytest.raises(NotRemoved) as failed:
            remove_session(client, over.session, 0.5)
        assert f"not removed from the engine in time: volume {volume.name}" in str(failed.value)
        assert f"docker volume ls -q --filter label=ml-experiment.session={over.session}" in str(failed.value)
    finally:
        user.remove()


def test_a_lease_is_held_by_a_living_session_and_free_after_it(tmp_path: Path) -> None:
    with held(tmp_path, os.environ) as lease:
        with seen(lease.owner(0)) as state:
            assert state is State.LIVING
        owner = lease.owner(0)
        for watchdog in watchdogs(tmp_path):
            watchdog.kill()
            wait_until_dead(watchdog)
    with seen(owner) as state:
        assert state is State.OVER


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotHold, match="cannot keep a lease there"), held(tmp_path / "file", os.environ):
        pytest.fail("nothing is started without a lease")


def test_a_watchdog_that_does_not_start_is_said_and_leaves_no_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(CannotHold, match="its watchdog ended at once, with 1"), held(tmp_path, os.environ):
        pytest.fail("nothing is started without a watchdog")
    assert list(tmp_path.iterdir()) == []
