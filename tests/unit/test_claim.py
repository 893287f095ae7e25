"""Whether a sweep's claim holds: every outcome, what passes and what never does, and words of strangers."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from builders import a_bundle, a_failed_run, a_policy, a_run
from hypothesis import given
from hypothesis import strategies as st
from markdown_oracle import acts, rendered
from report_cases import report_of

from action.activities.verify import Record, Wanted
from action.sweep_on_pull import brought, sound
from experiment.claim import Claim, MadeAgain, NoClaim, Verification, fresh_seeds
from experiment.record import Status
from experiment.snapshot import RunSummary
from experiment.spec import Experiment, Gate, Goal, Metric
from experiment.trials import Row, table_digest
from reporting.claim import verdict
from reporting.claim_report import build
from reporting.claim_stages import next_stage
from reporting.decision import GateResult, Judgement, Reproduction
from reporting.document import line
from reporting.render import to_html, to_markdown
from reporting.stages import Continue
from runner.sweep.lockfile import SweepLock

METRIC = "test/accuracy"


def a_claim(values: Sequence[float], first: int = 0, **changes: Any) -> Claim:
    seeds = tuple(range(first, first + len(values)))
    runs = [a_run(seed, {METRIC: value}) for seed, value in zip(seeds, values, strict=True)]
    results = tuple(run.result_sha256 for run in runs)
    made = Claim(trial=3, metric=METRIC, goal=Goal.MAXIMIZE, seeds=seeds, values=tuple(values), results=results)
    return made.model_copy(update=changes)


CLAIM = a_claim((0.91, 0.92, 0.9, 0.93, 0.92))
AGAIN = tuple(a_run(seed, {METRIC: value}) for seed, value in zip(CLAIM.seeds, CLAIM.values, strict=True))
SAME = MadeAgain(asked=2, of=4)
APART = MadeAgain(asked=2, of=4, difference="trial 1: value of objective 1: the record has 0.9, found 0.8\n  why")


def found(values: tuple[float, ...] = (0.915, 0.92, 0.905, 0.925, 0.92), **changes: object) -> Verification:
    runs = tuple(a_run(5 + i, {METRIC: value}) for i, value in enumerate(values))
    made = Verification(record="sweeps/digits.lock.json", params={"lr": 0.01}, claim=CLAIM, runs=runs)
    return made.model_copy(update=changes)


def without(why: NoClaim, again: MadeAgain | None = None) -> Verification:
    return found(claim=None, runs=(), no_claim=why, again=again)


def policy(**gate: str) -> Experiment:
    return a_policy(metrics={METRIC: Metric(goal=Goal.MAXIMIZE, margin=0.03)}, gate=Gate.model_validate(gate))


FAILED = (a_failed_run(5), a_failed_run(6))
ALMOST = tuple(a_run(run.seed, {METRIC: run.metrics[METRIC] + 1e-9}) for run in AGAIN)
OTHER = a_run(0, {METRIC: 0.93})
LOWER = CLAIM.model_copy(update={"values": (0.8,) * 5})
CASES = [
    # found, gate of the policy, judgement, gate's answer, exit code
    (found(runs=AGAIN), {}, Judgement.IDENTICAL, GateResult.PASSED, 0),
    (found(runs=AGAIN), {"baseline": "equivalent"}, Judgement.IDENTICAL, GateResult.PASSED, 0),
    (found(runs=ALMOST), {}, Judgement.WITHIN_TOLERANCE, GateResult.PASSED, 0),
    (found(runs=(*AGAIN[:4], a_failed_run(4))), {}, Judgement.UNVERIFIABLE, GateResult.CANNOT_JUDGE, 4),
    (found(runs=(OTHER, a_run(5, {METRIC: 0.92}))), {}, Judgement.CONSISTENT, GateResult.PASSED, 0),
    (found(runs=(OTHER, *found().runs)), {}, Judgement.EQUIVALENT, GateResult.PASSED, 0),
    (found(runs=AGAIN, before=CLAIM), {}, Judgement.IDENTICAL, GateResult.PASSED, 0),
    (found(runs=AGAIN, before=LOWER), {}, Judgement.IMPROVED, GateResult.PASSED, 0),
    (found(), {}, Judgement.EQUIVALENT, GateResult.PASSED, 0),
    (found((0.6, 0.61, 0.6, 0.62, 0.6)), {}, Judgement.REGRESSED, GateResult.FAILED, 1),
    (found((0.6, 0.61, 0.6, 0.62, 0.6)), {"baseline": "report"}, Judgement.REGRESSED, GateResult.PASSED, 0),
    (found((0.99, 0.98, 0.99, 0.99, 0.98)), {}, Judgement.IMPROVED, GateResult.PASSED, 0),
    (found((0.8, 0.99, 0.85, 0.97, 0.9)), {}, Judgement.INCONCLUSIVE, GateResult.CANNOT_JUDGE, 4),
    (found(again=SAME), {}, Judgement.EQUIVALENT, GateResult.PASSED, 0),
    (found(again=APART), {}, Judgement.EQUIVALENT, GateResult.FAILED, 1),
    (found(again=APART), {"reproduce": "report"}, Judgement.EQUIVALENT, GateResult.PASSED, 0),
    (found(again=APART.model_copy(update={"elsewhere": True})), {}, Judgement.EQUIVALENT, GateResult.CANNOT_JUDGE, 4),
    (found(runs=FAILED), {}, Judgement.UNVERIFIABLE, GateResult.FAILED, 1),
    (found(runs=(a_run(5, {METRIC: 0.92}), a_failed_run(6))), {}, Judgement.UNVERIFIABLE, GateResult.CANNOT_JUDGE, 4),
    (found(runs=()), {}, Judgement.UNVERIFIABLE, GateResult.CANNOT_JUDGE, 4),
    (found(runs=(), lost="disk full"), {}, Judgement.UNVERIFIABLE, GateResult.INFRASTRUCTURE, 3),
    (found(runs=(a_failed_run(5, Status.INFRA_ERROR),)), {}, Judgement.UNVERIFIABLE, GateResult.INFRASTRUCTURE, 3),
    (found(before=CLAIM.model_copy(update={"values": (0.99,) * 5})), {}, Judgement.REGRESSED, GateResult.FAILED, 1),
    *[(without(why), {}, Judgement.UNVERIFIABLE, GateResult.CANNOT_JUDGE, 4) for why in NoClaim],
    (without(NoClaim.SEVERAL, SAME), {}, Judgement.IDENTICAL, GateResult.PASSED, 0),
    (without(NoClaim.BADLY, SAME), {}, Judgement.UNVERIFIABLE, GateResult.CANNOT_JUDGE, 4),
    (without(NoClaim.SEVERAL, APART), {}, Judgement.UNVERIFIABLE, GateResult.FAILED, 1),
]  # fmt: skip


@pytest.mark.parametrize(("given_", "gate", "judgement", "result", "code"), CASES)
def test_every_outcome_has_its_judgement_gate_and_exit_code(
    given_: Verification, gate: dict[str, str], judgement: Judgement, result: GateResult, code: int
) -> None:
    made = verdict(given_, policy(**gate))
    assert (made.judgement, made.gate, made.exit_code) == (judgement, result, code), made
    assert "baseline" not in made.gate_reason


@pytest.mark.parametrize(("given_", "gate", "judgement", "result", "code"), CASES)
def test_every_outcome_has_a_report_of_its_own_and_beside_a_training(
    given_: Verification, gate: dict[str, str], judgement: Judgement, result: GateResult, code: int
) -> None:
    made = verdict(given_, policy(**gate))
    report = build(given_, made, "digits", footer=line("x"), repeat="again", whole="x.html")
    text = to_markdown(report, ())
    assert text.startswith("### digits sweep: **")
    assert ("**it passes**" in text) == (code == 0)
    assert "digits sweep" in to_html(report, ["<svg/>"] * len(report.charts))
    beside = to_markdown(report_of(a_bundle(sweep=given_, policy=policy(**gate))), ())
    assert ("; sweep **" in beside.split("\n")[0]) == (code != 0)
    assert "<summary>The sweep's claim: " in beside


@given(st.randoms(use_true_random=False), st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_the_order_of_runs_does_not_matter_and_what_is_missing_never_passes(
    draw: random.Random, values: list[float]
) -> None:
    one = found(tuple(values))
    mixed = one.model_copy(update={"runs": tuple(draw.sample(one.runs, len(one.runs)))})
    assert verdict(one, policy()).gate is verdict(mixed, policy()).gate
    holed = one.model_copy(update={"runs": (*one.runs[1:], a_failed_run(5))})
    assert verdict(holed, policy()).gate is not GateResult.PASSED


def verified(
    claim: Claim, run_of: Callable[[int], RunSummary], before: Claim | None = None, **gate: str
) -> Verification:
    """All stages of a claim whose runs are `run_of` their seed."""
    made = found(claim=claim, runs=(), before=before)
    terms = a_policy(metrics={claim.metric: Metric(goal=claim.goal)}, gate=Gate.model_validate(gate))
    while isinstance(stage := next_stage(made, terms), Continue):
        assert stage.seeds
        assert stage.reason
        made = made.model_copy(update={"runs": (*made.runs, *map(run_of, stage.seeds))})
    assert len({run.seed for run in made.runs}) == len(made.runs)
    return made


@given(st.lists(st.floats(), min_size=1, max_size=5), st.sampled_from(["non-inferior", "equivalent"]), st.booleans())
def test_what_has_not_changed_comes_out_as_claimed_whatever_its_noise(
    values: list[float], gate: str, brought_again: bool
) -> None:
    """No margin, any values, NaN too: runs that give what they gave pass, and are never inconclusive."""
    claim = a_claim(values)
    made = verified(
        claim, lambda seed: a_run(seed, {METRIC: values[seed]}), claim if brought_again else None, baseline=gate
    )
    judged = verdict(
        made, a_policy(metrics={METRIC: Metric(goal=claim.goal)}, gate=Gate.model_validate({"baseline": gate}))
    )
    assert (judged.judgement, judged.gate) == (Judgement.IDENTICAL, GateResult.PASSED), judged
    assert [run.seed for run in made.runs] == list(claim.seeds)


def test_a_seed_that_comes_out_otherwise_leaves_the_answer_to_fresh_seeds() -> None:
    def other(*values: float) -> Callable[[int], RunSummary]:
        return lambda seed: a_run(seed, {METRIC: values[seed] if seed < len(values) else values[-1]})

    near = verified(CLAIM, other(0.93, 0.92))
    assert [run.seed for run in near.runs] == [0, 5]  # inside what the claim's runs give
    far = verified(CLAIM, other(*CLAIM.values[:3], 0.5, 0.6))
    assert [run.seed for run in far.runs] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert verdict(far, policy()).judgement is Judgement.REGRESSED
    strict = verified(CLAIM, other(0.93, 0.92), baseline="equivalent")
    assert len(strict.runs) == 1 + 5
    lost = verified(CLAIM, lambda seed: a_run(seed, {METRIC: CLAIM.values[seed]}) if seed < 2 else a_failed_run(seed))
    assert len(lost.runs) == 5
    same_value = lambda seed: a_run(seed, {METRIC: CLAIM.values[min(seed, 4)]}, result_sha256="0" * 64)  # noqa: E731
    assert verdict(verified(CLAIM, same_value), policy()).judgement is Judgement.WITHIN_TOLERANCE


def test_a_record_of_fewer_seeds_than_the_bases_is_run_on_as_many_where_that_is_open() -> None:
    few = a_claim((0.94,))
    made = verified(few, lambda seed: a_run(seed, {METRIC: 0.94 + seed / 1000}), CLAIM)
    assert [run.seed for run in made.runs] == [0, 5, 6, 7, 8]


@given(st.sets(st.integers(0, 30)), st.integers(1, 20))
def test_fresh_seeds_are_as_many_as_wanted_and_nobodys(used: set[int], wanted: int) -> None:
    seeds = fresh_seeds(wanted, used)
    assert len(set(seeds)) == wanted
    assert not {*seeds} & used


@pytest.mark.parametrize("text", ["@acme/everyone", "[x](https://evil.example)", "<script>1</script>", "#1", "```\nx"])
def test_no_word_of_a_stranger_acts(text: str) -> None:
    again = MadeAgain(asked=1, of=4, difference=f"{text}\n  {text}")
    strange = found(params={text: text}, again=again, changed=(text,), lost=text)
    for words in (strange, found(claim=None, runs=(), no_claim=NoClaim.UNREADABLE, why=text)):
        made = verdict(words, policy())
        report = build(words, made, "digits", footer=line("x"), repeat=text, whole="x.html")
        seen = rendered(to_markdown(report, ()))
        assert not {"a", "script", "img"} & set(seen.tags)
        assert acts(seen.text) == []


def test_a_long_word_of_a_stranger_stays_within_the_limit_of_a_comment() -> None:
    long = "x" * 1_000_000
    again = MadeAgain(asked=1, of=4, difference=f"{long}\n{long}")
    strange = found(params={long: long}, again=again, changed=(long,) * 9, lost=long)
    report = build(strange, verdict(strange, policy()), "digits", footer=line("x"), repeat="x", whole="x")
    assert len(to_markdown(report, ()).encode()) < 10_000


TABLE = tuple(Row(trial=i, state="complete", params={"lr": i / 100}, values=(i / 10,)) for i in range(4))
LOCK = SweepLock(
    experiment="digits", spec={"start": "null"}, machine="m", trials=4, table_digest=table_digest(TABLE),
    best=(3,), claim=CLAIM, order="a0 t0 a1 t1 a2 t2 a3 t3", table=TABLE,
)  # fmt: skip
RECORD = Record("sweeps/digits.lock.json", LOCK)
HONEST = found(params={"lr": 0.03}, runs=AGAIN)


def test_an_honest_answer_of_another_job_is_kept_with_the_records_own_claim() -> None:
    lied = HONEST.model_copy(update={"claim": CLAIM.model_copy(update={"values": (0.0,) * 5}), "before": None})
    kept = sound(lied, RECORD, Wanted(), policy())
    assert (kept.claim, kept.runs, kept.no_claim) == (CLAIM, HONEST.runs, None)


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        (None, Wanted()),
        (HONEST.model_copy(update={"params": {"lr": 0.5}}), Wanted()),
        (HONEST.model_copy(update={"runs": HONEST.runs[:2]}), Wanted()),
        (HONEST.model_copy(update={"runs": (HONEST.runs[0],) * 5}), Wanted()),
        (HONEST.model_copy(update={"runs": tuple(a_run(i, {METRIC: 0.5}) for i in range(5))}), Wanted()),
        (HONEST.model_copy(update={"runs": found().runs}), Wanted()),
        (HONEST.model_copy(update={"runs": (OTHER, a_run(5, {METRIC: 0.5}))}), Wanted()),
        (HONEST, Wanted(trials=2)),
        (HONEST.model_copy(update={"again": MadeAgain(asked=1, of=4)}), Wanted(trials=2)),
        (HONEST.model_copy(update={"again": MadeAgain(asked=2, of=2)}), Wanted(trials=2)),
    ],
)
def test_an_answer_to_something_else_is_none(told: Verification | None, wanted: Wanted) -> None:
    kept = sound(told, RECORD, wanted, policy())
    assert kept.no_claim is NoClaim.NOT_MADE
    assert verdict(kept, policy()).gate is GateResult.CANNOT_JUDGE


def test_the_table_of_all_trials_is_known_to_be_whole() -> None:
    told = HONEST.model_copy(update={"again": MadeAgain(asked=4, of=4)})
    made = verdict(sound(told, RECORD, Wanted(trials=10**9), policy()), policy())
    assert (made.reproduction, made.gate) == (Reproduction.IDENTICAL, GateResult.PASSED)


def test_which_record_counts() -> None:
    ours, theirs = LOCK.to_json().encode(), LOCK.model_copy(update={"machine": "n"}).to_json().encode()
    path = RECORD.path
    assert brought(path, ours, ours, "a" * 40).record == RECORD
    assert brought(path, None, None, "a" * 40).record.no_claim is NoClaim.NO_RECORD
    gone = brought(path, None, ours, "a" * 40)
    assert (gone.record, bool(gone.notice)) == (RECORD, True)
    new = brought(path, theirs, None, "a" * 40)
    assert (new.record.before, bool(new.notice)) == (None, True)
    edited = brought(path, theirs, ours, "a" * 40)
    assert edited.record.lock is not None
    assert (edited.record.lock.machine, edited.record.before) == ("n", CLAIM)
    broken = brought(path, b"{}", ours, "a" * 40)
    assert (broken.record.no_claim, bool(broken.notice)) == (NoClaim.UNREADABLE, True)
