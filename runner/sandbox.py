"""The one builder of containers: what a sandbox may have, how the engine is asked, and whether it gave any more."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from experiment.errors import InfrastructureFailed

USER = "65534:65534"
SCRATCH = "/tmp"  # inside, memory of its own
NO_NETWORK = "none"
BRIDGE = "bridge"
_LOG = {"Type": "json-file", "Config": {"max-size": "16m", "max-file": "2"}}
_CACHES = {
    "HOME": SCRATCH,
    "XDG_CACHE_HOME": f"{SCRATCH}/.cache",
    "MPLCONFIGDIR": f"{SCRATCH}/.cache/matplotlib",
    "TORCHINDUCTOR_CACHE_DIR": f"{SCRATCH}/.cache/torchinductor",
    "TRITON_CACHE_DIR": f"{SCRATCH}/.cache/triton",
    "NUMBA_CACHE_DIR": f"{SCRATCH}/.cache/numba",
    "CUDA_CACHE_PATH": f"{SCRATCH}/.cache/cuda",
}
"""All that frameworks write beside the work: the root of the file system is read-only, so they need a place."""


class SandboxBreached(InfrastructureFailed):
    """The engine made a container with more than was asked for. It was removed before anything ran in it."""


@dataclass(frozen=True)
class Volume:
    """A volume of ours and where it is mounted."""

    name: str
    target: str
    writable: bool = False


@dataclass(frozen=True)
class Limits:
    """What one container may use: bytes, processors by number (None: all), processes. Swap is never added to memory."""

    memory: int
    shm: int
    scratch: int
    processors: tuple[int, ...] | None = None
    processes: int = 4096


@dataclass(frozen=True)
class Sandbox:
    """Everything one container gets. What is not here it does not get, whatever its image says.

    `image` is an image's id; `command` is run by its /bin/sh; `variables` come on top of the image's own;
    `in_memory`: folders the image declares as volumes, which would otherwise be uncapped space on the host;
    `gpus`: by UUID; `network`: NO_NETWORK, BRIDGE, or `container:ID` to share another sandbox's; `listens`: whether
    its standard input stays open; `logged`: whether the engine keeps what it prints.
    """

    image: str
    command: str
    folder: str
    labels: Mapping[str, str]
    limits: Limits
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    volumes: tuple[Volume, ...] = ()
    in_memory: tuple[str, ...] = ()
    gpus: tuple[str, ...] = ()
    network: str = NO_NETWORK
    listens: bool = False
    logged: bool = True


def request(sandbox: Sandbox) -> dict[str, Any]:
    """The body of the engine's `POST /containers/create`."""
    limits, gpus = sandbox.limits, ",".join(sandbox.gpus)
    # An image's own NVIDIA_VISIBLE_DEVICES=all (every CUDA image has it) must not choose for us; `void` gives none.
    variables = {**_CACHES, **sandbox.variables, "NVIDIA_VISIBLE_DEVICES": gpus or "void"}
    asked: dict[str, Any] = {
        "Image": sandbox.image,
        "User": USER,
        "WorkingDir": sandbox.folder,
        "Entrypoint": ["/bin/sh", "-c"],
        "Cmd": [sandbox.command],
        "Env": [f"{name}={value}" for name, value in sorted(variables.items())],
        "Labels": dict(sandbox.labels),
        "OpenStdin": sandbox.listens,
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": {
            "NetworkMode": sandbox.network,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": True,
            "Init": True,
            "IpcMode": "private",
            "PidsLimit": limits.processes,
            "Memory": limits.memory,
            "MemorySwap": limits.memory,
            "ShmSize": limits.shm,
            "CpusetCpus": ",".join(map(str, limits.processors or ())),
            # The engine's own answer is noexec and without a limit; compilers of kernels need exec.
            "Tmpfs": {SCRATCH: f"rw,exec,nosuid,nodev,mode=1777,size={limits.scratch}"},
            "Mounts": [_volume(volume) for volume in sandbox.volumes]
            + [_memory(target, limits.scratch) for target in sandbox.in_memory],
            "DeviceRequests": [_gpus(sandbox.gpus)] if sandbox.gpus else [],
            "LogConfig": _LOG if sandbox.logged else {"Type": "none", "Config": {}},
        },
    }
    if not sandbox.network.startswith("container:"):
        asked["Hostname"] = "ml-experiment"
    return asked


def _volume(volume: Volume) -> dict[str, Any]:
    options = {"NoCopy": True}  # an image's own files at that place must not get into our volume
    return {
        "Type": "volume",
        "Source": volume.name,
        "Target": volume.target,
        "ReadOnly": not volume.writable,
        "VolumeOptions": options,
    }


