"""Charts as Mermaid text: what a grammar of ours for `xychart-beta` reads back, for every chart there can be."""

import re

import pytest
from chart_cases import CHARTS, a_chart
from hypothesis import given
from hypothesis import strategies as st

from action.mermaid import POINTS, diagrams
from reporting.document import Chart, GapChart, Side

LINE = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def series(text: str) -> list[tuple[str, list[float]]]:
    found = re.findall(r"^  (line|bar) \[(.*)\]$", text, re.MULTILINE)
    return [(kind, [float(value) for value in values.split(", ")]) for kind, values in found]


def well_formed(text: str) -> bool:
    first, second, title, x, y, *rest = text.split("\n")
    numbers = [value for line in rest for value in line.strip().partition(" ")[2].strip("[]").split(", ")]
    return (
        first.startswith("%%{init: ")
        and second == "xychart-beta"
        and re.fullmatch(r'  title "[^"\n]+"', title) is not None
        and re.fullmatch(r'  x-axis (?:"step" \S+ --> \S+|\["\w+"(?:, "\w+")*\])', x) is not None
        and re.fullmatch(rf'  y-axis "[^"]+" {LINE.pattern} --> {LINE.pattern}', y) is not None
        and all(LINE.fullmatch(number) for number in numbers)
    )


@pytest.mark.parametrize("name", list(CHARTS))
def test_every_chart_that_is_drawn_is_well_formed(name: str) -> None:
    assert all(well_formed(text) for text in diagrams(CHARTS[name]))


def test_curves_and_runs_are_drawn_with_the_baselines_range() -> None:
    curves, runs = diagrams(a_chart())
    assert [kind for kind, _ in series(curves)] == ["line", "line", "line"]
    assert {len(values) for _, values in series(curves)} == {POINTS}
    chart = a_chart()
    (_, before), (_, here), *lines = series(runs)
    assert before[: len(chart.sides[0].values)] == pytest.approx(chart.sides[0].values)
    assert here[len(chart.sides[0].values) :] == pytest.approx(chart.sides[1].values)
    assert [kind for kind, _ in lines] == ["line"] * 3  # mean and margin


def test_a_gap_is_drawn_as_powers_of_ten() -> None:
    gap = (0.0, 1e-16, 1e-12, 1e-8, 1e-4)
    (text,) = diagrams(GapChart(metric="loss", label="", step=(1, 2, 3, 4, 5), gap=gap, lasting=1e-6, alt=""))
    assert well_formed(text)
    ((_, line),) = series(text)
    assert (line[0], line[-1]) == pytest.approx((-16, -4))
    assert diagrams(GapChart(metric="loss", label="", step=(1, 2), gap=(0.0, 0.0), lasting=1e-6, alt="")) == ()


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=50),
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=50),
)
def test_any_finite_values_are_well_formed(here: list[float], before: list[float]) -> None:
    sides = [Side(label="this commit", values=tuple(here), mean=None, sd=None)]
    if before:
        mean = sum(before) / len(before)
        sides.insert(0, Side(label="baseline", values=tuple(before), mean=mean, sd=None))
    chart = Chart(metric="m", unit="", sides=tuple(sides), decimals=2, alt="")
    assert all(well_formed(text) for text in diagrams(chart))
    assert all(len(text) < 20_000 for text in diagrams(chart))
