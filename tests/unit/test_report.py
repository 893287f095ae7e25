"""What a report says: the verdict first, every number from the decision, nothing from data that could act."""

import math
import re
from collections import Counter

import pytest
from builders import (
    BASE_COMMIT,
    HIGHER_LOSS,
    LOWER_ACCURACY,
    a_baseline,
    a_bundle,
    a_configuration,
    a_decision,
    a_failed_run,
    a_policy,
    a_run,
    a_snapshot,
    a_verdict,
    an_environment,
)
from markdown_oracle import acts, rendered
from report_cases import CASES, edited, judged, report_of

from experiment.bundle import Replicate
from experiment.environment import Gpu, HardwareRecord
from experiment.record import DataRead, FileDigest, Outcome, SeedCall, Seeding, Status
from experiment.snapshot import CurveBand
from experiment.spec import Gate, Goal, Metric
from reporting import answers, charts, details, tables, words
from reporting.decision import GateResult, Judgement, MarginKind, Reproduction
from reporting.differences import Change, Differences, Factor
from reporting.document import Chart, Line, Report, Side, code, text_of, told
from reporting.render import LIMIT, Link, to_html, to_markdown
from reporting.report import build

ACCEPT = "if this is the intended new level, ml-experiment baseline accept writes it to baselines/digits.json."


def heading(case: str) -> str:
    return text_of(report_of(CASES[case]()).heading)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("identical", "digits: identical — the same bits as the baseline, 1 run, 12 s"),
        ("identical-from-cache", "digits: identical — the same bits as the baseline, 1 run from cache"),
        ("within-tolerance", "digits: within tolerance — test/accuracy moved by 3.0×10⁻⁹, inside its tolerance"),
        ("consistent", "digits: consistent — test/accuracy 0.9395, where baseline runs lie"),
        ("equivalent", "digits: equivalent — test/accuracy rose by 0.0002, inside the margin of 0.012"),
        ("improved", "digits: improved — test/loss fell by 0.077"),
        ("regressed", "digits: regressed — test/accuracy fell by 0.028"),
        ("changed", "digits: changed — weights/norm rose by 3.7"),
        ("inconclusive", "digits: inconclusive — test/accuracy fell by 0.005, which 5 runs cannot tell from chance"),
        ("no-baseline", "digits: no baseline — test/accuracy is 0.9128 ± 0.0077 over 5 runs"),
        ("not-reproduced", "digits: not reproduced — seed 0 gave test/accuracy 0.9395 and 0.9311; "
                           "against the baseline: consistent"),
        ("crashed", "digits: unverifiable — seed 0 crashed: exit status 1"),
        ("one-of-five-timed-out", "digits: unverifiable — seed 4 ran out of time: more than 2 h (1 of 5 runs failed)"),
        ("out-of-memory", "digits: unverifiable — seed 0 ran out of memory: more than 8.0 GB"),
        ("missing-metric", "digits: unverifiable — test/accuracy was never seen in the run of seed 0; "
                           "did you mean test/acc?"),
        ("not-a-number", "digits: regressed — test/accuracy is not finite in 2 of 5 runs"),
        ("infrastructure", "digits: not judged — the machine failed, not the experiment"),
    ],
)  # fmt: skip
def test_the_heading_alone_is_the_answer(case: str, expected: str) -> None:
    assert heading(case).replace("\u00a0", " ") == expected


def lead(case: str) -> str:
    return " ".join(text_of(sentence) for sentence in report_of(CASES[case]()).lead).replace("\u00a0", " ")


def test_the_lead_says_means_interval_odds_and_what_the_gate_asks_and_says() -> None:
    assert lead("regressed") == (
        "0.941 ± 0.006 over 10 baseline runs, 0.913 ± 0.008 over 5 runs of this commit (95 % interval of the change "
        "−0.036 … −0.020; an unchanged commit would show this once in 300,000). Gate: not worse than −0.005 — it fails."
    )


