"""How many runs: a few first, all seeds when they look different; and whether a run has to be made twice.

Several gated metrics: more runs are made when any of them is outside its interval, without a correction for their
number. That costs runs, never a wrong verdict, while a correction would miss regressions of a single metric.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from experiment.snapshot import RunSummary, Snapshot
from reporting.comparison import Policy, decide_metrics, rules_of
from reporting.decision import Decision, Judgement
from reporting.gate import incomplete
from reporting.numbers import count, every, percent
from reporting.reproduction import all_same_bits, same_seed_runs

SETTLED = (Judgement.IDENTICAL, Judgement.WITHIN_TOLERANCE, Judgement.CONSISTENT, Judgement.EQUIVALENT)


@dataclass(frozen=True)
class Continue:
    """Run these seeds next; `reason` is for the terminal and the report."""

    seeds: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class Stop:
    """No more runs are needed; `reason` is for the terminal and the report, empty where there is nothing to say."""

    reason: str


def first_stage(baseline: Snapshot | None, seeds: Sequence[int], first: int = 1) -> Continue:
    """The seeds to begin with: `first` of them, unless there is nothing to hold them against.

    They are the first that the baseline ran too, since only equal seeds can be equal to the bit.
    """
    stored = [run.seed for run in baseline.runs if run.ok] if baseline else []
    all_seeds = every(len(seeds), "seed")
    if baseline is None:
        return Continue(tuple(seeds), f"no baseline yet: {all_seeds}")
    if len(stored) < 2:
        return Continue(
            tuple(seeds), f"{count(len(stored), 'baseline run')} cannot tell how much seeds differ: {all_seeds}"
        )
    chosen = tuple(sorted(seeds, key=lambda seed: seed not in stored)[:first])
    looks = "it looks" if len(chosen) == 1 else "they look"
    left = len(seeds) - len(chosen)
    more = f"; up to {left} more if {looks} different from" if left else " against"
    return Continue(chosen, f"{count(len(chosen), 'run')}{more} the baseline's {count(len(stored), 'run')}")


def next_stage(
    baseline: Snapshot | None,
    candidate: Snapshot,
    policy: Policy,
    seeds: Sequence[int],
    later: Sequence[RunSummary] = (),
) -> Continue | Stop:
    """What to do after the runs of `candidate`; `seeds` are all that the experiment may spend.

    `later` are runs of the baseline's configuration that were made after it.
    """
    first = policy.stages.first
    done = {run.seed for run in candidate.runs}
    left = tuple(seed for seed in seeds if seed not in done)
    if not done:
        return first_stage(baseline, seeds, first)
    if not left:
        return Stop("")
    if broken := incomplete(candidate.runs):
        return Stop(f"{broken}: no more runs")
    if baseline is None or len(done) != min(first, len(seeds)):
        return Continue(left, f"{count(len(left), 'more run')} of {len(seeds)}")
    return _after_first(decide_metrics(baseline, candidate, policy, later), policy, left)


def _after_first(decisions: Sequence[Decision], policy: Policy, left: tuple[int, ...]) -> Continue | Stop:
    gated = [decision for decision in decisions if decision.gated]
    hopeless = next((d for d in gated if d.judgement is Judgement.UNVERIFIABLE or _without_statistics(d)), None)
    if hopeless is not None:
        return Stop(f"{hopeless.reason}: no more runs")
    more = count(len(left), "more run")
    open_ones = [decision for decision in gated if decision.judgement not in SETTLED]
    if open_ones:
        return Continue(left, f"{_outside(open_ones[0], gated, _share(policy))}: {more}")
    if policy.gate.baseline == "equivalent" and any(d.judgement is Judgement.CONSISTENT for d in gated):
        few = "one run" if policy.stages.first == 1 else f"{policy.stages.first} runs"
        return Continue(left, f"{few} cannot show equivalence: {more}")
    return Stop(_settled(gated, _share(policy)))


def _share(policy: Policy) -> str:
    """ "80 % of baseline runs": what the first stage is held against."""
    what = "baseline runs" if policy.stages.first == 1 else f"means of {policy.stages.first} baseline runs"
    return f"{percent(1 - rules_of(policy).escalate)} of {what}"


def _without_statistics(decision: Decision) -> bool:
    return decision.judgement is Judgement.REGRESSED and decision.step == 1


def _outside(decision: Decision, gated: Sequence[Decision], share: str) -> str:
    name = f"{decision.metric} " if len(gated) > 1 else ""
    if decision.baseline.n < 2:
        return f"{name}cannot be judged by one baseline run".strip()
    return f"{name}outside what {share} give"


def _settled(gated: Sequence[Decision], share: str) -> str:
    if not gated:
        return "no metric gates: no more runs"
    if all(decision.judgement is Judgement.IDENTICAL for decision in gated):
        return "the same bits as the baseline: no more runs"
    if any(decision.judgement is Judgement.CONSISTENT for decision in gated):
        return f"inside what {share} give: no more runs"
    return "within tolerance or margin of the baseline: no more runs"


def second_run(baseline: Snapshot | None, candidate: Snapshot) -> Continue | Stop:
    """Whether the first question needs a run of its own: the same commit and seed again (A/A), one seed of it."""
    fine = [run.seed for run in candidate.runs if run.ok]
    if not fine:
        return Stop("no run ended well: none is made twice")
    pairs = same_seed_runs(baseline, candidate) if baseline else []
    if all_same_bits(pairs):
        return Stop(f"seed {pairs[0][1].seed} gave the baseline's bits: that is a second run already")
    return Continue((fine[0],), f"seed {fine[0]} again: does it reproduce?")
