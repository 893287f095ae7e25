"""The sandbox: what is asked of the engine, and that anything more than that is seen."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.sandbox import Limits, Sandbox, Volume, excess, request

ASKED = Sandbox(
    image="sha256:" + "a" * 64,
    command="python train.py",
    folder="/ml-experiment/work/tree",
    labels={"ml-experiment.session": "s"},
    limits=Limits(memory=2**30, shm=2**20, scratch=2**21, processors=(0, 1)),
    variables={"OMP_NUM_THREADS": "2"},
    volumes=(Volume("kit", "/ml-experiment/kit"), Volume("work", "/ml-experiment/work", writable=True)),
    in_memory=("/var/lib/data",),
    gpus=("GPU-1",),
)


def inspected(sandbox: Sandbox = ASKED) -> dict[str, Any]:
    """What an engine tells of a container that is as was asked for, with its own defaults and the image's variables."""
    asked = copy.deepcopy(request(sandbox))
    host = asked.pop("HostConfig")
    mounts = [
        {"Type": m["Type"], "Name": m.get("Source", ""), "Destination": m["Target"], "RW": not m.get("ReadOnly", False)}
        for m in host.pop("Mounts")
    ]
    host |= {"Privileged": False, "Binds": None, "CapAdd": None, "Devices": [], "PidMode": "", "Runtime": "runc"}
    host["DeviceRequests"] = [{**gpu, "Options": {}} for gpu in host["DeviceRequests"]] or None
    asked["Env"] = [*asked["Env"], "PATH=/usr/bin"]
    return {"HostConfig": host, "Config": asked, "Mounts": mounts}


def test_what_was_asked_for_is_no_excess() -> None:
    assert excess(ASKED, inspected()) == ()


def test_it_has_no_network_no_rights_and_no_host_path_by_default() -> None:
    host = request(ASKED)["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["ReadonlyRootfs"] is True
    assert host["MemorySwap"] == host["Memory"] == 2**30
    assert {mount["Type"] for mount in host["Mounts"]} == {"volume", "tmpfs"}
    assert request(ASKED)["User"] == "65534:65534"


def test_gpus_are_those_given_whatever_the_image_says() -> None:
    assert request(ASKED)["HostConfig"]["DeviceRequests"][0]["DeviceIDs"] == ["GPU-1"]
    assert "NVIDIA_VISIBLE_DEVICES=GPU-1" in request(ASKED)["Env"]
    none = Sandbox(image="i", command="c", folder="/", labels={}, limits=ASKED.limits)
    assert request(none)["HostConfig"]["DeviceRequests"] == []
    assert "NVIDIA_VISIBLE_DEVICES=void" in request(none)["Env"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Privileged", True),
        ("Binds", ["/:/host"]),
        ("CapAdd", ["SYS_ADMIN"]),
        ("CapDrop", None),
        ("SecurityOpt", ["no-new-privileges", "seccomp=unconfined"]),
        ("SecurityOpt", None),
        ("ReadonlyRootfs", False),
        ("NetworkMode", "host"),
        ("PidMode", "host"),
        ("IpcMode", "host"),
        ("UTSMode", "host"),
        ("UsernsMode", "host"),
        ("PidsLimit", None),
        ("PidsLimit", 0),
        ("Memory", 0),
        ("MemorySwap", -1),
        ("ShmSize", 2**40),
        ("CpusetCpus", ""),
        ("Tmpfs", {"/tmp": "exec"}),
        ("Devices", [{"PathOnHost": "/dev/sda"}]),
        ("DeviceRequests", [{"Count": -1, "DeviceIDs": None, "Capabilities": [["gpu"]]}]),
        ("DeviceRequests", None),
        ("VolumesFrom", ["other"]),
        ("ExtraHosts", ["host:host-gateway"]),
        ("Sysctls", {"net.ipv4.ip_forward": "1"}),
        ("Runtime", "unknown"),
        ("PortBindings", {"80/tcp": [{}]}),
        ("LogConfig", {"Type": "syslog", "Config": {}}),
        ("OomKillDisable", True),
    ],
)
def test_anything_more_is_a_breach(key: str, value: object) -> None:
    found = inspected()
    found["HostConfig"][key] = value
    told = excess(ASKED, found)
    assert len(told) == 1
    assert key in told[0]


def test_a_restriction_that_the_engine_does_not_tell_is_a_breach() -> None:
    for key in ("NetworkMode", "CapDrop", "SecurityOpt", "ReadonlyRootfs", "PidsLimit", "Memory", "MemorySwap"):
        found = inspected()
        del found["HostConfig"][key]
        assert any(key in text for text in excess(ASKED, found)), key


@pytest.mark.parametrize(
    ("mount", "says"),
    [
        ({"Type": "bind", "Source": "/", "Destination": "/host", "RW": True}, "mount /host"),
        ({"Type": "bind", "Source": "/var/run/docker.sock", "Destination": "/var/run/docker.sock"}, "docker.sock"),
        ({"Type": "volume", "Name": "anonymous", "Destination": "/data", "RW": True}, "mount /data"),
        ({"Type": "volume", "Name": "other", "Destination": "/ml-experiment/kit", "RW": False}, "/ml-experiment/kit"),
    ],
)
def test_a_mount_nobody_asked_for_is_a_breach(mount: dict[str, Any], says: str) -> None:
    found = inspected()
    found["Mounts"].append(mount)
    assert any(says in text for text in excess(ASKED, found))


def test_a_mount_that_should_be_read_only_or_is_missing() -> None:
    found = inspected()
    found["Mounts"][0]["RW"] = True
    assert excess(ASKED, found) == ("mount /ml-experiment/kit can be written to",)
    found["Mounts"] = found["Mounts"][1:]
    assert excess(ASKED, found) == ("mount /ml-experiment/kit is missing",)


def test_another_user_command_or_variable() -> None:
    for key, value in (("User", "0"), ("Cmd", ["x"]), ("Entrypoint", None), ("WorkingDir", "/")):
        found = inspected()
        found["Config"][key] = value
        assert excess(ASKED, found) == (f"Config.{key}: {value}",)
    found = inspected()
    found["Config"]["Env"] = [entry for entry in found["Config"]["Env"] if not entry.startswith("NVIDIA")]
    assert excess(ASKED, found) == ("Config.Env lacks NVIDIA_VISIBLE_DEVICES",)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=2))


@given(st.sampled_from(sorted(inspected()["HostConfig"])), JSON)
def test_no_setting_of_the_host_changes_unseen(key: str, value: object) -> None:
    found = inspected()
    before = found["HostConfig"][key]
    found["HostConfig"][key] = value
    harmless = value == before or (not value and not before) or key == "Init"
    assert harmless or excess(ASKED, found) != ()


def test_variables_never_show_in_a_repr() -> None:
    secret = Sandbox(image="i", command="c", folder="/", labels={}, limits=ASKED.limits, variables={"KEY": "secret"})
    assert "secret" not in repr(secret)
