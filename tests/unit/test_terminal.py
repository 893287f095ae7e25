"""The last lines of `reproduce`: the verdict is the first word of them, in every case that a report knows."""

import pytest
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
