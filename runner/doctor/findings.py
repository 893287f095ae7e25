"""What facts about a machine mean for an experiment: each finding says what was found and, where needed, what to do."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from runner.container.engine import OLDEST_API
from runner.doctor.facts import Engine, Facts, Folder, Needs, NoEngine, Runner, Trouble

SAFE_TOOLKIT = (1, 17, 8)  # before it, an image's variables could run programs on the host (CVE-2025-23266)
OLDEST_PYTHON = (3, 11)
IMAGE_BYTES = 5 * 2**30  # an unpacked training image without GPU libraries, and its layers while they are unpacked
GPU_IMAGE_BYTES = 25 * 2**30  # the same with CUDA
LEAST_BYTES = 2**30
CACHE_BYTES = 5 * 2**30  # environments of a lock with a large framework


class Level(StrEnum):
    """How bad it is. A problem stops the experiment; a warning does not, or not this one."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `remedy` is empty where all is well."""

    name: str
    level: Level
    found: str
    remedy: str = ""


def findings(facts: Facts) -> tuple[Finding, ...]:
    """Everything there is to say, in an order a person would check it in."""
    return tuple(_all(facts))


def _all(facts: Facts) -> Iterator[Finding]:
    yield _python(facts)
    yield _uv(facts)
    engine, needs = facts.engine, facts.needs
    if isinstance(engine, NoEngine):
        yield _no_engine(engine, needs)
    else:
        yield _engine(engine, needs)
        yield _cli(facts)
        yield _buildx(facts)
        yield Finding("cgroup", Level.OK, f"version {engine.cgroup}")
        yield _limits(engine, needs)
        yield _seccomp(engine, needs)
        yield _disk(engine, needs)
    yield from _gpus(facts)
    yield from _runner(facts)
    yield _folder("cache", facts.cache, CACHE_BYTES, "keep it elsewhere: ML_EXPERIMENT_CACHE=FOLDER")
    if facts.state is not None:
        yield _folder("state", facts.state, LEAST_BYTES, "make it writable for the user who runs this command")


def _container_level(needs: Needs | None) -> Level:
    """How bad it is that containers do not work: nothing to worry about for an experiment with a lock."""
    if needs is None:
        return Level.WARNING
    return Level.PROBLEM if needs.container else Level.OK


def _python(facts: Facts) -> Finding:
    if facts.needs is not None and facts.needs.python_missing:
        remedy = "install one that fits (uv python install VERSION, or your system's packages), or lock again"
        return Finding("python", Level.PROBLEM, f"{facts.python}; {facts.needs.python_missing}", remedy)
    if _version(facts.python)[:2] < OLDEST_PYTHON:
        return Finding("python", Level.PROBLEM, facts.python, f"install {_dotted(OLDEST_PYTHON)} or newer")
    return Finding("python", Level.OK, facts.python)


def _uv(facts: Facts) -> Finding:
    if facts.uv:
        return Finding("uv", Level.OK, f"{facts.uv}; a virtual environment can be made")
    level = Level.WARNING if facts.needs is not None and facts.needs.container else Level.PROBLEM
    return Finding("uv", level, facts.uv_trouble, "install ml-experiment again with its dependencies: pip install uv")


def _no_engine(engine: NoEngine, needs: Needs | None) -> Finding:
    level = _container_level(needs)
    found = {
        Trouble.ABSENT: f"no engine at {engine.address}",
        Trouble.DENIED: f"no permission to use the engine at {engine.address}",
        Trouble.SILENT: f"the engine at {engine.address} gives no sensible answer: {engine.said}",
    }[engine.trouble]
    remedy = {
        Trouble.ABSENT: "install and start one (Debian: apt-get install docker.io), or say where it is: DOCKER_HOST",
        Trouble.DENIED: "run as root, or join the socket's group: usermod -aG docker USER (that is root's power)",
        Trouble.SILENT: "see its log (journalctl -u docker), start it again",
    }[engine.trouble]
    if level is Level.OK:
        return Finding("engine", level, f"{found}; not needed: the environment is a lock")
    return Finding("engine", level, found, remedy)