def test_an_inconclusive_result_says_what_it_could_have_found_and_what_would_settle_it() -> None:
    said = lead("inconclusive")
    assert "Nine times in ten this would have found a change of 0.015." in said
    assert said.count("114 runs of this commit would settle it") == 1
    assert "bear a wider margin" in question("inconclusive", "What now?")


def test_failed_runs_are_counted_out_of_the_mean_and_said() -> None:
    lost = (
        "2 of 5 runs of this commit left no finite value (chance alone gives this once in 10) and are not in the mean."
    )
    assert lost in lead("not-a-number")


def test_a_margin_nobody_declared_is_named_for_what_it_is() -> None:
    decision = a_decision(
        Judgement.EQUIVALENT, "test/loss", margin=0.034, margin_kind=MarginKind.TWO_SD, p_equivalence=0.0033
    )
    said = text_of(words.lead(a_bundle(), a_verdict(decision))[0])
    assert "two standard deviations of seed noise stand in for it" in said
    assert "one that moved by the whole margin would look this close once in 300" in said


def question(case: str, asked: str) -> str:
    report = report_of(CASES[case]())
    found = [text_of(b.words) for b in report.blocks if b.kind == "bullet" and text_of(b.words).startswith(asked)]
    return found[0].replace("\u00a0", " ") if found else ""


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("regressed", f"Undo or mend the change in train.py; or, {ACCEPT}"),
        ("regressed-by-a-package", f"Set einops, numpy back in requirements.lock; or, {ACCEPT}"),
        ("improved",
         "To hold the new level from now on: ml-experiment baseline accept writes it to baselines/digits.json."),
        ("no-baseline", "ml-experiment baseline accept writes baselines/digits.json; "
                        "commit it, and later runs are held against this level."),
        ("crashed", "Mend train.py; what it printed last is above."),
        ("one-of-five-timed-out",
         "Allow more under resources.timeout in ml-experiment.yaml, or make train.py end sooner."),
        ("out-of-memory", "Allow more under resources.memory in ml-experiment.yaml, or make train.py need less."),
        ("cancelled", "Run ml-experiment reproduce again; what finished is taken from the cache."),
        ("missing-metric",
         "Print or write test/accuracy in train.py, or correct its name under metrics in ml-experiment.yaml."),
        ("never-finite", "Find in train.py why score is not finite."),
        ("inconclusive-one-against-one",
         "Say what you would not mind losing: a margin for test/accuracy in ml-experiment.yaml."),
        ("infrastructure",
         "Mend the machine, then run ml-experiment reproduce again; what finished is taken from the cache."),
        ("not-reproduced",
         "Look in train.py for what is not seeded, or depends on time, threads or the order of files; "
         "or, if that much is meant to vary, give test/accuracy a tolerance in ml-experiment.yaml."),
    ],
)  # fmt: skip
def test_what_now_names_a_file_and_an_action(case: str, expected: str) -> None:
    assert question(case, "What now?") == f"What now? {expected}"


@pytest.mark.parametrize("case", ["identical", "consistent", "equivalent", "within-tolerance"])
def test_where_nothing_has_to_be_done_nothing_is_advised(case: str) -> None:
    assert question(case, "What now?") == ""


def now(changes: list[Change] | None = None, **verdict: object) -> str:
    found = None if changes is None else Differences(changes=tuple(changes))
    said = answers.what_now(a_bundle(), a_verdict(**verdict), found)
    return text_of(said or ()).removeprefix("What now? ")


def change(factor: Factor, name: str) -> Change:
    return Change(
        factor=factor,
        kind="file" if factor in (Factor.CODE, Factor.DATA) else "setting",
        name=name,
        before="a",
        after="b",
    )


def test_the_advice_on_a_regression_follows_what_differs() -> None:
    assert now([change(Factor.DATA, "data/x.npz")]).startswith("Bring back data/x.npz; or")
    assert now([change(Factor.HARDWARE, "kernel")]).startswith("Run it where the baseline was made")
    both = now([change(Factor.CODE, "train.py"), change(Factor.DATA, "data/x.npz"), change(Factor.HARDWARE, "GPU")])
    assert both.startswith("Undo or mend the change in train.py (or in data and hardware, which changed too); or")
    assert now([]).startswith("Nothing recorded explains it: look in train.py for what it reads unseen")
    assert now().startswith("Nothing recorded explains it")


