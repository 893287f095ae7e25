"""What one run left behind: `run.json` below `.ml-experiment/runs/<key>/`."""

from enum import StrEnum
from pathlib import Path
from typing import Literal

from experiment.atomic import write_whole
from experiment.environment import EnvironmentRecord, HardwareRecord
from experiment.value import Double, Scalar, Value, digest, double_bits

SCHEMA_VERSION: Literal[1] = 1


class Status(StrEnum):
    """How a run ended. There is no silent member: whatever is not `ok` has a reason a person can read."""

    OK = "ok"
    USER_ERROR = "user-error"  # the script said so: exit status other than 0
    OUT_OF_MEMORY = "out-of-memory"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    INFRA_ERROR = "infra-error"  # ours or the machine's fault: engine gone, disk full, killed from outside
    INVALID = "invalid"  # it ended well but left something we cannot read: bad metric file, hostile output


class Outcome(Value):
    """The named end of a run, its exit status, and the sentence that goes into reports."""

    status: Status
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""


class MetricValue(Value):
    """The final value of one metric of one run."""

    value: Double
    step: int | None = None  # of the last point of the series
    points: int = 1
    source: str  # "file metrics.json", "output", "keras", "mlflow", "sklearn", "runner"
    curve_sha256: str | None = None  # of (step, value bits) of the whole series, when it has more than one point


class FileDigest(Value):
    """A file's size in bytes and SHA-256 (hex) of all of it; both None where it could not be read any more."""

    size: int | None = None
    sha256: str | None = None


class DataRead(FileDigest):
    """A data file the run opened for reading; `declared` when the experiment file lists it."""

    declared: bool = False


class SeedCall(Value):
    """A seed that the user's own code set, and where."""

    function: str  # "numpy.random.seed"
    value: str
    place: str  # "train.py:12"


class Seeding(Value):
    """What was done about randomness before the script's first line, and what the script then did itself."""

    determinism: Literal["strict", "seeds", "off"]
    applied: tuple[str, ...] = ()  # "random", "numpy", "torch", "torch.deterministic_algorithms", …
    by_user: tuple[SeedCall, ...] = ()


class Usage(Value):
    """What the run used: seconds of wall clock and processor, peak memory in bytes over all of its processes."""

    wall_s: Double
    cpu_s: Double
    peak_memory_bytes: int | None = None
    peak_gpu_memory_bytes: int | None = None


class KeyParts(Value):
    """What makes two runs the same run; see `experiment.key`."""

    environment: str  # EnvironmentRecord.installed_digest()
    hardware_class: str
    command: str  # as written, placeholders open
    folder: str  # of the experiment below the root of the source tree
    params: dict[str, Scalar]
    variables: dict[str, str]
    seed: int
    determinism: str
    data: dict[str, str]  # declared path -> sha256
    metric_files: tuple[str, ...]
    artifacts: tuple[str, ...]
    patterns: dict[str, str]  # metric -> declared pattern, since it decides what is read from the output


class RunRecord(Value):
    """One run, complete: enough to judge it, to say what it was made of, and to know whether it can stand in again."""

    schema_version: Literal[1] = SCHEMA_VERSION
    tool_version: str
    key: str
    parts: KeyParts
    experiment: str
    commit: str | None  # 40 hex digits; None outside git
    dirty: bool
    command: str  # as run, placeholders filled
    started: str  # ISO 8601, UTC
    outcome: Outcome
    metrics: dict[str, MetricValue]
    params: dict[str, Scalar]
    logged_params: dict[str, str] = {}  # what the script logged itself, to MLflow or a framework
    seeding: Seeding
    environment: EnvironmentRecord
    hardware: HardwareRecord
    source: dict[str, FileDigest]  # code files read, relative to the root of the source tree
    data: dict[str, DataRead]  # other files read; relative inside the tree, absolute outside
    listed: dict[str, str] = {}  # folders of the tree the run listed -> digest of the names it could see
    written: tuple[str, ...] = ()
    artifacts: dict[str, FileDigest] = {}
    usage: Usage
    retried: tuple[str, ...] = ()  # why earlier attempts at this run did not count: the machine failed, not the code
    reached: dict[str, int] = {}  # of a network with an allow-list: "host:port" -> bytes both ways
    refused: dict[str, int] = {}  # the same: "host:port" -> attempts that were not allowed
    not_captured: tuple[str, ...] = ()  # what the recorder could not do, in words


def result_digest(metrics: dict[str, MetricValue], artifacts: dict[str, FileDigest]) -> str:
    """SHA-256 over the bits of every metric (whole curves included) and of every declared artifact.

    Metrics measured by the runner itself (time, memory) are left out: they never repeat.
    """
    return digest(
        {
            "metrics": {
                name: [double_bits(metric.value), metric.step, metric.curve_sha256]
                for name, metric in metrics.items()
                if metric.source != "runner"
            },
            "artifacts": {path: artifact.sha256 for path, artifact in artifacts.items()},
        }
    )


def write(record: RunRecord, folder: Path) -> None:
    """Write `run.json` so that a reader sees the whole record or none. OSError passes through (disk full)."""
    write_whole(folder / "run.json", record.to_json().encode())


def read(folder: Path) -> RunRecord:
    """Read `run.json` of a run folder; OSError where there is none, pydantic.ValidationError where it is not one."""
    return RunRecord.model_validate_json((folder / "run.json").read_bytes())
