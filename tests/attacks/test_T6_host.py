"""T6: no way to the host: no socket, no host path, no right, no program that would give one; and an engine that gives
more than was asked for starts nothing."""

import json
from collections.abc import Callable, Iterator

import pytest
from container_bed import Bed
from container_place import Place, outcome
from private_engine import PrivateEngine, private_engine
from unharmed import attack, unharmed

from experiment.record import Status
from experiment.spec import EnvironmentSpec
from runner.container.image import HostileImage
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


def tried(place: Place, attempts: str) -> dict[str, str]:
    """What each attempt came to, by its name."""
    found = attack(place, TRY + attempts + TELL)
    assert outcome(found) == (Status.OK, "")
    result: dict[str, str] = json.loads(found.log_tail.splitlines()[0])
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
found = {k: v for k, v in found.items() if k.startswith("Cap") or k in ("Uid", "Gid", "NoNewPrivs", "Seccomp", "Groups")}
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
attempt("trace the first process", lambda: libc.ptrace(16, 1, 0, 0))
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
    assert found["kernel setting"] == found["cgroup"] == "Read-only file system"


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
print(json.dumps([kinds.get("/var/lib/greedy"), kinds.get("/srv/more"), os.getuid(), os.environ["NVIDIA_VISIBLE_DEVICES"]]))
print("loss 1")
"""
    found = attack(greedy, script)
    assert json.loads(found.log_tail.splitlines()[0]) == ["tmpfs", "tmpfs", 65534, "void"]


@pytest.mark.parametrize(
    "at", ["/tmp", "/tmp/cache", "/ml-experiment/kit", "/ml-experiment/work/tree", "/proc", "/usr"]
)
def test_an_image_that_declares_a_volume_at_a_place_of_ours(
    place: Place, bed: Bed, pushed: Callable[[str], str], at: str
) -> None:
    place.spec["environment"] = EnvironmentSpec(image=pushed(f"FROM {bed.base}\nVOLUME {at}\n"))
    found = attack(place, "print('loss 1')")
    assert outcome(found) == (Status.OK, "")
