"""The last lines of `reproduce`: the verdict is the first word of them, in every case that a report knows."""

import math

import pytest
from builders import CANDIDATE_VALUES, a_bundle, a_snapshot
from report_cases import CASES, judged

from action.terminal import answer, verdict_lines


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_comes_first_and_all_else_stands_below_it(case: str) -> None:
    bundle, verdict, found = judged(CASES[case]())
    empty, first, *rest = verdict_lines(bundle, verdict, found)
    assert empty == ""
    assert first.startswith(f"{answer(bundle, verdict)}  ")
    assert rest
    assert all(line.startswith(" " * 11) for line in rest)


def test_how_curves_part_is_said_below_the_verdict_it_explains() -> None:
    lines = list(verdict_lines(*judged(CASES["regressed"]())))
    assert lines[1].startswith("regressed  test/accuracy   ")
    assert any(line.strip().startswith("equal seeds: with seed 0, test/accuracy leaves the") for line in lines[2:])


def test_a_mean_without_all_its_runs_is_no_change_of_zero() -> None:
    (row,) = [line for line in verdict_lines(*judged(CASES["not-a-number"]())) if "test/accuracy " in line]
    assert "0.9409 ± 0.0060 → 0.9164 ± 0.0041   2 of 5 not finite   n 10 → 3" in row.replace("\N{NO-BREAK SPACE}", " ")


def test_a_metric_that_is_nowhere_finite_now_keeps_its_baseline_on_the_left() -> None:
    bundle = a_bundle(a_snapshot({**CANDIDATE_VALUES, "test/accuracy": [math.nan] * 5}))
    (row,) = [line for line in verdict_lines(*judged(bundle)) if "test/accuracy " in line]
    assert "0.9409 ± 0.0060 → –   " in row.replace("\N{NO-BREAK SPACE}", " ")
    assert "5 of 5 not finite   n 10 → 0" in row.replace("\N{NO-BREAK SPACE}", " ")