def _memory(target: str, size: int) -> dict[str, Any]:
    return {"Type": "tmpfs", "Target": target, "TmpfsOptions": {"SizeBytes": size, "Mode": 0o1777}}


def _gpus(uuids: tuple[str, ...]) -> dict[str, Any]:
    return {"Driver": "", "Count": 0, "DeviceIDs": list(uuids), "Capabilities": [["gpu"]]}


_FORBIDDEN = (
    *("Binds", "CapAdd", "Devices", "DeviceCgroupRules", "Dns", "DnsOptions", "DnsSearch", "ExtraHosts", "GroupAdd"),
    *("Links", "VolumesFrom", "Ulimits", "PortBindings", "Sysctls", "StorageOpt"),
)
_SAME_IN_HOST = (
    *("NetworkMode", "CapDrop", "SecurityOpt", "ReadonlyRootfs", "IpcMode", "PidsLimit", "Memory", "MemorySwap"),
    *("ShmSize", "CpusetCpus", "Tmpfs", "LogConfig"),
)
_SAME_IN_CONFIG = ("User", "WorkingDir", "Entrypoint", "Cmd")
_ONLY = {
    "Privileged": (False,),
    "PublishAllPorts": (False,),
    "OomKillDisable": (False, None),
    "PidMode": ("",),
    "UTSMode": ("",),
    "UsernsMode": ("",),
    "CgroupParent": ("",),
    "CgroupnsMode": ("private", "host", ""),  # cgroup version 1 knows no private one; the files are read-only
    "Runtime": ("runc", "crun", "runsc", "kata-runtime", "nvidia"),
    "VolumeDriver": ("",),
}


def excess(sandbox: Sandbox, found: Mapping[str, Any]) -> tuple[str, ...]:
    """What a created container has beyond, or other than, what was asked for; `found` is the engine's `inspect`.

    Empty where it is what it should be. A key that an engine does not tell is only accepted where it grants something
    when present; a restriction that is not told is a breach.
    """
    asked, host, config = request(sandbox), found.get("HostConfig") or {}, found.get("Config") or {}
    wanted: dict[str, Any] = asked["HostConfig"]
    told = [f"HostConfig.{name}: {host[name]}" for name in _FORBIDDEN if host.get(name)]
    told += [f"HostConfig.{name}: {host[name]}" for name in _ONLY if name in host and host[name] not in _ONLY[name]]
    told += [
        f"HostConfig.{name}: {host.get(name)}, asked for {wanted[name]}"
        for name in _SAME_IN_HOST
        if host.get(name) != wanted[name]
    ]
    if _granted(host.get("DeviceRequests")) != _granted(wanted["DeviceRequests"]):
        told.append(f"HostConfig.DeviceRequests: {host.get('DeviceRequests')}")
    told += [f"Config.{name}: {config.get(name)}" for name in _SAME_IN_CONFIG if config.get(name) != asked[name]]
    if missing := sorted(set(asked["Env"]) - set(config.get("Env") or [])):
        told.append(f"Config.Env lacks {', '.join(entry.partition('=')[0] for entry in missing)}")
    return tuple(told + _mounts(sandbox, found))


def _granted(gpus: Any) -> list[object]:
    """What of device requests counts; whatever is of another form equals nothing that is asked for."""
    return [
        (gpu.get("Count"), gpu.get("DeviceIDs"), gpu.get("Capabilities"), gpu.get("Options") or {})
        if isinstance(gpu, Mapping)
        else gpu
        for gpu in (gpus if isinstance(gpus, list) else [gpus] if gpus else [])
    ]


def _mounts(sandbox: Sandbox, found: Mapping[str, Any]) -> list[str]:
    """Mounts nobody asked for (of the host, an image's own volumes), and those that should not be written to."""
    wanted = {(volume.target, "volume", volume.name): volume.writable for volume in sandbox.volumes}
    wanted |= {(target, "tmpfs", ""): True for target in sandbox.in_memory}
    given = {}
    for mount in found.get("Mounts") or []:
        given[mount.get("Destination"), mount.get("Type"), mount.get("Name") or ""] = bool(mount.get("RW"))
    told = [f"mount {target} ({kind} {name})" for target, kind, name in sorted(given.keys() - wanted.keys(), key=str)]
    told += [f"mount {key[0]} is missing" for key in sorted(wanted.keys() - given.keys())]
    return told + [f"mount {key[0]} can be written to" for key, rw in given.items() if rw and wanted.get(key) is False]