def _engine(engine: Engine, needs: Needs | None) -> Finding:
    found = f"{engine.version}, API {_dotted(engine.api)}"
    if engine.api < OLDEST_API:
        remedy = f"install version 20.10 (API {_dotted(OLDEST_API)}) or newer"
        return _unless_unneeded("engine", _container_level(needs), found, remedy)
    return Finding("engine", Level.OK, found)


def _cli(facts: Facts) -> Finding:
    if facts.cli:
        return Finding("docker command", Level.OK, facts.cli)
    remedy = "apt-get install docker-cli (Debian 12: docker.io)"
    return _for_builds("docker command", "not installed", facts.needs, remedy)


def _buildx(facts: Facts) -> Finding:
    if facts.buildx:
        return Finding("buildx", Level.OK, facts.buildx)
    needs = facts.needs
    if needs is not None and needs.build and not needs.buildkit:
        return Finding("buildx", Level.OK, "not installed; not needed: the classic builder can do this Dockerfile")
    found = "not installed" + (f"; this Dockerfile needs it: {needs.buildkit}" if needs and needs.buildkit else "")
    return _for_builds(
        "buildx", found, needs, "install the plugin docker-buildx of your system or of Docker's packages"
    )


def _for_builds(name: str, found: str, needs: Needs | None, remedy: str) -> Finding:
    """Something only a Dockerfile needs."""
    if needs is None:
        return Finding(name, Level.WARNING, f"{found}; Dockerfiles with cache mounts or heredocs need it", remedy)
    return _unless_unneeded(name, Level.PROBLEM if needs.build else Level.OK, found, remedy)


def _limits(engine: Engine, needs: Needs | None) -> Finding:
    lacking = [
        name
        for name, there in (("memory", engine.memory_limit), ("swap", engine.swap_limit), ("pids", engine.pids_limit))
        if not there
    ]
    if not lacking:
        return Finding("limits", Level.OK, "memory, swap and number of processes can be limited")
    remedy = "start Linux with: cgroup_enable=memory swapaccount=1; without it a run can take the whole machine"
    level = _container_level(needs) if "memory" in lacking else min(_container_level(needs), Level.WARNING, key=_order)
    return _unless_unneeded("limits", level, f"the engine cannot limit: {', '.join(lacking)}", remedy)


def _seccomp(engine: Engine, needs: Needs | None) -> Finding:
    if engine.seccomp:
        return Finding("seccomp", Level.OK, "the engine filters system calls")
    remedy = "use an engine with seccomp: without it a container reaches more of the kernel than it should"
    return _unless_unneeded("seccomp", _container_level(needs), "the engine does not filter system calls", remedy)


def _disk(engine: Engine, needs: Needs | None) -> Finding:
    if engine.free_bytes is None:
        return Finding("disk", Level.OK, f"the engine's folder {engine.root} is not on this machine: not looked at")
    found = f"{_gib(engine.free_bytes)} free in {engine.root}"
    image = 0 if engine.has_image else GPU_IMAGE_BYTES if needs is not None and needs.gpus else IMAGE_BYTES
    wanted = image + (needs.disk_bytes if needs is not None else 0)
    remedy = "make room: docker system df says what is used, docker image prune removes images nobody uses"
    if engine.free_bytes < LEAST_BYTES + (needs.disk_bytes if needs is not None else 0):
        return _unless_unneeded("disk", _container_level(needs), found, remedy)
    if engine.free_bytes < wanted:
        level = min(_container_level(needs), Level.WARNING, key=_order)
        return _unless_unneeded("disk", level, f"{found}; image and run may take {_gib(wanted)}", remedy)
    return Finding("disk", Level.OK, found)


