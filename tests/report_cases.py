"""One bundle per outcome a report has words for, judged by the real comparison: the words meet real decisions."""

import math
from collections.abc import Callable
from typing import Any

from builders import (
    ACCURACY,
    BASE_COMMIT,
    BASELINE_VALUES,
    CANDIDATE_VALUES,
    HIGHER_LOSS,
    LOSS,
    LOWER_ACCURACY,
    METRICS,
    a_baseline,
    a_bundle,
    a_configuration,
    a_failed_run,
    a_policy,
    a_run,
    a_sha,
    a_snapshot,
    a_trace,
    an_environment,
)

from experiment.bundle import Bundle, CurveGap, FileGap, Replicate
from experiment.environment import Gpu, HardwareRecord, Library
from experiment.record import DataRead, FileDigest, Outcome, Status
from experiment.snapshot import Configuration, Snapshot, Trace
from experiment.spec import Gate, Goal, Metric
from reporting.comparison import compare
from reporting.decision import Verdict
from reporting.differences import Differences, differences
from reporting.document import Report
from reporting.report import build


def judged(bundle: Bundle) -> tuple[Bundle, Verdict, Differences | None]:
    """What `build` takes."""
    stored = bundle.baseline.snapshot if bundle.baseline else None
    found = differences(stored.configuration, bundle.candidate.configuration) if stored else None
    return bundle, compare(stored, bundle.candidate, bundle.policy, bundle.replicate, bundle.later), found


def report_of(bundle: Bundle) -> Report:
    """The report of a bundle."""
    return build(*judged(bundle))


def edited(*paths: str, **changes: Any) -> Configuration:
    """The usual configuration with these source files changed."""
    source = {
        p: FileDigest(size=1200, sha256=a_sha(p + "!" * (p in paths))) for p in ("train.py", "model.py", "load.py")
    }
    return a_configuration(source=source, **changes)


def _one(value: float, loss: float, **changes: Any) -> Snapshot:
    return a_snapshot({"test/accuracy": [value], "test/loss": [loss], "runtime_s": [12.1]}, **changes)


def _five(accuracy: tuple[float, ...], loss: tuple[float, ...], **changes: Any) -> Snapshot:
    values = {"test/accuracy": accuracy, "test/loss": loss, "runtime_s": CANDIDATE_VALUES["runtime_s"]}
    return a_snapshot(values, **changes)


def _traces(gap: float, growth: float = 1.0) -> dict[str, Trace]:
    """Curves that part from the baseline's by this fraction at step 1, times `growth` at each step after it."""
    return {
        "test/accuracy": a_trace(0.1, ACCURACY[0], gap=gap, growth=growth),
        "test/loss": a_trace(2.3, LOSS[0], gap=gap, growth=growth),
    }


def identical() -> Bundle:
    """A comment was changed: the same bits."""
    return a_bundle(_one(ACCURACY[0], LOSS[0], configuration=edited("train.py")), replicate=None, wall_s=12.4)


def identical_from_cache() -> Bundle:
    """Nothing changed: every run stands in."""
    run = a_run(0, {"test/accuracy": ACCURACY[0], "test/loss": LOSS[0], "runtime_s": 12.0}, cached=True)
    return a_bundle(a_snapshot(runs=[run]), replicate=None, wall_s=0.4)


def within_tolerance() -> Bundle:
    """Another machine: numeric noise only."""
    here = edited(
        hardware=HardwareRecord(cpu_model="Intel Xeon 8370C", cpus=2, simd="avx512", memory_bytes=8_000_000_000)
    )
    return a_bundle(_one(ACCURACY[0] + 3e-9, LOSS[0] - 2e-9, configuration=here, traces=_traces(2e-16, 1.05)))


def another_kernel() -> Bundle:
    """The same commit where the BLAS library takes another kernel: rounding errors grow into one more draw of noise."""
    kernel = Library(role="blas", name="openblas", version="0.3.29", kernel="SkylakeX", threads=1)
    here = a_configuration(
        environment=an_environment(libraries=(kernel,)),
        hardware=HardwareRecord(cpu_model="Intel Xeon 8370C", cpus=2, simd="avx512", memory_bytes=8_000_000_000),
    )
    return a_bundle(_one(0.9395, 0.2170, configuration=here, traces=_traces(1.1e-16, 1.2)))


