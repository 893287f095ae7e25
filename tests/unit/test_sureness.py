"""How sure a verdict is: measured error rates are quoted, and where nobody measured them that is said in the open."""

from typing import Any

import pytest
from builders import ACCURACY, BASE_COMMIT, a_baseline, a_bundle, a_policy, a_snapshot
from report_cases import CASES, judged, report_of

from experiment.bundle import Bundle
from experiment.snapshot import Snapshot
from experiment.spec import Goal, Metric, Stages
from reporting import rates, sureness
from reporting.document import Table, text_of
from reporting.evidence import Rules
from reporting.rates import Design
from reporting.render import to_markdown

ACC = {"acc": Metric(goal=Goal.MAXIMIZE)}


def five(n: int = 10, metrics: dict[str, Metric] = ACC, **policy: Any) -> Bundle:
    """Five lower runs against n of the baseline."""
    before: Snapshot = a_snapshot(dict.fromkeys(metrics, (ACCURACY * 5)[:n]), commit=BASE_COMMIT, metrics=metrics)
    now = a_snapshot(dict.fromkeys(metrics, (0.913, 0.922, 0.901, 0.915, 0.914)), metrics=metrics)
    made = a_policy(metrics=metrics, **policy)
    return a_bundle(now, baseline=a_baseline(before), policy=made)


def measured(bundle: Bundle) -> str:
    return text_of(sureness.measured(*judged(bundle)[:2]))


def unmeasured(bundle: Bundle) -> str:
    return text_of(sureness.unmeasured(*judged(bundle)[:2]))


def test_the_rates_of_the_usual_design_are_quoted_from_what_was_measured() -> None:
    found = rates.MEASURED[Design(10, 1, 5, 0.2)]
    said = measured(five())
    assert said.startswith("Measured for this design (10 baseline runs, 1 run of this commit, then 5, alpha 1 %): ")
    assert f"{100 * found.alarm:.3g} % of unchanged commits are called better or worse" in said
    assert f"found in {' / '.join(f'{100 * rate:.0f}' for rate in found.found)} %" in said
    assert unmeasured(five()) == ""


def test_a_baseline_between_two_that_were_measured_has_the_rates_of_the_smaller() -> None:
    assert rates.rates(Design(14, 1, 5, 0.2), Rules(), 1) == rates.MEASURED[Design(10, 1, 5, 0.2)]
    assert rates.rates(Design(2, 1, 5, 0.2), Rules(), 1) is None


@pytest.mark.parametrize(
    "bundle",
    [
        five(n=2),
        five(alpha=0.05),
        five(stages=Stages(first=2)),
        five(stages=Stages(escalate=0.5)),
        five(pairing="seed"),
        five(metrics={f"m{i}": Metric(goal=Goal.MAXIMIZE) for i in range(101)}),
    ],
    ids=["two baseline runs", "alpha", "first stage", "escalation", "pairs", "a hundred and one metrics"],
)
def test_a_design_that_nobody_measured_says_so_in_the_open(bundle: Bundle) -> None:
    said = unmeasured(bundle)
    assert said.startswith("How often a verdict of this design is wrong was not measured: ")
    assert measured(bundle) == ""
    text = to_markdown(report_of(bundle))
    assert "**Note:** How often a verdict of this design is wrong was not measured" in text[: text.index("<details>")]


def test_all_runs_at_once_are_a_design_of_one_stage() -> None:
    said = measured(five(stages=Stages(first=5)))
    assert said.startswith("Measured for this design (10 baseline runs, 5 runs of this commit, alpha 1 %): ")


@pytest.mark.parametrize("case", ["identical", "within-tolerance", "no-baseline", "crashed", "never-finite"])
def test_where_chance_had_no_part_in_the_verdict_nothing_is_said_of_it(case: str) -> None:
    bundle = CASES[case]()
    assert measured(bundle) == unmeasured(bundle) == ""
    assert sureness.section(*judged(bundle)[:2]) is None


def test_every_number_of_the_table_is_one_of_the_decisions() -> None:
    bundle, verdict, _ = judged(CASES["regressed"]())
    section = sureness.section(bundle, verdict)
    assert section is not None
    table = section.blocks[0]
    assert isinstance(table, Table)
    cells = [text_of(cell) for cell in table.rows[0].cells]
    decision = verdict.decisions[0]
    assert decision.p is not None
    assert decision.p_alone is not None
    assert cells[:3] == ["test/accuracy", "7, difference", f"{decision.noise_sd:.4f} ({decision.df})"]
    assert cells[3] == f"{decision.p_alone:.1e}".replace("e-0", "×10⁻").replace("6", "⁶") or "×10⁻⁶" in cells[3]
    assert text_of(table.head[4]) == f"p over all {decision.family}"


def test_later_runs_are_said_to_be_pooled_or_left_out_and_why() -> None:
    text = to_markdown(report_of(CASES["regressed-from-more-runs"]()))
    assert "over 16 baseline runs (6 of them made later)" in text.replace("\u00a0", " ")
    assert "6 later runs of the baseline's configuration fit it and count as baseline runs." in text
    assert "were left out for `test/loss`: their spread is not the baseline's (chance gives this once in" in text