def test_other_failures_have_their_own_advice() -> None:
    def after(outcome: Outcome) -> str:
        bundle = a_bundle(a_snapshot(runs=[a_run(outcome=outcome)]))
        said = answers.what_now(bundle, a_verdict(a_decision(Judgement.UNVERIFIABLE)), None)
        return text_of(said or ())

    assert "Mend what train.py leaves behind" in after(Outcome(status=Status.INVALID))
    assert after(Outcome(status=Status.USER_ERROR)).endswith("Mend train.py.")


def test_a_gate_that_asks_for_more_than_was_shown_says_how_to_go_on() -> None:
    said = now(judgement=Judgement.CONSISTENT, gate=GateResult.CANNOT_JUDGE)
    assert said == "Run ml-experiment reproduce --no-cache, or ask for less under gate in ml-experiment.yaml."


def test_a_missing_metric_may_be_the_baselines_or_nobodys() -> None:
    def after(*decisions: object) -> str:
        bundle = a_bundle()
        verdict = a_verdict(*decisions).model_copy(update={"judgement": Judgement.UNVERIFIABLE})  # type: ignore[arg-type]
        return text_of(answers.what_now(bundle, verdict, None) or ())

    assert "Store a baseline that has test/accuracy" in after(a_decision(Judgement.UNVERIFIABLE, baseline=()))
    assert "Name a metric to judge by" in after(a_decision(Judgement.NO_BASELINE, gated=False))


def test_more_baseline_runs_are_asked_for_where_a_margin_is_declared_and_no_number_of_runs_would_do() -> None:
    bundle, verdict = a_bundle(), a_verdict(a_decision(Judgement.INCONCLUSIVE))
    assert "Store a baseline of more runs" in text_of(answers.what_now(bundle, verdict, None) or ())
    few = a_verdict(a_decision(Judgement.INCONCLUSIVE, seeds_to_settle=12))
    assert "List 12 seeds under seeds in ml-experiment.yaml and run ml-experiment reproduce again." in text_of(
        answers.what_now(bundle, few, None) or ()
    )


def test_looser_determinism_is_tightened_first() -> None:
    here = a_snapshot(configuration=a_configuration(seeding=Seeding(determinism="seeds")))
    verdict = a_verdict(a_decision(Judgement.CONSISTENT), reproduction=Reproduction.DIFFERS, gate=GateResult.FAILED)
    said = text_of(answers.what_now(a_bundle(here), verdict, None) or ())
    assert said.startswith("What now? Set determinism: strict in ml-experiment.yaml and run again")


def test_what_differs_counts_what_is_the_same() -> None:
    assert question("regressed", "What differs") == (
        "What differs from the baseline? train.py, 1 of the 3 source files that were read. "
        "Same: environment (24 packages), data (1 file, 1.2 MB), parameters, processor and BLAS kernel."
    )
    assert "Not known: data/labels.csv, which could not be read." in question("regressed-by-a-package", "What differs")
    assert question("no-baseline", "What differs") == ""
    empty = a_bundle(a_snapshot(configuration=a_configuration(data={})), baseline=a_baseline())
    found = Differences(changes=())
    assert "Nothing that is recorded. Same: code (3 files), environment (24 packages), data," in text_of(
        answers.difference(empty, found) or ()
    )


def test_the_script_of_a_command_is_found() -> None:
    assert answers.script("python -u src/train.py --lr {lr}") == "src/train.py"
    assert answers.script("make train") == "make"
    assert answers.script("") == ""


def test_the_table_has_the_verdict_second_and_the_same_digits_in_a_row() -> None:
    text = to_markdown(report_of(CASES["regressed"]())).replace("\u00a0", " ")
    assert "| metric | verdict | change | 95 % interval | baseline, n = 10 | this commit, n = 5 |" in text
    assert (
        "| **`test/accuracy`** ↑ | **regressed** | **−0.0281** | −0.036 … −0.020 | 0.9409 ± 0.0060 | 0.9128 ± 0.0077 |"
    ) in text
    assert "| `runtime_s` ↓ | not gated | +0.22 s | −0.1 … +0.6 | 12.10 ± 0.28 s | 12.32 ± 0.36 s |" in text


