"""What a report of 50 metrics × 10 seeds × 10,000 steps costs, by stage, beside drawing all curves with matplotlib.

    python benchmarks/report.py [--metrics 50] [--seeds 10] [--steps 10000] [--pairs 3]

Each side is a fresh Python that reads the same ten run folders from disk; times are wall clock, start of Python and
imports included, bytecode compiled before. Ours ends with report.md, report.html and the figures of both on disk.
Beside it, what a person would write instead: one matplotlib figure per metric with every seed's curve, saved as PNG.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what is timed is imported where it is timed
    from experiment.summarise import FinishedRun
    from reporting.document import Report

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

LIMIT_S = 3.0


def main() -> None:
    """Print seconds per stage, both totals of each pair, and the median ratio; exit 1 above the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metrics", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--one", choices=["ours", "plain"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        {"ours": ours, "plain": plain}[asked.one](asked.folder)
        print(f"    {'all':<28}{'':10}{time.process_time():.2f} s of processor")
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make(folder, asked.metrics, asked.seeds, asked.steps)
        for side in ("ours", "plain"):
            fresh(side, folder, subprocess.DEVNULL)
        totals, ratios = [], []
        for pair in range(1, asked.pairs + 1):
            ours_s, other_s = (fresh(side, folder) for side in ("ours", "plain"))
            totals.append(ours_s)
            ratios.append(other_s / ours_s)
            print(
                f"pair {pair}: report {ours_s:.2f} s, all curves by matplotlib {other_s:.2f} s, ratio {ratios[-1]:.1f}"
            )
    median = statistics.median(totals)
    ratio = statistics.median(ratios)
    print(f"median: report {median:.2f} s (limit {LIMIT_S:.0f} s), matplotlib takes {ratio:.1f} times as long")
    sys.exit(median > LIMIT_S)


def fresh(side: str, folder: Path, out: int | None = None) -> float:
    """Wall seconds of one side in its own Python, which finds its bytecode as an installed one does."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    command = [sys.executable, __file__, "--one", side, "--folder", str(folder)]
    subprocess.run(command, check=True, env={**kept, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}, stdout=out)
    return time.perf_counter() - began


def make(folder: Path, metrics: int, seeds: int, steps: int) -> None:
    """Run folders of a candidate, and the stored baseline of as many earlier runs, through the real writers."""
    import numpy as np
    from run_folders import a_run_folder

    from experiment import baseline
    from experiment.baseline import Acceptance, Baseline
    from experiment.spec import Goal, Metric
    from experiment.summarise import snapshot

    rng = np.random.default_rng(0)
    declared = {f"test/metric_{i:02}": Metric(goal=Goal.MAXIMIZE, gate=i < 5) for i in range(metrics)}
    grown = 1 - np.exp(-np.arange(steps) / (steps / 6))
    for side, level in (("before", 0.94), ("now", 0.92)):
        for seed in range(seeds):
            learning = {name: (level + 0.01 * rng.standard_normal()) * grown for name in declared}
            noisy = {name: curve + 0.003 * rng.standard_normal(steps) for name, curve in learning.items()}
            a_run_folder(folder / side, seed, {name: curve.tolist() for name, curve in noisy.items()})
    stored = snapshot(list(read(folder / "before")), declared, commit="8" * 40, dirty=False)
    kept = Baseline(accepted=Acceptance(at="2025-05-01T12:00:00Z", tool_version="0.1.0"), snapshot=stored)
    (folder / "baseline.json").write_text(baseline.dumps(kept), encoding="utf-8")


def read(runs: Path) -> Iterator["FinishedRun"]:
    """Records and curves of every run folder."""
    from experiment import curves, record
    from experiment.summarise import FinishedRun

    for folder in sorted(runs.iterdir()):
        yield FinishedRun(record.read(folder), curves.read(folder))


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Print how long a stage took."""
    began, cpu = time.perf_counter(), time.process_time()
    yield
    print(f"    {name:<28}{time.perf_counter() - began:6.2f} s, {time.process_time() - cpu:.2f} s of processor")


def ours(folder: Path) -> None:
    """From run folders and baseline to report and figures on disk."""
    with stage("imports"):
        from builders import a_policy

        from experiment import baseline
        from experiment.bundle import Bundle
        from experiment.summarise import snapshot
        from reporting.comparison import compare
        from reporting.differences import differences
        from reporting.report import build
    with stage("read runs and baseline"):
        runs = list(read(folder / "now"))
        stored = baseline.load(folder / "baseline.json")
    with stage("summarise"):
        declared = stored.snapshot.metrics
        candidate = snapshot(runs, declared, commit="3" * 40, dirty=False)
        bundle = Bundle(
            tool_version="0.1.0",
            policy=a_policy(metrics=declared),
            candidate=candidate,
            baseline=stored,
            planned=(0,),
            possible=len(runs),
            wall_s=60.0,
            repeat="ml-experiment reproduce",
        )
    with stage("compare"):
        verdict = compare(stored.snapshot, candidate, bundle.policy)
        found = differences(stored.snapshot.configuration, candidate.configuration)
    with stage("build"):
        report = build(bundle, verdict, found)
    drawn = figures(report, folder)
    with stage("Markdown"):
        from reporting.render import Link, to_html, to_markdown

        links = [Link(f"{i}-light.png", f"{i}-dark.png") for i in range(report.shown)]
        (folder / "report.md").write_text(to_markdown(report, links), encoding="utf-8")
    with stage("HTML"):
        (folder / "report.html").write_text(to_html(report, drawn), encoding="utf-8")


def figures(report: "Report", folder: Path) -> list[str]:
    """Every figure for the page, and those in the open for the comment."""
    with stage("import matplotlib"):
        import matplotlib.figure  # noqa: F401

        from reporting.figures import DARK, LIGHT, png, svg
    with stage(f"draw {len(report.charts)} figures"):
        for i, chart in enumerate(report.charts[: report.shown]):
            for name, theme in (("light", LIGHT), ("dark", DARK)):
                (folder / f"{i}-{name}.png").write_bytes(png(chart, theme))
        return [svg(chart, i) for i, chart in enumerate(report.charts)]


def plain(folder: Path) -> None:
    """One figure per metric, one line per seed, as a notebook would draw them."""
    from collections import defaultdict

    import matplotlib.pyplot as plt

    with stage("read, draw and save"):
        columns = defaultdict(list)
        for run in read(folder / "now"):
            for curve in run.curves:
                columns[curve.metric].append(curve)
        for i, (metric, seeds) in enumerate(columns.items()):
            figure, axes = plt.subplots(figsize=(8.9, 3.1))
            for curve in seeds:
                axes.plot(curve.step, curve.value)
            axes.set_title(metric)
            axes.set_xlabel("step")
            figure.savefig(folder / f"plain-{i}.png", dpi=200)
            plt.close(figure)


if __name__ == "__main__":
    main()
