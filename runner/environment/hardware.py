"""What the machine under a run is, as far as it can change a result or its time."""

import math
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from experiment.environment import Gpu, HardwareRecord
from experiment.errors import InfrastructureFailed
from runner.process import run

NVIDIA_SMI_TIMEOUT_S = 30.0

_X86_LEVELS = (
    ("avx512", {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}),  # all five: what BLAS kernels ask for
    ("avx2", {"avx2", "fma"}),
    ("avx", {"avx"}),
    ("sse4_2", {"sse4_2"}),
    ("sse2", {"sse2"}),
)
_ARM_LEVELS = (("sve2", {"sve2"}), ("sve", {"sve"}), ("neon", {"asimd"}))


def describe(inherited: Mapping[str, str]) -> HardwareRecord:
    """This machine as a run started with the variables `inherited` sees it."""
    return HardwareRecord(
        cpu_model=cpu_model(),
        cpus=usable_cpus(),
        simd=simd(),
        memory_bytes=usable_memory(),
        gpus=_gpus(inherited),
    )


@cache
def _cpuinfo() -> dict[str, str]:
    """The first processor's entries of /proc/cpuinfo; empty where there is none."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    entries = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in entries}


def cpu_model() -> str:
    """The processor's name; on ARM, which has none in /proc/cpuinfo, its maker's and part's number."""
    info = _cpuinfo()
    if info.get("model name"):
        return info["model name"]
    if "CPU part" in info:
        return f"{platform.machine()} {info.get('CPU implementer', '?')}/{info['CPU part']}"
    return platform.processor() or platform.machine() or "unknown"


def cpu_flags() -> frozenset[str]:
    """What the processor says it can do."""
    info = _cpuinfo()
    return frozenset((info.get("flags") or info.get("Features") or "").split())


def simd() -> str:
    """The widest vector instructions usable: avx512 only where all parts are there that numeric kernels need."""
    flags = cpu_flags()
    return next((level for level, needed in (*_X86_LEVELS, *_ARM_LEVELS) if needed <= flags), "none")


def usable_cpus() -> int:
    """Logical processors this process may use: affinity, and the cgroup's quota rounded up."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for folder in _cgroups("cpu"):
        quota, period = (
            _first_words(folder / "cpu.max")
            or (
                *_first_words(folder / "cpu.cfs_quota_us")[:1],
                *_first_words(folder / "cpu.cfs_period_us")[:1],
            )
            or ("max", "")
        )
        if quota.isdigit() and period.isdigit() and int(period) > 0:
            cpus = min(cpus, math.ceil(int(quota) / int(period)))
    return max(1, cpus)


def usable_memory() -> int:
    """Bytes of memory this process may use: the machine's, or the cgroup's limit where that is less."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for folder in _cgroups("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limit = _first_words(folder / name)[:1]
            if limit and limit[0].isdigit():
                memory = min(memory, int(limit[0]))
    return memory


def _first_words(file: Path) -> tuple[str, ...]:
    try:
        return tuple(file.read_text(encoding="ascii").split())
    except (OSError, UnicodeDecodeError):
        return ()


def _cgroups(controller: str) -> Iterator[Path]:
    """The folders of this process's control group and of every group around it, versions 1 and 2."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root = Path("/sys/fs/cgroup")
        elif controller in controllers.split(","):
            root = Path("/sys/fs/cgroup") / controller
        else:
            continue
        group = root / path.lstrip("/")
        yield group
        yield from (parent for parent in group.parents if parent.is_relative_to(root))


def gpu_uuids(inherited: Mapping[str, str]) -> tuple[str, ...]:
    """By which a container is given GPUs; in the order of `describe(inherited).gpus`."""
    return tuple(gpu.findtext("uuid", "") for _, gpu in _usable(inherited))


def _gpus(inherited: Mapping[str, str]) -> tuple[Gpu, ...]:
    return tuple(
        Gpu(
            model=gpu.findtext("product_name", "unknown"),
            memory_bytes=_mebibytes(gpu.findtext("fb_memory_usage/total", "")),
            driver=tree.findtext("driver_version", "unknown"),
            cuda=tree.findtext("cuda_version"),
        )
        for tree, gpu in _usable(inherited)
    )


def _usable(inherited: Mapping[str, str]) -> list[tuple[ElementTree.Element, ElementTree.Element]]:
    """The NVIDIA GPUs a run may use, as the driver's own tool tells, each with what it says of the machine.

    None where the tool is missing or fails.
    """
    visible = inherited.get("CUDA_VISIBLE_DEVICES")
    program = shutil.which("nvidia-smi", path=inherited.get("PATH"))
    if program is None or visible in ("", "-1"):
        return []
    try:
        told = run([program, "-q", "-x"], env=dict(inherited), cwd=Path("/"), timeout=NVIDIA_SMI_TIMEOUT_S).output
        tree = ElementTree.fromstring(told)
    except (InfrastructureFailed, ElementTree.ParseError):
        return []
    chosen = None if visible is None else [name.strip() for name in visible.split(",")]
    return [
        (tree, gpu)
        for index, gpu in enumerate(tree.findall("gpu"))
        if chosen is None or _is_chosen(index, gpu.findtext("uuid", ""), chosen)
    ]


def _is_chosen(index: int, uuid: str, chosen: list[str]) -> bool:
    return any(name == str(index) or (name.startswith("GPU-") and uuid.startswith(name)) for name in chosen)


def _mebibytes(text: str) -> int:
    """Bytes of a figure such as "143771 MiB"; 0 where the tool gives none."""
    number = text.split()[:1]
    return int(number[0]) * 2**20 if number and number[0].isdigit() else 0