def test_sides_of_different_counts_say_so_in_their_cells() -> None:
    text = to_markdown(report_of(CASES["not-a-number"]())).replace("\u00a0", " ")
    assert "| this commit |" in text
    assert "0.9164 ± 0.0041, n = 3, 2 not finite |" in text


def test_many_metrics_show_the_news_and_fold_the_rest() -> None:
    report = report_of(CASES["two-hundred-metrics"]())
    first = report.blocks[0]
    assert first.kind == "table"
    assert [text_of(row.cells[1]) for row in first.rows] == ["regressed"]
    assert "All 200 metrics" in [section.title for section in report.sections]
    assert "140 not gated" in to_markdown(report)


def test_the_quiet_case_is_short() -> None:
    text = to_markdown(report_of(CASES["identical"]()))
    open_part = text.partition("<details>")[0]
    assert len(open_part.splitlines()) < 8
    assert not report_of(CASES["identical"]()).charts


def test_identical_artifacts_without_metrics_are_said_to_be_checked() -> None:
    run = a_run(0, {}, artifacts={"model.npz": "0" * 64, "lost.npz": None})
    side = a_snapshot(runs=[run], metrics={})
    verdict = a_verdict(judgement=Judgement.IDENTICAL).model_copy(update={"decisions": (), "decisive": None})
    report = build(a_bundle(side, baseline=a_baseline(side)), verdict, Differences(changes=()))
    assert text_of(report.heading).startswith("digits: identical — the same bits")
    five = a_verdict(*(a_decision(Judgement.IDENTICAL, f"m{i}", (0.5,), (0.5,)) for i in range(6)))
    said = text_of(words.lead(a_bundle(side), five)[0])
    assert said.startswith(
        "Checked to the bit: m0 0.5000, m1 0.5000, m2 0.5000, m3 0.5000 and 2 metrics more and 1 artifact, seed 0."
    )


def test_seeds_are_named_as_a_range_where_they_are_one() -> None:
    assert [words.seeds_in_words(s) for s in ([0], [0, 1, 2], [1, 5], [])] == [
        "seed 0",
        "seeds 0–2",
        "seeds 1, 5",
        "no seed",
    ]


def test_a_verdict_without_any_metric_still_has_a_heading() -> None:
    empty = a_verdict().model_copy(update={"decisions": (), "decisive": None, "judgement": Judgement.NO_BASELINE})
    report = build(a_bundle(baseline=None), empty, None)
    assert text_of(report.heading) == "digits: no baseline — no metric was captured"
    assert report.blocks[0].kind == "bullet"
    lost = empty.model_copy(update={"judgement": Judgement.UNVERIFIABLE, "gate_reason": "a metric → failed"})
    assert text_of(words.heading(a_bundle(), lost)).endswith("nothing can be claimed")
    none = a_decision(Judgement.NO_BASELINE, candidate=())
    assert text_of(words.heading(a_bundle(baseline=None), a_verdict(none))).endswith("nothing to compare with yet")


def test_words_for_a_change_that_is_none_or_no_number() -> None:
    assert text_of(words.moved(a_decision(delta=0.0))) == "test/accuracy did not move"
    assert text_of(words.moved(a_decision(delta=math.nan))) == "test/accuracy is not finite"
    still = a_verdict(a_decision(Judgement.WITHIN_TOLERANCE, delta=0.0))
    assert text_of(words.heading(a_bundle(), still)).endswith("every difference inside the tolerance")


def test_a_gate_without_a_question_still_answers() -> None:
    assert text_of(words.gate(a_verdict(gate_reason=""))) == "Gate: it fails."
    assert text_of(words.gate(a_verdict(gate_reason="whole results → failed: disk is full"))) == (
        "Gate: whole results — it fails: disk is full."
    )