def model_file_differs() -> Bundle:
    """Every metric to the bit, and a model that is another file."""
    values = {"test/accuracy": ACCURACY[0], "test/loss": LOSS[0], "runtime_s": 12.1}
    stored = [
        a_run(i, dict(zip(values, row, strict=True)), artifacts={"model.npz": a_sha(f"model {i}")})
        for i, row in enumerate(zip(*(BASELINE_VALUES[name] for name in values), strict=True))
    ]
    run = a_run(0, values, artifacts={"model.npz": a_sha("other")}, result_sha256=a_sha("other"))
    here = a_snapshot(runs=[run], configuration=edited("train.py"))
    files = (FileGap(path="model.npz", first=1042, sizes=(51_234, 51_234)),)
    before = a_snapshot(BASELINE_VALUES, runs=stored, commit=BASE_COMMIT)
    return a_bundle(here, baseline=a_baseline(before), files=files)


def consistent() -> Bundle:
    """One run inside what baseline runs give."""
    return a_bundle(_one(0.9395, 0.2170, configuration=edited("train.py", "model.py")))


def equivalent() -> Bundle:
    """Shown to be within the margin."""
    metrics = {
        **METRICS,
        "test/accuracy": Metric(goal=Goal.MAXIMIZE, margin=0.012),
        "test/loss": Metric(goal=Goal.MINIMIZE, margin=0.05),
    }
    accuracy, loss = (0.9412, 0.9395, 0.9431, 0.9377, 0.9440), (0.214, 0.209, 0.219, 0.206, 0.221)
    baseline = a_baseline(a_snapshot(BASELINE_VALUES, commit=BASE_COMMIT, metrics=metrics))
    return a_bundle(_five(accuracy, loss, configuration=edited("train.py"), metrics=metrics), baseline=baseline)


def improved() -> Bundle:
    """Better than the baseline."""
    accuracy, loss = (0.9613, 0.9641, 0.9588, 0.9630, 0.9662), (0.141, 0.129, 0.150, 0.133, 0.122)
    return a_bundle(_five(accuracy, loss, configuration=edited("model.py", params={"epochs": 200, "lr": 0.003})))


def regressed() -> Bundle:
    """The sketch's case."""
    here = _five(LOWER_ACCURACY, HIGHER_LOSS, configuration=edited("train.py"), traces=_traces(0.031))
    return a_bundle(here)


def regressed_from_more_runs() -> Bundle:
    """Later runs of the baseline's configuration count as baseline runs; those of the loss no longer fit."""
    accuracy = (0.9401, 0.9388, 0.9427, 0.9450, 0.9369, 0.9433)
    loss = (0.31, 0.12, 0.33, 0.10, 0.29, 0.14)
    later = tuple(
        a_run(20 + i, {"test/accuracy": a, "test/loss": b, "runtime_s": 12.1})
        for i, (a, b) in enumerate(zip(accuracy, loss, strict=True))
    )
    here = _five(LOWER_ACCURACY, (0.231, 0.219, 0.240, 0.214, 0.221), configuration=edited("train.py"))
    return a_bundle(here, later=later)


def regressed_by_a_package() -> Bundle:
    """Code is the same; a package is not, and the data on another disk could not be read."""
    packages = {**an_environment().packages, "numpy": "2.2.0", "einops": "0.8.0"}
    data = {
        **a_configuration().data,
        "data/extra file.csv": DataRead(size=52_000, sha256=a_sha("extra")),
        "data/labels.csv": DataRead(),
    }
    here = a_configuration(environment=an_environment(packages=packages), data=data)
    return a_bundle(_five(LOWER_ACCURACY, HIGHER_LOSS, configuration=here))


def changed() -> Bundle:
    """No direction is declared."""
    metrics = {"weights/norm": Metric()}
    before = a_snapshot({"weights/norm": [10.1 + 0.1 * i for i in range(10)]}, commit=BASE_COMMIT, metrics=metrics)
    now = a_snapshot(
        {"weights/norm": [14.2, 14.5, 13.9, 14.1, 14.4]}, metrics=metrics, configuration=edited("model.py")
    )
    return a_bundle(now, baseline=a_baseline(before))


def inconclusive() -> Bundle:
    """Five runs cannot tell."""
    accuracy, loss = (0.9302, 0.9411, 0.9344, 0.9398, 0.9325), (0.229, 0.218, 0.236, 0.207, 0.228)
    return a_bundle(_five(accuracy, loss, configuration=edited("train.py")))


