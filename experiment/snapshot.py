"""A set of runs of one configuration: what a baseline holds, what a candidate is, either side of a comparison."""

from experiment.environment import EnvironmentRecord, HardwareRecord, hardware_class
from experiment.record import DataRead, FileDigest, Outcome, Seeding, Status
from experiment.spec import Metric
from experiment.value import Double, Scalar, Value


class RunSummary(Value):
    """One run as reports and baselines show it. `result_sha256` is `experiment.record.result_digest`."""

    seed: int
    key: str
    configuration: str = ""  # `experiment.key.configuration_key`; empty in baselines that older versions stored
    outcome: Outcome
    metrics: dict[str, Double]
    steps: dict[str, int] = {}  # metric -> step of its last point
    result_sha256: str
    curves: dict[str, str] = {}  # metric -> SHA-256 of its curve's bits
    artifacts: dict[str, str | None] = {}  # path -> SHA-256; None: declared and not written
    wall_s: Double
    peak_memory_bytes: int | None = None
    cached: bool = False
    note: str = ""  # why this run was made: "outside what 80 % of baseline runs give: 4 more runs"
    log_tail: str = ""  # last lines of output, for runs that failed

    @property
    def ok(self) -> bool:
        """Whether the run ended well."""
        return self.outcome.status is Status.OK


class Configuration(Value):
    """Everything two sides may differ in, seed apart."""

    environment: EnvironmentRecord
    hardware: HardwareRecord
    command: str  # as written, placeholders open
    params: dict[str, Scalar]
    seeding: Seeding
    source: dict[str, FileDigest]
    data: dict[str, DataRead]

    def hardware_class(self) -> str:
        """See `experiment.environment.hardware_class`."""
        return hardware_class(self.hardware, self.environment)


class CurveBand(Value):
    """Median and range over seeds of one metric at up to 100 steps; four columns of one length, n runs behind it."""

    n: int
    step: tuple[int, ...]
    median: tuple[Double, ...]
    low: tuple[Double, ...]
    high: tuple[Double, ...]


class Trace(Value):
    """One run's curve of one metric at up to 400 points, the first 200 among them: where two runs part is early."""

    seed: int
    step: tuple[int, ...]
    value: tuple[Double, ...]


class Snapshot(Value):
    """Runs of one configuration with the policy they are judged by."""

    experiment: str
    commit: str | None
    dirty: bool
    taken: str  # ISO 8601, UTC, of the last run
    tool_version: str
    configuration: Configuration
    metrics: dict[str, Metric]  # as declared
    runs: tuple[RunSummary, ...]  # by seed
    curves: dict[str, CurveBand] = {}
    traces: dict[str, Trace] = {}  # gated metric -> curve of the first run that ended well
    not_captured: tuple[str, ...] = ()

    def values(self, metric: str) -> dict[int, float]:
        """Seed -> value of one metric, over the runs that ended well and have it."""
        return {run.seed: run.metrics[metric] for run in self.runs if run.ok and metric in run.metrics}