def test_not_reproduced_without_numbers_is_said_without_numbers() -> None:
    verdict = a_verdict(a_decision(Judgement.CONSISTENT), reproduction=Reproduction.DIFFERS, gate=GateResult.FAILED)
    for replicate, expected in (
        (None, "the same commit and seed gave two results"),
        (Replicate(run=a_run(0, {"test/accuracy": LOWER_ACCURACY[0]})), "seed 0 gave two results"),
        (Replicate(run=a_run(77)), "the same commit and seed gave two results"),
    ):
        assert expected in text_of(words.heading(a_bundle(replicate=replicate), verdict))


def test_infrastructure_says_what_is_kept() -> None:
    failed = a_failed_run(1, Status.INFRA_ERROR, "disk full")
    verdict = a_verdict(gate=GateResult.INFRASTRUCTURE, gate_reason="runs that finish → infrastructure")
    for runs, expected in (
        ([failed], "No run had finished."),
        ([a_run(0), a_run(2), failed], "2 finished runs are kept"),
    ):
        assert expected in text_of(words.lead(a_bundle(a_snapshot(runs=runs)), verdict)[0])
    nobody = text_of(words.lead(a_bundle(), verdict)[0])
    assert "runs that finish → infrastructure." in nobody


def test_runs_show_cached_marks_reasons_and_notes() -> None:
    runs = [a_run(0, cached=True, note="outside what 80 % give", peak_memory_bytes=None), a_failed_run(1, reason="")]
    table = tables.runs(a_bundle(a_snapshot(runs=runs), replicate=None), a_verdict())
    assert [text_of(row.cells[-1]) for row in table.rows] == ["from cache; outside what 80 % give", "user-error"]
    assert [text_of(row.cells[1]) for row in table.rows] == ["0.9409", "–"]
    bare = tables.runs(a_bundle(a_snapshot(runs=runs[:1]), replicate=None), a_verdict())
    assert "memory" not in [text_of(cell) for cell in bare.head]


def test_the_log_of_a_failed_run_stands_in_the_open_and_longer_ones_are_folded() -> None:
    logs = ["\n".join(f"line {i}" for i in range(50)), "short", "third", "fourth"]
    runs = [a_failed_run(i, log_tail=log) for i, log in enumerate(logs)]
    bundle = a_bundle(a_snapshot(runs=runs), replicate=None)
    text = to_markdown(build(*judged(bundle)))
    shown, _, folded = text.partition("<details>")
    assert "line 49" in shown
    assert "line 37" not in shown
    assert "line 10" in folded
    assert "line 9\n" not in folded
    assert "1 more run failed; the records hold what they printed." in folded


def surroundings(**changes: object) -> str:
    configuration = a_configuration(**changes)
    section = details.surroundings(configuration, ["GPU memory: no driver"])
    report = report_of(CASES["regressed"]()).model_copy(update={"sections": (section,)})
    return to_markdown(report)


def test_environment_data_and_hardware_are_told() -> None:
    gpu = HardwareRecord(cpu_model="AMD EPYC", cpus=1, simd="avx2", memory_bytes=8_000_000_000,
                         gpus=(Gpu(model="NVIDIA H100", memory_bytes=80_000_000_000, driver="550.54"),))  # fmt: skip
    text = surroundings(hardware=gpu)
    assert "`NVIDIA H100, 80.0 GB, driver 550.54`" in text
    assert "1 processor" in text
    assert "`openblas 0.3.29` (Zen kernel, 1 thread)" in text
    assert "the script itself calls `numpy.random.seed(7)` at `model.py:12`" in text
    assert "- **Not captured:** GPU memory: no driver" in text
    assert "Read without being declared" not in text


def test_what_is_not_known_about_the_surroundings_is_not_invented() -> None:
    data = {f"d{i}.csv": DataRead(size=None, sha256=None) for i in range(230)}
    bare = an_environment(lock_sha256=None, libc=None, variables={}, libraries=())
    text = surroundings(environment=bare, data=data, seeding=Seeding(determinism="off"))
    assert "Determinism off: nothing was seeded from outside; the script itself sets no seed." in text
    assert "- **Read without being declared:** `d0.csv`" in text
    assert "and 220 more; list it under `data`." in text
    assert "| `d0.csv` | – | – | **no** |" in text
    assert "30 more files in the records." in text
    assert "sha256 `" not in text
    assert "No data file was read." in surroundings(data={})