def _gpus(facts: Facts) -> Iterator[Finding]:
    wanted = facts.needs.gpus if facts.needs is not None else 0
    models = ", ".join(gpu.model for gpu in facts.gpus)
    if not facts.gpus:
        found = f"none; the experiment asks for {wanted}" if wanted else "none; not asked for"
        remedy = "run it on a machine with GPUs and NVIDIA's driver (nvidia-smi shows them), or set resources.gpus: 0"
        yield _unless_unneeded("gpu", Level.PROBLEM if wanted else Level.OK, found, remedy)
        return
    driver = f"{models}; driver {facts.gpus[0].driver}"
    if len(facts.gpus) < wanted:
        remedy = "run it on a machine with more, free some (CUDA_VISIBLE_DEVICES), or ask for less: resources.gpus"
        yield Finding("gpu", Level.PROBLEM, f"{len(facts.gpus)} of {wanted}: {driver}", remedy)
    else:
        yield Finding("gpu", Level.OK, driver)
    yield _toolkit(facts, wanted)


def _toolkit(facts: Facts, wanted: float) -> Finding:
    """How GPUs get into containers: an old toolkit lets an image's variables run programs on the host."""
    in_container = facts.needs is not None and facts.needs.container and wanted > 0
    level = Level.PROBLEM if in_container else Level.WARNING if facts.needs is None else Level.OK
    remedy = f"install nvidia-container-toolkit {_dotted(SAFE_TOOLKIT)} or newer, then: nvidia-ctk runtime configure"
    if not facts.toolkit:
        return _unless_unneeded("gpu toolkit", level, "not installed: containers cannot use the GPUs", remedy)
    if _version(facts.toolkit) < SAFE_TOOLKIT:
        found = f"{facts.toolkit}: an image can break out of its container (CVE-2025-23266)"
        return Finding("gpu toolkit", Level.PROBLEM if in_container else Level.WARNING, found, remedy)
    return Finding("gpu toolkit", Level.OK, facts.toolkit)


def _runner(facts: Facts) -> Iterator[Finding]:
    """One machine a job where strangers can start jobs: what one leaves behind, the next one meets."""
    if facts.runner is Runner.NONE:
        return
    found = {
        Runner.HOSTED: "hosted: a fresh machine for every job",
        Runner.EPHEMERAL: "self-hosted, ephemeral: one job, then it is removed",
        Runner.PERSISTENT: "self-hosted, used for many jobs",
        Runner.UNKNOWN: "self-hosted; whether it is used for one job only cannot be seen from here",
    }[facts.runner]
    if facts.runner in (Runner.HOSTED, Runner.EPHEMERAL):
        yield Finding("runner", Level.OK, found)
        return
    remedy = "for public repositories use one machine a job: config.sh --ephemeral, in a virtual machine made for it"
    risky = facts.public and facts.runner is Runner.PERSISTENT
    public = {True: ", public repository", False: ", private repository", None: ""}[facts.public]
    yield Finding("runner", Level.PROBLEM if risky else Level.WARNING, f"{found}{public}", remedy)


def _folder(name: str, folder: Folder, wanted: float, remedy: str) -> Finding:
    if folder.trouble:
        return Finding(name, Level.PROBLEM, f"{folder.path}: {folder.trouble}", remedy)
    found = f"{folder.path}, {_gib(folder.free_bytes)} free"
    if folder.free_bytes < LEAST_BYTES:
        return Finding(name, Level.PROBLEM, found, f"make room, or {remedy}")
    if folder.free_bytes < wanted:
        return Finding(name, Level.WARNING, found, f"make room, or {remedy}")
    return Finding(name, Level.OK, found)


def _unless_unneeded(name: str, level: Level, found: str, remedy: str) -> Finding:
    return Finding(name, level, found, "" if level is Level.OK else remedy)


def _order(level: Level) -> int:
    return list(Level).index(level)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
