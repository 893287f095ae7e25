"""T6: no way to the host: no socket, no host path, no right, no program that would give one; and an engine that gives
more than was asked for starts nothing."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from container_bed import Bed
from container_place import Place, outcome
from private_engine import private_engine
from unharmed import attack, unharmed

from experiment.record import Status
from experiment.spec import EnvironmentSpec
from runner.container.image import HostileImage, VolumeInTheWay
from runner.container.opening import CannotLookInside
from runner.environment.dockerfile_refusals import ForbiddenImageVariable
from runner.sandbox import SandboxBreached

pytestmark = pytest.mark.docker

TRY = """\
import ctypes, json, os, stat
libc = ctypes.CDLL(None, use_errno=True)
found = {}

def attempt(name, what):
    try:
        result = what()
        if isinstance(result, int) and result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        found[name] = "done"
    except OSError as error:
        found[name] = error.strerror

"""
TELL = """
print(json.dumps(found)); print("loss 1")
"""


def tried(place: Place, attempts: str) -> dict[str, Any]:
    """What each attempt came to, by its name."""
    found = attack(place, TRY + attempts + TELL)
    assert outcome(found) == (Status.OK, "")
    result: dict[str, Any] = json.loads(found.log_tail.splitlines()[0])
    return result


def test_there_is_no_engine_socket_and_no_device_of_the_host(place: Place) -> None:
    found = tried(
        place,
        """
sockets, devices = [], []
for at, folders, files in os.walk("/"):
    folders[:] = [f for f in folders if os.path.join(at, f) not in ("/proc", "/sys")]
    for name in files:
        mode = os.lstat(os.path.join(at, name)).st_mode
        if stat.S_ISSOCK(mode):
            sockets.append(os.path.join(at, name))
        elif stat.S_ISBLK(mode) or stat.S_ISCHR(mode):
            devices.append(os.path.join(at, name))
found = {"sockets": sockets, "devices": sorted(devices)}
""",
    )
    assert found["sockets"] == []
    usual = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"}
    assert {path.removeprefix("/dev/").removeprefix("pts/") for path in found["devices"]} <= usual


def test_it_has_no_capability_gets_no_new_one_and_is_filtered(place: Place) -> None:
    found = tried(
        place,
        """