def test_differences_are_listed_in_full_and_cut_with_a_word() -> None:
    assert details.differences(None) is None
    assert details.differences(Differences(changes=())) is None
    many = Differences(changes=tuple(change(Factor.CODE, f"f{i}.py") for i in range(230)), unknown=("x.bin",))
    section = details.differences(many)
    assert section is not None
    assert section.title == "All 230 differences from the baseline"
    assert [text_of(b.words) for b in section.blocks if b.kind == "paragraph"] == [
        "30 more differences in the records.",
        "Could not be read, so nobody knows whether equal: x.bin.",
    ]
    only = details.differences(Differences(changes=(), unknown=("x.bin",)))
    assert only is not None
    assert [block.kind for block in only.blocks] == ["paragraph"]


def test_where_the_two_runs_part_is_told() -> None:
    text = to_markdown(report_of(CASES["not-reproduced"]()))
    assert "| `test/loss` | 1 | 1 | 0.0040 | 0.096 | data, parameters, seed, initialisation or code |" in text
    assert (
        "test/loss parts at step 1 by 0.4 % and for good, far at once: likely data, seed, initialisation or code"
        in text
    )
    assert report_of(CASES["not-reproduced"]()).charts[0].kind == "gap"  # what the news is about stands in the open


def band(low: list[float], high: list[float], steps: list[int] | None = None) -> CurveBand:
    step = tuple(steps or range(1, len(low) + 1))
    middle = tuple((a + b) / 2 for a, b in zip(low, high, strict=True))
    return CurveBand(n=2, step=step, median=middle, low=tuple(low), high=tuple(high))


def test_curves_part_where_their_ranges_never_touch_again() -> None:
    one = band([0, 0, 0, 0], [1, 1, 1, 1])
    assert charts.parting_step(one, band([0.5, 2, 2, 2], [3, 3, 3, 3])) == 2
    assert charts.parting_step(one, band([2, 0.5, 2, 2], [3, 3, 3, 3])) == 3
    assert charts.parting_step(one, band([2, 2, 2, 1], [3, 3, 3, 3])) is None
    assert charts.parting_step(one, band([2, 2], [3, 3], [2, 9])) == 2
    assert charts.parting_step(one, band([2, 2, math.nan, math.nan], [3, 3, math.nan, math.nan])) is None


def test_the_alternative_text_says_what_the_figure_shows() -> None:
    assert report_of(CASES["regressed"]()).charts[0].alt == (
        "test/accuracy of each run: baseline between 0.9322 and 0.9520 (10 runs), "
        "this commit between 0.9008 and 0.9221 (5 runs); the curves part from step 2 on"
    )
    assert (
        report_of(CASES["consistent"]())
        .charts[0]
        .alt.endswith("this commit 0.9395 (one run); the curves stay within each other's range")
    )
    assert report_of(CASES["no-baseline"]()).charts[0].alt == (
        "test/accuracy of each run: this commit between 0.9008 and 0.9221 (5 runs)"
    )


def test_at_most_three_metrics_are_drawn_the_deciding_one_first() -> None:
    metrics = {f"m{i}": Metric(goal=Goal.MAXIMIZE) for i in range(6)}
    before = a_snapshot({n: [0.9 + s / 1000 for s in range(10)] for n in metrics}, metrics=metrics, commit=BASE_COMMIT)
    after = a_snapshot(
        {n: [0.8 - i / 100 + s / 1000 for s in range(5)] for i, n in enumerate(metrics)}, metrics=metrics
    )
    report = report_of(a_bundle(after, baseline=a_baseline(before)))
    assert [chart.metric for chart in report.charts if isinstance(chart, Chart)] == ["m5", "m0", "m1"]


