"""Curves of a run: split into trainings, kept to the bit, and never read half."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import DOUBLES

from experiment import curves
from experiment.curves import FILE_NAME, Curve, split_series

POINTS = st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), DOUBLES, DOUBLES), max_size=20)


def columns(curve: Curve) -> tuple[object, ...]:
    """All of a curve in a form that compares bits."""
    return curve.metric, curve.series, curve.source, *(c.tobytes() for c in (curve.step, curve.value, curve.time))


@settings(max_examples=50)
@given(st.lists(st.tuples(st.text(max_size=10), POINTS), max_size=4))
def test_curves_read_back_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, list[tuple[int, float, float]]]]
) -> None:
    folder = tmp_path_factory.mktemp("run")
    made = [curve for metric, points in drawn for curve in split_series(metric, "output", *_three(points))]
    curves.write(made, folder)
    assert [columns(curve) for curve in curves.read(folder)] == [columns(curve) for curve in made]


def _three(points: list[tuple[int, float, float]]) -> tuple[list[int], list[float], list[float]]:
    return [p[0] for p in points], [p[1] for p in points], [p[2] for p in points]


@given(POINTS)
def test_a_series_is_a_run_of_rising_steps_and_no_point_is_lost(points: list[tuple[int, float, float]]) -> None:
    series = split_series("loss", "output", *_three(points))
    assert [curve.series for curve in series] == list(range(1, len(series) + 1))
    assert [int(step) for curve in series for step in curve.step] == [p[0] for p in points]
    for curve in series:
        steps = [int(step) for step in curve.step]
        assert steps
        assert all(a < b for a, b in pairwise(steps))


def test_a_step_already_passed_starts_a_new_series() -> None:
    first, second, third = split_series("loss", "keras", [1, 2, 3, 3, 4, 1], [0.0] * 6, range(6))
    assert (first.step.tolist(), second.step.tolist(), third.step.tolist()) == ([1, 2, 3], [3, 4], [1])


def test_the_digest_depends_on_steps_and_bits_and_not_on_time() -> None:
    def digest(step: int, value: float, time: float) -> str:
        return split_series("loss", "output", [step], [value], [time])[0].sha256()

    assert digest(1, 0.0, 1.0) == digest(1, 0.0, 2.0)
    assert len({digest(1, 0.0, 1.0), digest(2, 0.0, 1.0), digest(1, -0.0, 1.0)}) == 3


def test_a_run_without_curves_has_none(tmp_path: Path) -> None:
    assert curves.read(tmp_path) == []


def _written(folder: Path) -> bytes:
    curves.write(split_series("loss", "output", range(100), np.linspace(0, 1, 100), range(100)), folder)
    return (folder / FILE_NAME).read_bytes()


@settings(max_examples=100)
@given(data=st.data())
def test_a_damaged_file_is_read_whole_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("run")
    whole = _written(folder)
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = data.draw(
        st.sampled_from(
            [whole[:at], whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]]
        )
    )
    (folder / FILE_NAME).write_bytes(damaged)
    try:
        read = curves.read(folder)
    except ValueError:
        return
    assert [len(curve.step) for curve in read] == [100]


def test_columns_shorter_than_announced_are_refused(tmp_path: Path) -> None:
    empty = np.empty(0)
    head = np.frombuffer(b'[{"metric": "loss", "series": 1, "source": "output", "points": 3}]', np.uint8)
    np.savez(tmp_path / FILE_NAME, head=head, step=np.empty(0, np.int64), value=empty, time=empty)
    with pytest.raises(ValueError, match=r"damaged: 3 points announced, 0 found$"):
        curves.read(tmp_path)


def test_a_file_with_pickled_objects_is_refused_unread(tmp_path: Path) -> None:
    np.savez(tmp_path / FILE_NAME, head=np.array([{"a": 1}], dtype=object), step=[0], value=[0.0], time=[0.0])
    with pytest.raises(ValueError, match="damaged"):
        curves.read(tmp_path)