def inconclusive_one_against_one() -> Bundle:
    """A baseline of one run knows no noise."""
    metrics = {"test/accuracy": Metric(goal=Goal.MAXIMIZE)}
    before = a_snapshot({"test/accuracy": [0.9409]}, commit=BASE_COMMIT, metrics=metrics)
    now = a_snapshot({"test/accuracy": [0.9311]}, metrics=metrics, configuration=edited("train.py"))
    return a_bundle(now, baseline=a_baseline(before))


def no_baseline() -> Bundle:
    """The first run."""
    return a_bundle(baseline=None, stage_note="no baseline yet: all 5 seeds")


def first_run() -> Bundle:
    """The same where the policy lets a first run through."""
    policy = a_policy(gate=Gate(no_baseline="pass"))
    return a_bundle(baseline=None, policy=policy, stage_note="no baseline yet: all 5 seeds")


def not_reproduced() -> Bundle:
    """The same seed gave two results."""
    again = a_run(0, {"test/accuracy": 0.9311, "test/loss": 0.2510})
    steps = (1, *range(2, 201, 2))
    gap = CurveGap(metric="test/loss", start=1, first_bits=1, first_lasting=1, steps=200, step=steps,
                   gap=tuple(4e-3 * step**0.6 for step in steps))  # fmt: skip
    here = _one(0.9395, 0.2170, configuration=edited("train.py"))
    return a_bundle(here, replicate=Replicate(run=again, gaps=(gap,)))


def crashed() -> Bundle:
    """A run that raises."""
    tail = """Traceback (most recent call last):
  File "train.py", line 31, in <module>
    fit(x, y)
ValueError: shapes (64,) and (10,)"""
    runs = [a_failed_run(0, reason="exit status 1", log_tail=tail, wall_s=2.3)]
    return a_bundle(a_snapshot(runs=runs, configuration=edited("train.py")), replicate=None, stage_note="")


def one_of_five_timed_out() -> Bundle:
    """Four good runs and a late one."""
    runs = [
        *a_snapshot().runs[:4],
        a_failed_run(4, Status.TIMEOUT, "more than 2 h", wall_s=7200.0, log_tail="step 118/200"),
    ]
    return a_bundle(a_snapshot(runs=runs, configuration=edited("train.py")))


def out_of_memory() -> Bundle:
    """The kernel ended it."""
    runs = [a_failed_run(0, Status.OUT_OF_MEMORY, "more than 8.0 GB", wall_s=40.0)]
    return a_bundle(a_snapshot(runs=runs), replicate=None)


def missing_metric() -> Bundle:
    """The declared name was never seen."""
    run = a_run(0, {"test/acc": 0.94, "test/loss": 0.21})
    return a_bundle(a_snapshot(runs=[run], configuration=edited("train.py")), replicate=None)


def not_a_number() -> Bundle:
    """Finite in the baseline, NaN now."""
    here = _five((math.nan, 0.9211, math.nan, 0.9147, 0.9135), HIGHER_LOSS, configuration=edited("train.py"))
    return a_bundle(here)


def never_finite() -> Bundle:
    """NaN on both sides."""
    metrics = {"score": Metric(goal=Goal.MAXIMIZE)}
    before = a_snapshot({"score": [math.nan] * 5}, commit=BASE_COMMIT, metrics=metrics)
    return a_bundle(a_snapshot({"score": [-math.inf]}, metrics=metrics, configuration=edited("train.py")),
                    baseline=a_baseline(before), replicate=None)  # fmt: skip


def cancelled() -> Bundle:
    """Ctrl-C after two runs."""
    runs = [*a_snapshot().runs[:2], a_failed_run(2, Status.CANCELLED, "cancelled by the user", wall_s=3.0)]
    return a_bundle(a_snapshot(runs=runs), replicate=None)


def infrastructure() -> Bundle:
    """The disk was full."""
    runs = [a_snapshot().runs[0], a_failed_run(1, Status.INFRA_ERROR, "no space left on device below .ml-experiment")]
    notes = ("MLflow at sqlite:///.ml-experiment/mlflow.db did not answer within 10 s; nothing was imported",)
    return a_bundle(a_snapshot(runs=runs), replicate=None, notes=notes)