def test_every_figure_has_its_numbers_as_text() -> None:
    report = report_of(CASES["regressed"]())
    section = next(s for s in report.sections if s.title == "The numbers behind the figures")
    kinds = Counter(block.kind for block in section.blocks)
    assert kinds == {"paragraph": 2, "table": 4}
    chart = report.charts[0]
    assert isinstance(chart, Chart)
    assert len(chart.sides[0].values) == 10
    shown = to_markdown(report)
    for value in (*chart.sides[0].values, *chart.sides[1].values):
        assert f"{value:.4f}" in shown


def test_numbers_of_curves_with_holes_and_single_runs() -> None:
    single = CurveBand(n=1, step=(1, 2), median=(0.5, math.nan), low=(0.5, math.nan), high=(0.5, math.nan))
    sides = (
        Side(label="baseline", values=(), mean=None, sd=None, not_finite=1, failed=2, curve=single),
        Side(
            label="this commit", values=tuple(i / 200 for i in range(120)), mean=0.3, sd=0.1, curve=band([0], [1], [3])
        ),
    )
    chart = Chart(metric="m", unit="", sides=sides, decimals=2, alt="")
    curves = tables.curves(chart)
    assert curves is not None
    assert [[text_of(cell) for cell in row.cells] for row in curves.rows] == [
        ["1", "0.50", "–"], ["2", "NaN", "–"], ["3", "–", "0.50 (0.00 … 1.00)"],
    ]  # fmt: skip
    rows = tables.values(chart).rows
    assert text_of(rows[0].cells[3]) == "1 not finite, 2 runs failed"
    assert text_of(rows[1].cells[3]).endswith("· …")
    none = chart.model_copy(update={"sides": (sides[0].model_copy(update={"curve": None}),)})
    assert tables.curves(none) is None
    assert details.numbers(()) is None


def test_a_report_survives_json_to_the_bit() -> None:
    for case in CASES.values():
        report = report_of(case())
        again = Report.model_validate_json(report.to_json())
        assert again.to_json() == report.to_json()
        assert to_markdown(again) == to_markdown(report)


@pytest.mark.parametrize("case", CASES)
def test_only_our_own_elements_are_in_the_page_a_comment_becomes(case: str) -> None:
    report = report_of(CASES[case]())
    page = rendered(to_markdown(report))
    ours = [
        "h3",
        "p",
        "br",
        "strong",
        "code",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "ul",
        "li",
        "pre",
        "details",
        "summary",
        "sub",
    ]
    assert set(page.tags) <= set(ours)
    assert not page.comments
    assert page.tags.count("details") == len(re.findall("<details>", to_markdown(report)))
    commits = {"3f9a2c1", "88e07d4"}  # ours, and only these may become links
    assert not [found for found in acts(page.text) if found not in commits]


@pytest.mark.parametrize("case", CASES)
def test_figures_come_from_us_and_no_other_image_does(case: str) -> None:
    report = report_of(CASES[case]())
    links = [Link(f'https://x/{i}?a=1&b="2"', f"d{i}.png") for i in range(len(report.charts))]
    page = rendered(to_markdown(report, links))
    pictures = page.tags.count("picture")
    assert pictures <= len(links)
    assert page.tags.count("img") == page.tags.count("source") == pictures


def test_tables_are_whole_in_every_report() -> None:
    for case in CASES.values():
        rows = [line for line in to_markdown(report_of(case())).splitlines() if line.startswith("|")]
        assert all(row.endswith("|") for row in rows)


@pytest.mark.parametrize("limit", [LIMIT, 30_000, 12_000, 8_000, 6_000])
def test_a_report_that_is_too_long_is_rendered_again_with_less_and_says_so(limit: int) -> None:
    report = report_of(CASES["two-hundred-metrics"]())
    text = to_markdown(report, limit=limit)
    assert len(text.encode()) <= limit
    assert text.startswith("### digits: **regressed**")
    assert text.rstrip().endswith("</sub>")
    assert "Left out here to stay below GitHub's limit: the numbers behind the figures" in text
    assert "`.ml-experiment/report.html` has everything." in text
    page = rendered(text)
    assert page.tags.count("table") == len(re.findall(r"^\|[:-]", text, re.MULTILINE))


