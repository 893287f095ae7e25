"""What a machine has and what an experiment needs of it, as values: everything the doctor's findings are made from."""

from dataclasses import dataclass
from enum import StrEnum

from experiment.environment import Gpu


class Trouble(StrEnum):
    """Why no engine answers."""

    ABSENT = "absent"  # nothing listens there
    DENIED = "denied"  # its socket may not be opened
    SILENT = "silent"  # something else, in its own words


@dataclass(frozen=True)
class Engine:
    """A container engine that answers. What it does not say is None."""

    version: str  # "20.10.24"
    api: tuple[int, int]
    cgroup: int  # 1 or 2
    memory_limit: bool
    swap_limit: bool
    pids_limit: bool
    seccomp: bool
    root: str  # folder with images and volumes
    free_bytes: int | None  # below root; None where the engine is on another machine
    has_image: bool  # the experiment's image is there already


@dataclass(frozen=True)
class NoEngine:
    """No container engine answers at `address`."""

    address: str
    trouble: Trouble
    said: str


@dataclass(frozen=True)
class Folder:
    """A folder that is written into; `trouble` is empty where that works."""

    path: str
    free_bytes: int
    trouble: str = ""


class Runner(StrEnum):
    """The CI machine under us."""

    NONE = "none"
    HOSTED = "hosted"
    EPHEMERAL = "ephemeral"  # one job, then thrown away
    PERSISTENT = "persistent"
    UNKNOWN = "unknown"  # self-hosted, and its configuration cannot be read


@dataclass(frozen=True)
class Needs:
    """What one experiment asks for. `build`: a Dockerfile; `buildkit`: what in it needs BuildKit, empty for none."""

    container: bool
    build: bool = False
    buildkit: str = ""
    gpus: float = 0
    disk_bytes: int = 0
    python_missing: str = ""  # why no Python here fits its lock


@dataclass(frozen=True)
class Facts:
    """A machine, and what is asked of it; `needs` is None without an experiment file."""

    python: str  # "3.11.7"
    uv: str  # its version; empty where a virtual environment cannot be made
    uv_trouble: str
    engine: Engine | NoEngine
    cli: str  # version of the `docker` command; empty where there is none
    buildx: str  # empty where there is none
    gpus: tuple[Gpu, ...]
    toolkit: str  # NVIDIA container toolkit's version; empty where there is none
    runner: Runner
    public: bool | None  # the repository of this CI job; None where nobody says
    cache: Folder
    state: Folder | None
    needs: Needs | None
