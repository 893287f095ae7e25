"""Live false alarms and detections: real pull requests on examples/digits through the real `reproduce`.

    taskset -c 1 python benchmarks/live_aa.py run FOLDER [--epochs 100] [--baselines 4] [--pull-requests 40]
    python benchmarks/live_aa.py judge FOLDER        # the bundles of that run, judged by today's code
    python benchmarks/live_aa.py probe FOLDER --change OLD NEW [--epochs 100]

`run` accepts baselines of ten seeds each, then makes as many unchanged pull requests as pull requests with a change
that costs about three standard deviations (CHANGE), spread evenly over the baselines. Every pull request has five seeds
that no other run has: all draws are independent, given the baselines. On record at its start is one pair of equal seeds
of its configuration (A/A), as on a machine that keeps its runs; runs of other pull requests are not: they would be
pooled into the baseline, which is then no longer one of ten. `test/accuracy` gates alone, without a margin, so that the
table in the manual applies. Intervals are Clopper and Pearson's, 95 %. It goes on where it was left off.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from action.activities import baseline as baselines  # noqa: E402
from action.activities.reproduce import reproduce, stored_baseline  # noqa: E402
from action.activities.session import Cache, Session, Watcher, open_session  # noqa: E402
from experiment import bundle as bundles  # noqa: E402
from experiment import file  # noqa: E402
from experiment.bundle import Bundle  # noqa: E402
from reporting.comparison import compare  # noqa: E402
from reporting.decision import Decision, Judgement, Verdict  # noqa: E402

SEEDS = 10  # of a baseline
STAGE = 5  # seeds of a pull request
CHANGE = ("np.random.permutation(len(x_train))", "np.random.permutation(len(x_train) * 3 // 8)")
"""Each epoch sees three eighths of the images: a slip that no test notices. Its size was chosen by `probe`."""

ALARMS = {Judgement.REGRESSED, Judgement.IMPROVED, Judgement.CHANGED}
METRIC = "test/accuracy"
FILES = ("ml-experiment.yaml", "requirements.lock", "train.py", ".gitignore")


def main() -> None:
    """Parse, run or judge, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["run", "judge", "probe"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--baselines", type=int, default=4)
    parser.add_argument("--pull-requests", type=int, default=40, help="of each kind")
    parser.add_argument("--change", nargs=2, default=CHANGE, metavar=("OLD", "NEW"))
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    if asked.mode == "probe":
        probe(folder, asked.epochs, (asked.change[0], asked.change[1]))
        return
    if asked.mode == "run":
        run(folder, asked.epochs, asked.baselines, asked.pull_requests)
    print("\n".join(table(folder)))


@dataclass(frozen=True)
class Tree:
    """A repository with the experiment, its five-seed pull requests, and the runs that stay on record."""

    folder: Path

    def session(self) -> Session:
        """As the command opens it."""
        return open_session(self.folder, file.load(self.folder), Watcher(), os.environ)

    def keep(self) -> set[str]:
        """Names of the runs on record."""
        return {path.name for path in self._runs()}

    def forget(self, kept: set[str]) -> None:
        """Remove all runs but those."""
        for path in self._runs():
            if path.name not in kept:
                shutil.rmtree(path)

    def _runs(self) -> list[Path]:
        runs = self.folder / ".ml-experiment" / "runs"
        return list(runs.iterdir()) if runs.is_dir() else []


def make(folder: Path, epochs: int, change: tuple[str, str] | None) -> Tree:
    """The example as a git repository of its own, with `test/accuracy` alone as what gates."""
    folder.mkdir(parents=True)
    for name in FILES:
        shutil.copy(ROOT / "examples/digits" / name, folder / name)
    replace(folder / "ml-experiment.yaml", "epochs: 200", f"epochs: {epochs}")
    replace(folder / "ml-experiment.yaml", "    margin: 0.01 ", "    #")
    replace(folder / "ml-experiment.yaml", "{goal: minimize}", "{goal: minimize, gate: false}")
    if change is not None:
        replace(folder / "train.py", *change)
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "as it is"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return Tree(folder)


def replace(path: Path, old: str, new: str) -> None:
    """Change a file in one place."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path}: {old!r} is there {text.count(old)} times"
    path.write_text(text.replace(old, new), encoding="utf-8")


def probe(folder: Path, epochs: int, change: tuple[str, str]) -> None:
    """What a change costs: ten runs with it and ten without."""
    means = []
    for name, made in (("before", None), ("after", change)):
        tree = make(folder / name, epochs, made) if not (folder / name).exists() else Tree(folder / name)
        runs = tree.session().runs(range(900, 910), Cache.USE, "")
        values = [run.record.metrics[METRIC].value for run, _ in runs]
        mean = sum(values) / len(values)
        sd = (sum((v - mean) ** 2 for v in values) / (len(values) - 1)) ** 0.5
        means.append((mean, sd))
        print(f"{name}: {METRIC} {mean:.4f} ± {sd:.4f}, {sum(r.record.usage.wall_s for r, _ in runs) / 10:.1f} s a run")
    print(f"change {(means[1][0] - means[0][0]) / means[0][1]:+.2f} sd of the runs before")


def run(folder: Path, epochs: int, many: int, pull_requests: int) -> None:
    """Baselines, then pull requests; each leaves its bundle in `folder`."""
    trees = {}
    for kind, change in (("unchanged", None), ("dropped", CHANGE)):
        place = folder / kind
        trees[kind] = Tree(place) if place.exists() else make(place, epochs, change)
    for number in range(many):
        accept(trees["unchanged"], folder / f"baseline-{number}.json", number)
    kept = {kind: pair(tree, 10_000) for kind, tree in trees.items()}
    for i in range(pull_requests):
        for offset, (kind, tree) in enumerate(trees.items()):
            target = folder / f"{kind}-{i:02}.zip"
            if not target.exists():
                first = 100_000 + STAGE * (2 * i + offset)
                target.write_bytes(bundles.dumps(one(tree, folder / f"baseline-{i % many}.json", first)))
            tree.forget(kept[kind])


def accept(tree: Tree, path: Path, number: int) -> None:
    """A baseline of ten seeds of its own."""
    if not path.exists():
        seeds = range(SEEDS * number, SEEDS * (number + 1))
        made = baselines.run_for_baseline(tree.session(), seeds, Cache.USE, os.environ)
        baselines.accept(made, None, path, "")
    tree.forget(set())


def pair(tree: Tree, seed: int) -> set[str]:
    """Two runs of one seed of this configuration: whether it reproduces is known from them."""
    session = tree.session()
    first = session.runs([seed], Cache.USE, "")[0]
    if session.run_twice(first[0]) is None:
        session.again(seed)
    return tree.keep()


def one(tree: Tree, baseline: Path, first: int) -> Bundle:
    """One pull request: five seeds from `first` on, as many of them as `reproduce` asks for."""
    session = tree.session()
    stored = stored_baseline(baseline.parent, baseline.name, session.experiment.experiment)
    found = reproduce(session, stored, range(first, first + STAGE), Cache.USE, os.environ)
    found.importing.cancel()  # MLflow has no part in the verdict
    metric = decision(found.verdict)
    print(f"{tree.folder.name} seeds {first}–: {len(found.bundle.candidate.runs)} runs, {metric.judgement}", flush=True)
    return found.bundle


def decision(verdict: Verdict) -> Decision:
    """What was said of the metric that gates."""
    return next(d for d in verdict.decisions if d.metric == METRIC)


def judged(folder: Path, kind: str) -> Iterator[tuple[Bundle, Decision]]:
    """Every pull request of a kind, judged by the code that is here now."""
    for path in sorted(folder.glob(f"{kind}-*.zip")):
        bundle = bundles.load(path)
        assert bundle.baseline is not None
        verdict = compare(bundle.baseline.snapshot, bundle.candidate, bundle.policy, bundle.replicate, bundle.later)
        yield bundle, decision(verdict)


def table(folder: Path) -> Iterator[str]:
    """Counts with their intervals."""
    for kind, what in (("unchanged", "alarms"), ("dropped", "regressions found")):
        found = list(judged(folder, kind))
        wanted = ALARMS if kind == "unchanged" else {Judgement.REGRESSED}
        hits = sum(d.judgement in wanted for _, d in found)
        runs = [len(bundle.candidate.runs) for bundle, _ in found]
        low, high = clopper_pearson(hits, len(found))
        counts = {str(j): sum(d.judgement is j for _, d in found) for j in Judgement}
        yield (
            f"{kind}: {hits} {what} in {len(found)} ({100 * hits / len(found):.1f} %, 95 % interval {100 * low:.1f} … "
            f"{100 * high:.1f} %), {sum(runs) / len(runs):.2f} runs each "
            f"({sum(n == STAGE for n in runs)} of them {STAGE})"
        )
        yield f"    {json.dumps({name: n for name, n in counts.items() if n})}"
        yield f"    {effect(found)}"


def effect(found: list[tuple[Bundle, Decision]]) -> str:
    """The change as measured over all pull requests, in standard deviations of all baselines' runs."""
    stored = {b.baseline.snapshot.runs[0].seed: b.baseline.snapshot for b, _ in found if b.baseline is not None}
    before = [list(side.values(METRIC).values()) for side in stored.values()]
    # The first run of each pull request: later ones are there only where the first looked different.
    now = [next(v for s, v in b.candidate.values(METRIC).items() if s in b.planned) for b, _ in found]
    flat = [v for side in before for v in side]
    mean = sum(flat) / len(flat)
    sd = (sum((v - mean) ** 2 for v in flat) / (len(flat) - 1)) ** 0.5
    change = sum(now) / len(now) - mean
    return (
        f"first runs {sum(now) / len(now):.4f}, {len(flat)} baseline runs {mean:.4f} ± {sd:.4f}: "
        f"change {change / sd:+.2f} sd"
    )


def clopper_pearson(hits: int, n: int) -> tuple[float, float]:
    """Exact 95 % interval of a rate."""
    from scipy.stats import binomtest

    found = binomtest(hits, n).proportion_ci(0.95, "exact")
    return float(found.low), float(found.high)


if __name__ == "__main__":
    main()