def test_two_thousand_metrics_that_all_regressed_fit_a_comment() -> None:
    names = [f"{'m' * 58}{i:05}" for i in range(2000)]
    decisions = [a_decision(metric=name) for name in names[:1]]
    decisions += [decisions[0].model_copy(update={"metric": name}) for name in names[1:]]
    report = build(a_bundle(), a_verdict(*decisions), None)
    assert len(to_markdown(report).encode()) <= LIMIT


def test_a_report_that_fits_leaves_nothing_out() -> None:
    assert "Left out" not in to_markdown(report_of(CASES["regressed"]()))


def test_without_links_the_figure_is_put_in_words() -> None:
    assert "Figure, in words: test/accuracy of each run: baseline between" in to_markdown(
        report_of(CASES["regressed"]())
    )


def test_a_dirty_tree_and_no_commit_are_said() -> None:
    assert "commit 3f9a2c1 with uncommitted changes against baseline of 88e07d4" in to_markdown(
        report_of(CASES["only-reported"]())
    )
    assert "commit outside git, no baseline" in to_markdown(report_of(a_bundle(a_snapshot(commit=None), baseline=None)))


def test_notes_of_what_went_wrong_beside_the_verdict_are_shown() -> None:
    assert "- **Note:** MLflow at" in to_markdown(report_of(CASES["infrastructure"]()))


def test_a_sentence_needs_a_part_for_every_place() -> None:
    assert text_of(told("Set {} in {}.", code("a"), (code("b"),))) == "Set a in b."
    with pytest.raises(ValueError, match="zip"):
        told("Set {}.")


def test_words_from_data_in_a_gates_reason_stay_words() -> None:
    gated = a_policy(gate=Gate(reproduce="report"))
    here = a_snapshot({"test/accuracy": LOWER_ACCURACY, "test/loss": HIGHER_LOSS, "runtime_s": [12.0] * 5},
                      configuration=edited("train.py"))  # fmt: skip
    bundle = a_bundle(here, policy=gated)
    _, verdict, found = judged(bundle)
    spiked = verdict.model_copy(update={"gate_reason": "x → failed: <b>[a](https://b) @c"})
    page = rendered(to_markdown(build(bundle, spiked, found)))
    assert "a" not in page.tags
    assert "b" not in page.tags


def test_html_of_a_report_has_what_markdown_has() -> None:
    report = report_of(CASES["regressed"]())
    page = rendered(to_html(report, ["<svg></svg>"] * len(report.charts)))
    for section in report.sections:
        assert section.title in page.text


def test_seed_calls_beyond_ten_are_counted() -> None:
    calls = tuple(SeedCall(function="random.seed", value=str(i), place=f"a.py:{i}") for i in range(12))
    assert "and 2 more" in surroundings(seeding=Seeding(determinism="seeds", by_user=calls))


def test_a_removed_source_file_is_counted_among_those_read() -> None:
    before = a_configuration().source
    here = a_configuration(source={"train.py": FileDigest(size=1, sha256=before["train.py"].sha256)})
    bundle = a_bundle(a_snapshot(configuration=here))
    _, _, found = judged(bundle)
    said: Line = answers.difference(bundle, found) or ()
    assert text_of(said).startswith("− load.py, − model.py, 2 of the 3 source files that were read.")


def test_a_comment_needs_files_only_for_the_figures_in_the_open() -> None:
    report = report_of(CASES["regressed"]())
    assert ([chart.kind for chart in report.charts], report.shown) == (["values", "values", "gap"], 1)
    text = to_markdown(report, [Link("l.png", "d.png")])
    assert text.count("<picture>") == 1
    assert "More figures" not in text
    assert "More figures" in to_markdown(report, [Link("l.png", "d.png"), Link("l1.png", "d1.png")])
    assert text.count("test/loss of each run: baseline between") == 1
    assert [report_of(CASES[case]()).shown for case in ("identical", "consistent", "crashed", "no-baseline")] == [
        0,
        0,
        0,
        1,
    ]