def two_hundred_metrics() -> Bundle:
    """More than a comment holds."""
    names = [f"validation/per_class/class_{i:03}/recall" for i in range(200)]
    metrics = {name: Metric(goal=Goal.MAXIMIZE, gate=i < 60) for i, name in enumerate(names)}
    before = {name: [0.90 + 0.001 * ((i * 7 + s * 13) % 17) for s in range(10)] for i, name in enumerate(names)}
    now = {
        name: [0.90 + 0.001 * ((i * 7 + s * 11) % 17) - 0.05 * (i == 7) for s in range(5)]
        for i, name in enumerate(names)
    }
    baseline = a_baseline(a_snapshot(before, commit=BASE_COMMIT, metrics=metrics))
    packages = {f"package-with-a-long-name-{i:03}": f"1.{i}.0" for i in range(800)}
    here = edited("train.py", environment=an_environment(packages=packages))
    return a_bundle(a_snapshot(now, metrics=metrics, configuration=here), baseline=baseline)


HOSTILE = (
    "x](https://evil.example) @everyone <img src=x onerror=alert(1)> `` ``` ~~~ | a | b\n\n# heading\n- [ ] task "
    "![i](u) </details></sub><!-- --> www.evil.example https://evil.example mail@evil.example #1 GH-1 :tada: $x$ "
    "**b** _i_ ~~s~~ &lt;b&gt; \u202egnp.exe \x1b[31m {{ 7*7 }} {% raw %}"
)


def hostile() -> Bundle:
    """Every text that comes from data tries to be more than text."""
    metrics = {HOSTILE[i : i + 120]: Metric(goal=Goal.MAXIMIZE, gate=i < 30) for i in range(0, 60, 20)}
    values = {name: [0.5 + 0.01 * s + i for s in range(10)] for i, name in enumerate(metrics)}
    packages = {HOSTILE: HOSTILE, "@everyone": "1.0"}
    here = a_configuration(
        environment=an_environment(packages=packages, source=HOSTILE, python=HOSTILE, os=HOSTILE, libc=HOSTILE,
                                   variables={HOSTILE: HOSTILE}),
        hardware=HardwareRecord(cpu_model=HOSTILE, cpus=2, simd=HOSTILE, memory_bytes=1,
                                gpus=(Gpu(model=HOSTILE, memory_bytes=1, driver=HOSTILE),)),
        source={HOSTILE: FileDigest(size=1, sha256=a_sha("h"))},
        data={HOSTILE: DataRead(size=1, sha256=HOSTILE), "b" + HOSTILE: DataRead()},
        params={HOSTILE: HOSTILE},
        command=HOSTILE,
    )  # fmt: skip
    runs = [a_run(i, dict.fromkeys(metrics, 0.2 + i / 100), note=HOSTILE, cached=True) for i in range(4)]
    runs.append(a_failed_run(4, reason=HOSTILE, log_tail=f"{HOSTILE}\n```\n# out\n~~~~\n{HOSTILE}", note=HOSTILE))
    candidate = a_snapshot(runs=runs, metrics=metrics, commit=HOSTILE, configuration=here, not_captured=(HOSTILE,))
    baseline = a_baseline(a_snapshot(values, metrics=metrics, commit="<b>"))
    replicate = Replicate(
        run=a_run(0, dict.fromkeys(metrics, 0.9), outcome=Outcome(status=Status.INVALID, reason=HOSTILE))
    )
    policy = a_policy().model_copy(update={"metrics": metrics, "command": HOSTILE})  # unchecked, as no file could be
    return a_bundle(candidate, policy=policy, baseline=baseline, replicate=replicate, notes=(HOSTILE,),
                    stage_note=HOSTILE, repeat=HOSTILE, tool_version=HOSTILE)  # fmt: skip


def only_reported() -> Bundle:
    """A policy that asks for nothing of the baseline, on a dirty tree."""
    here = _five(LOWER_ACCURACY, HIGHER_LOSS, configuration=edited("train.py"), dirty=True)
    return a_bundle(here, policy=a_policy(gate=Gate(baseline="report", reproduce="report")))


CASES: dict[str, Callable[[], Bundle]] = {
    made.__name__.replace("_", "-"): made
    for made in (
        identical, identical_from_cache, within_tolerance, another_kernel, model_file_differs, consistent, equivalent,
        improved, regressed, regressed_from_more_runs, regressed_by_a_package, changed, inconclusive,
        inconclusive_one_against_one, no_baseline, first_run, not_reproduced,
        crashed, one_of_five_timed_out, out_of_memory, missing_metric, not_a_number, never_finite, cancelled,
        infrastructure, two_hundred_metrics, hostile, only_reported,
    )
}  # fmt: skip
