"""Which runs a claim is judged by: its own seeds, which may come out to the bit, else fresh ones as for a training."""

from collections.abc import Sequence

from experiment.claim import Claim, Verification, fresh_seeds
from experiment.snapshot import RunSummary
from experiment.spec import Experiment, Metric
from experiment.value import double_bits
from reporting.comparison import value_of
from reporting.decision import Decision, GateResult, Judgement
from reporting.evidence import NUMERIC_NOISE, Rules, SameSeed, within_tolerance
from reporting.gate import MOVED, incomplete, of_metrics
from reporting.numbers import count, percent, plain
from reporting.stages import SETTLED, Continue, Stop
from reporting.verdict import judge


def decided(found: Verification, policy: Experiment) -> tuple[Decision, ...]:
    """How the runs stand against the record's own claim; where the change brought that record, the base's too.

    Where all runs on the claim's own seeds came out as claimed, these are what it is judged by; else the fresh ones.
    """
    own, fresh = _split(found)
    by_own = as_claimed(found, policy) or not fresh
    against = [] if found.claim is None else [(found.claim, own if by_own else fresh)]
    if found.before is not None:
        against.append((found.before, found.runs if by_own else fresh))
    return tuple(_decision(claim, runs, policy) for claim, runs in against)


def as_claimed(found: Verification, policy: Experiment) -> bool:
    """Whether all runs on the claim's own seeds gave what it says, to the bit or within the metric's tolerance."""
    claim, own = found.claim, _split(found)[0]
    if claim is None or not own or not all(run.ok for run in own):
        return False
    same = _same_seed(claim, own)
    tolerance = policy.metrics.get(claim.metric, Metric()).tolerance or NUMERIC_NOISE
    return len(same.pairs) == len(own) and (same.equal_bits or within_tolerance(same, tolerance))


def next_stage(found: Verification, policy: Experiment) -> Continue | Stop:
    """What to run next for a claim; without runs, what to begin with.

    Its own seeds come first, one alone: of code, data and environment that have not changed, on the same machine, each
    comes out to the bit, and nothing is left to chance. Where one does not, it says no more than another draw of seed
    noise; then one fresh seed is held against what the claim's runs give, as many as the claim has where it lies
    outside, and twice as many where even those leave the gate without an answer.
    """
    claim = found.claim
    assert claim is not None
    own, fresh = _split(found)
    if found.runs and (broken := incomplete(found.runs)):
        return Stop(f"{broken}: no more runs")
    if not own:
        first = claim.seeds[0]
        return Continue((first,), f"trial {claim.trial} again on the claim's own seed {first}: does it come out again?")
    missing = tuple(seed for seed in claim.seeds if seed not in {run.seed for run in own})
    if as_claimed(found, policy):
        if missing:
            return Continue(
                missing, f"seed {own[0].seed} came out as claimed: {count(len(missing), 'more seed')} of the claim"
            )
        return _against_the_base(found, policy)
    return _fresh(found, policy, len(fresh))


def _fresh(found: Verification, policy: Experiment, done: int) -> Continue | Stop:
    claim = found.claim
    assert claim is not None
    n = len(claim.seeds)
    left = _unused(found, policy, n - done)
    more = count(len(left), "more run")
    if not done:
        up_to = f"; up to {2 * n - 1} more if it looks different"
        return Continue(left[:1], f"{not_again(found)}, so fresh seeds decide: 1 run{up_to}")
    decisions = decided(found, policy)
    if not left:
        open_still = of_metrics(policy.gate, decisions).result is GateResult.CANNOT_JUDGE
        left = _unused(found, policy, 2 * n - done) if open_still else ()
        return Continue(left, f"{count(done, 'run')} cannot tell: {count(len(left), 'more run')}") if left else Stop("")
    if all(decision.judgement is Judgement.CONSISTENT for decision in decisions):
        if policy.gate.baseline != "equivalent":
            return Stop("inside what runs of the claim give: no more runs")
        return Continue(left, f"one run cannot show equivalence: {more}")
    return Continue(left, f"outside what {percent(1 - policy.stages.escalate)} of the claim's runs give: {more}")


def _against_the_base(found: Verification, policy: Experiment) -> Continue | Stop:
    """A record that a change brings may claim fewer runs than the base's: too few to be held against that."""
    before = found.before
    left = _unused(found, policy, len(before.seeds) - len(found.runs)) if before is not None else ()
    if not left or decided(found, policy)[-1].judgement in (*SETTLED, *MOVED):
        return Stop("as claimed: no more runs")
    return Continue(left, f"the base commit's claim is still open: {count(len(left), 'more run')} on fresh seeds")


def not_again(found: Verification) -> str:
    """Which of the claim's own seeds came out otherwise, in a clause: "seed 0 gave 0.91 in place of 0.93"."""
    claim = found.claim
    assert claim is not None
    claimed = dict(zip(claim.seeds, claim.values, strict=True))
    other = next((r for r in _split(found)[0] if value_of(r, claim.metric) != claimed[r.seed]), None)
    value = value_of(other, claim.metric) if other is not None else None
    if other is None or value is None:
        return "the claim's own seeds did not come out again"
    return f"seed {other.seed} gave {plain(value)} in place of {plain(claimed[other.seed])}"


def _split(found: Verification) -> tuple[tuple[RunSummary, ...], tuple[RunSummary, ...]]:
    """Runs on the claim's own seeds, and the others."""
    seeds = found.claim.seeds if found.claim is not None else ()
    own = tuple(run for run in found.runs if run.seed in seeds)
    return own, tuple(run for run in found.runs if run.seed not in seeds)


def _unused(found: Verification, policy: Experiment, wanted: int) -> tuple[int, ...]:
    """Seeds that neither a claim, nor the experiment, nor a run has."""
    claimed = {seed for claim in (found.claim, found.before) if claim is not None for seed in claim.seeds}
    return fresh_seeds(max(wanted, 0), {*claimed, *policy.seeds, *(run.seed for run in found.runs)})


def _same_seed(claim: Claim, runs: Sequence[RunSummary]) -> SameSeed:
    """What runs on seeds of the claim say of it."""
    known = dict(zip(claim.seeds, zip(claim.values, claim.results, strict=True), strict=True))
    both = [
        (known[run.seed][0], value, known[run.seed][1] == run.result_sha256)
        for run in runs
        if run.seed in known and (value := value_of(run, claim.metric)) is not None
    ]
    equal = bool(both) and all(same and double_bits(there) == double_bits(here) for there, here, same in both)
    return SameSeed(tuple((there, here) for there, here, _ in both), equal)


def _decision(claim: Claim, runs: Sequence[RunSummary], policy: Experiment) -> Decision:
    terms = policy.metrics.get(claim.metric, Metric())
    values = [value for run in runs if (value := value_of(run, claim.metric)) is not None]
    whole = {*claim.seeds} <= {run.seed for run in runs}
    return judge(
        claim.values,
        values,
        metric=claim.metric,
        goal=claim.goal,
        margin=terms.margin,
        tolerance=terms.tolerance,
        quantum=terms.quantum,
        rules=Rules(alpha=policy.alpha, escalate=policy.stages.escalate),
        same_seed=_same_seed(claim, runs) if whole else SameSeed(),
        candidate_failed=len(runs) - len(values),
    )