found = dict(line.rstrip("\\n").split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
wanted = ("Uid", "Gid", "NoNewPrivs", "Seccomp", "Groups")
found = {name: value for name, value in found.items() if name.startswith("Cap") or name in wanted}
""",
    )
    assert {found[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")
    assert {*found["Uid"].split(), *found["Gid"].split()} == {"65534"}
    assert found["Groups"].strip() in ("", "65534")


def test_system_calls_that_lead_out_are_refused(place: Place) -> None:
    found = tried(
        place,
        """
here = os.getcwd()
attempt("mount", lambda: libc.mount(b"proc", here.encode(), b"proc", 0, None))
attempt("bind mount", lambda: libc.mount(b"/etc", here.encode(), None, 4096, None))
attempt("chroot", lambda: os.chroot(here))
attempt("pivot_root", lambda: libc.syscall(155, here.encode(), here.encode()))
attempt("block device", lambda: os.mknod("disk", stat.S_IFBLK | 0o666, os.makedev(8, 0)))
attempt("memory device", lambda: os.mknod("mem", stat.S_IFCHR | 0o666, os.makedev(1, 1)))
attempt("new user namespace", lambda: libc.unshare(0x10000000))
attempt("new mount namespace", lambda: libc.unshare(0x20000))
attempt("join the first process's namespaces", lambda: libc.setns(os.open("/proc/1/ns/mnt", os.O_RDONLY), 0))
attempt("trace a process outside", lambda: libc.ptrace(16, 30000, 0, 0))
attempt("become root", lambda: os.setuid(0))
attempt("another group", lambda: os.setgroups([0]))
attempt("kernel module", lambda: libc.syscall(313, 0, b"", 0))
attempt("kernel keys", lambda: libc.syscall(250, 0, 0, 0))
attempt("bpf", lambda: libc.syscall(321, 0, 0, 0))
attempt("open by handle", lambda: libc.syscall(304, -100, b"", 0))
attempt("host name", lambda: libc.sethostname(b"x", 1))
attempt("clock", lambda: libc.syscall(227, 0, ctypes.create_string_buffer(16)))
attempt("reboot", lambda: libc.reboot(0x01234567))
attempt("kernel setting", lambda: open("/proc/sys/kernel/core_pattern", "w"))
attempt("sysrq", lambda: open("/proc/sysrq-trigger", "w"))
attempt("cgroup", lambda: os.mkdir("/sys/fs/cgroup/x"))
attempt("disk", lambda: open("/dev/sda", "rb"))
""",
    )
    assert "done" not in found.values(), found
    assert found["mount"] == found["chroot"] == found["become root"] == "Operation not permitted"
    assert {found["cgroup"], found["kernel setting"]} <= {"Read-only file system", "Permission denied"}


def test_programs_with_the_set_user_bit_give_no_right(place: Place) -> None:
    found = tried(
        place,
        """
import subprocess
for program in ("/bin/su", "/usr/bin/passwd", "/bin/mount", "/usr/bin/chfn", "/usr/bin/newgrp"):
    if os.path.exists(program) and os.stat(program).st_mode & stat.S_ISUID:
        found[program] = "set-user bit"
ran = subprocess.run(["/bin/sh", "-c", "su -c id root"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
found["su"] = ran.stdout
open("mine", "w").write("#!/bin/sh\\nid -u\\n"); os.chmod("mine", 0o6755)
found["mine"] = subprocess.run(["./mine"], capture_output=True, text=True).stdout.strip()
""",
    )
    assert "set-user bit" in found.values()
    assert "uid=0" not in found["su"]
    assert found["mine"] == "65534"


def test_volumes_and_gpus_that_an_image_declares_give_no_space_and_no_device(
    bed: Bed, dockerfile: Callable[[str], Place]
) -> None:
    greedy = dockerfile(
        f"FROM {bed.base}\nVOLUME /var/lib/greedy /srv/more/\n"
        "RUN mkdir -p /srv/more && chmod 777 /srv/more\nUSER root\nEXPOSE 22\nENTRYPOINT ['/bin/false']\n"
        "HEALTHCHECK CMD touch /srv/more/checked\n"
    )
    script = """
import json, os
kinds = {line.split()[1]: line.split()[2] for line in open("/proc/mounts")}
gpus = os.environ["NVIDIA_VISIBLE_DEVICES"]
print(json.dumps([kinds.get("/var/lib/greedy"), kinds.get("/srv/more"), os.getuid(), gpus])); print("loss 1")
"""
    found = attack(greedy, script)
    assert json.loads(found.log_tail.splitlines()[0]) == ["tmpfs", "tmpfs", 65534, "void"]


@pytest.mark.parametrize("at", ["/ml-experiment/kit", "/ml-experiment/work/tree", "/proc", "/sys/fs", "/dev/shm"])
def test_an_image_that_declares_a_volume_at_a_place_of_the_sandbox_is_refused(
    place: Place, bed: Bed, pushed: Callable[[str], str], at: str
) -> None:
    place.spec["environment"] = EnvironmentSpec(image=pushed(f"FROM {bed.base}\nVOLUME {at}\n"))
    place.write("train.py", "print('loss 1')")
    with unharmed(place), pytest.raises(VolumeInTheWay) as refused:
        place.run("print('loss 1')")
    assert f"the image declares a volume at {at}, where the sandbox has something of its own" in str(refused.value)


@pytest.mark.parametrize("at", ["/tmp", "/tmp/cache"])
def test_a_volume_in_the_scratch_folder_is_memory_as_that_is(
    place: Place, bed: Bed, pushed: Callable[[str], str], at: str
) -> None:
    place.spec["environment"] = EnvironmentSpec(image=pushed(f"FROM {bed.base}\nVOLUME {at}\n"))
    kinds = f"[line.split()[2] for line in open('/proc/mounts') if line.split()[1] == '{at}']"
    assert attack(place, f"print({kinds}[-1]); print('loss 1')").log_tail.splitlines()[0] == "tmpfs"


def test_an_image_whose_volume_hides_its_programs_says_so(place: Place, bed: Bed, pushed: Callable[[str], str]) -> None:
    place.spec["environment"] = EnvironmentSpec(image=pushed(f"FROM {bed.base}\nVOLUME /usr\n"))
    place.write("train.py", "print('loss 1')")
    with unharmed(place), pytest.raises(CannotLookInside) as refused:
        place.run("print('loss 1')")
    assert "the image does not start" in str(refused.value)


@pytest.mark.parametrize("variable", ["LD_PRELOAD", "LD_AUDIT"])
def test_an_image_that_would_be_loaded_into_programs_outside_is_refused(
    place: Place, bed: Bed, pushed: Callable[[str], str], variable: str
) -> None:
    place.spec["environment"] = EnvironmentSpec(image=pushed(f"FROM {bed.base}\nENV {variable}=/evil.so\n"))
    place.write("train.py", "print('loss 1')")
    with unharmed(place), pytest.raises(HostileImage) as refused:
        place.run("print('loss 1')")
    assert f"the image sets {variable}=/evil.so\n" in str(refused.value)


def test_an_image_that_asks_for_all_gpus_gets_none(place: Place, bed: Bed, pushed: Callable[[str], str]) -> None:
    wants = "ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=all\n"
    place.spec["environment"] = EnvironmentSpec(image=pushed(f"FROM {bed.base}\n{wants}"))
    found = attack(place, "import os; print(os.environ['NVIDIA_VISIBLE_DEVICES']); print('loss 1')")
    assert found.log_tail.splitlines()[0] == "void"


@pytest.mark.parametrize("variable", ["LD_PRELOAD", "LD_AUDIT", "NVIDIA_VISIBLE_DEVICES"])
def test_a_dockerfile_that_sets_what_steers_the_host_is_refused_before_it_is_built(
    bed: Bed, dockerfile: Callable[[str], Place], variable: str
) -> None:
    hostile = dockerfile(f"FROM {bed.base}\nENV A=1 \\\n    {variable}=all\n")
    hostile.write("train.py", "print('loss 1')")
    with unharmed(hostile), pytest.raises(ForbiddenImageVariable) as refused:
        hostile.run("print('loss 1')")
    assert str(refused.value).startswith(f"{hostile.root}/Dockerfile:3: ENV sets {variable}")


@pytest.mark.root
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--add-runtime=other=/usr/sbin/runc", "--default-runtime=other"), "HostConfig.Runtime: other"),
        (("--default-ulimit=core=-1:-1",), "HostConfig.Ulimits: [{'Name': 'core', 'Hard': -1, 'Soft': -1}]"),
    ],
)
def test_an_engine_that_gives_more_than_was_asked_for_starts_nothing(
    place: Place, bed: Bed, options: tuple[str, ...], told: str
) -> None:
    with private_engine(*options) as engine:
        engine.pull(bed.base)
        place.inherited["DOCKER_HOST"] = engine.address
        place.write("train.py", "print('loss 1')")
        with unharmed(place), pytest.raises(SandboxBreached) as refused:
            place.run("print('loss 1')")
        assert f"the engine made a container with more than was asked for: {told}\n" in str(refused.value)
        until = int(time.time()) + 2  # whole seconds, and the present one belongs to it
        events = engine.docker("events", "--since=1h", f"--until={until}", "--format={{.Action}}").stdout.split()
        assert "create" in events
        assert "start" not in events
        assert engine.docker("ps", "--all", "--quiet").stdout == ""
