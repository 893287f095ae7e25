"""What the pruner sees of a curve: complete, in order, and the same whenever it is looked at."""

import io
import itertools
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.curves import Curve, split_series
from runner import capture_tail
from runner.capture_curves import CurveCollector
from runner.capture_stream import Event
from runner.capture_tail import Logged, Tail, logged
from runner.container.live import Grown
from runner.execute import SeenPoint
from runner.sweep.orders import Point
from runner.sweep.points import Live

LOGGED = st.lists(
    st.tuples(st.sampled_from(["keras", "mlflow"]), st.sampled_from("ab"), st.integers(0, 5)), max_size=25
)


def curves_of(events: Sequence[tuple[str, str, int]]) -> list[Curve]:
    collector = CurveCollector()
    for number, (source, group, step) in enumerate(events):
        collector.add(Event("metric", float(number), (source, group, "loss", step, float(number))), 0)
    return collector.curves(0.0)


def seen(events: Sequence[tuple[str, str, int]], live: Live) -> list[Point]:
    return [
        point
        for number, (source, group, step) in enumerate(events)
        for point in live.take(SeenPoint(source, f"0:{group}", "loss", step, float(number)))
    ]


def unmixed(events: Sequence[tuple[str, str, int]]) -> bool:
    """MLflow was told steps, or was not told any: not first the one, then the other."""
    for _, own in itertools.groupby(sorted(e[:2] for e in events)):
        key = next(own)
        steps = [step for source, group, step in events if (source, group) == key]
        if key[0] == "mlflow" and steps[:2] == [0, 0] and any(steps):
            return False
    return True


@given(LOGGED.filter(unmixed), st.integers(0, 25))
def test_seen_live_or_at_the_end_the_points_are_the_same(events: list[tuple[str, str, int]], until: int) -> None:
    curves = curves_of(events)
    live, whole = Live("loss", printed=False), Live("loss", printed=False).rest(curves)
    points = seen(events[:until], live)
    assert points == whole[: len(points)]
    assert points + live.rest(curves) == whole
    assert [point.step for point in whole] == sorted({point.step for point in whole})


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(0, 30))
def test_printed_points_too(steps: list[int], until: int) -> None:
    curves = split_series("loss", "output", steps, map(float, range(len(steps))), map(float, range(len(steps))))
    live, whole = Live("loss", printed=True), Live("loss", printed=True).rest(curves)
    points = [
        point
        for number, step in enumerate(steps[:until])
        for point in live.take(SeenPoint("output", "", "loss", step, float(number)))
    ]
    assert points + live.rest(curves) == whole


def test_mlflow_without_steps_is_counted_from_one() -> None:
    live = Live("loss", printed=False)
    assert [p.step for p in seen([("mlflow", "a", 0)] * 3, live)] == [1, 2, 3]
    live = Live("loss", printed=False)
    assert [p.step for p in seen([("mlflow", "a", 0), ("mlflow", "a", 10)], live)] == [0, 10]


def test_other_metrics_and_other_sources_are_not_the_objectives() -> None:
    live = Live("loss", printed=True)
    assert live.take(SeenPoint("keras", "", "loss", 1, 0.0)) == []
    assert live.take(SeenPoint("output", "", "acc", 1, 0.0)) == []
    assert live.take(SeenPoint("output", "", "loss", 1, 0.5)) == [Point(1, 0.5)]
    [file] = split_series("loss", "metrics.csv", [1], [0.5], [0.0])
    assert live.other_source([file]) == "metrics.csv"
    [own] = split_series("loss", "output", [1], [0.5], [0.0])
    assert live.other_source([own, file]) is None


def line(step: int, time: float) -> bytes:
    return json.dumps(["metric", time, "keras", "", "loss", step, step / 8]).encode() + b"\n"


@given(st.lists(st.integers(0, 400), max_size=6))
def test_a_tail_gives_every_point_once_wherever_the_writer_is(cuts: list[int]) -> None:
    data = b"".join(line(step, float(step)) for step in range(8))
    bounds = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    read, found = 0, list[Logged]()
    for bound in bounds:
        points, whole = logged(data[read:bound], "f")
        read += whole
        found += points
    assert [point.step for point in found] == list(range(8))


def test_more_than_a_poll_reads_comes_with_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"".join(line(step, float(step)) for step in range(100))
    (tmp_path / "1-1.jsonl").write_bytes(data)
    monkeypatch.setattr(capture_tail, "MAX_READ", 1000)
    tail, found = Tail(tmp_path), list[int]()
    while news := tail.poll():
        found += [point.step for point in news]
    assert found == list(range(100))


def test_processes_are_told_by_time_and_a_container_tells_the_same(tmp_path: Path) -> None:
    files = {"1-1.jsonl": line(1, 2.0) + line(2, 4.0), "2-2.jsonl": line(1, 1.0) + line(2, 3.0)}
    tail, grown = Tail(tmp_path), Grown()
    for part in (0.6, 1.0):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, data in files.items():
                piece = data[: int(part * len(data))]
                (tmp_path / name).write_bytes(piece)
                entry = tarfile.TarInfo(name)
                entry.size = len(piece)
                archive.addfile(entry, io.BytesIO(piece))
        points = tail.poll()
        assert grown.news(buffer.getvalue()) == points
        assert [point.time for point in points] == ([1.0, 2.0] if part < 1 else [3.0, 4.0])
