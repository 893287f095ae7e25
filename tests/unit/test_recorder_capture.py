"""What a recorder left, read as the bytes of a stranger."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import capture_curves, capture_files
from runner.capture import NOTHING, read
from runner.capture_stream import parse
from runner.capture_tail import Tail

START: list[Any] = ["start", 100.0, {"lineage": "", "pid": 1, "prefix": "/opt/py", "determinism": "seeds"}]


def stream(folder: Path, *processes: list[list[Any] | str | bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for number, lines in enumerate(processes):
        encoded = (
            line if isinstance(line, bytes) else (line if isinstance(line, str) else json.dumps(line)).encode()
            for line in lines
        )
        (folder / f"{number}.jsonl").write_bytes(b"\n".join(encoded) + b"\n")
    return folder


def metric(
    name: str, step: int, value: float, time: float = 101.0, group: str = "", source: str = "sklearn"
) -> list[Any]:
    return ["metric", time, source, group, name, step, value]


def used(tmp_path: Path, *events: tuple[str, str]) -> Any:
    lines: list[Any] = [[kind, 101.0 + i, path] for i, (kind, path) in enumerate(events)]
    return read(stream(tmp_path / "s", [START, *lines]), Path("/work/tree"))


def test_a_run_of_which_nothing_was_seen_says_so_and_what_to_do(tmp_path: Path) -> None:
    assert read(tmp_path / "none", tmp_path).not_captured == (NOTHING,)


def test_torn_and_foreign_lines_are_passed_over(tmp_path: Path) -> None:
    lines: list[Any] = [
        START,
        b"\xff\xfe",
        "[" * 5000,
        "{}",
        "[]",
        '["metric"]',
        ["metric", 1.0],
        ["unknown", 1.0, 1],
        ["metric", "now", "sklearn", "", "m", 1, 1.0],
        ["metric", 1.0, "sklearn", "", "m", 1.5, 1.0],
        ["metric", 1.0, "sklearn", "", "m", True, 1.0],
        ["metric", 1.0, "sklearn", "", "m", 2**63, 1.0],
        ["metric", 1.0, "sklearn", "", "m", 1, "1.0"],
        ["metric", 1.0, "their own", "", "m", 1, 1.0],
        "[" + "9" * 5000 + "]",
        metric("m", 7, 0.5),
        '["metric",101.0,"sklearn","","m",8,0.2',
    ]
    (curve,) = read(stream(tmp_path / "s", lines), tmp_path).curves
    assert (curve.metric, curve.step.tolist(), curve.value.tolist()) == ("m", [7], [0.5])


def test_a_line_without_end_is_read_in_pieces_and_dropped(tmp_path: Path) -> None:
    folder = stream(tmp_path / "s", [START, "x" * 1_000_000, metric("m", 1, 1.0)])
    assert [curve.metric for curve in read(folder, tmp_path).curves] == ["m"]


def test_links_pipes_and_folders_among_the_streams_are_not_opened(tmp_path: Path) -> None:
    folder = stream(tmp_path / "s", [START])
    secret = tmp_path / "secret"
    secret.write_text(json.dumps(metric("leaked", 1, 1.0)) + "\n")
    (folder / "a.jsonl").symlink_to(secret)
    os.mkfifo(folder / "b.jsonl")
    (folder / "c.jsonl").mkdir()
    assert read(folder, tmp_path).curves == []
    assert Tail(folder).poll() == []


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_raise(data: bytes) -> None:
    event = parse(data)
    assert event is None or event.kind in ("seeded", "read", "write", "list", "mkdir", "gpu")


LEAVES = st.none() | st.booleans() | st.floats() | st.text() | st.integers()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_no_json_in_any_place_makes_the_reader_raise(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    lines: list[Any] = [
        ["start", 1.0, {"prefix": value, "determinism": value}],
        ["library", 1.0, {"role": "blas", "name": value, "threads": value, "kernel": value}],
        ["metric", 1.0, "sklearn", value, value, value, value],
        ["metric", 1.0, "sklearn", "", "m", 1, value],
        ["read", 1.0, value],
        ["seed", 1.0, value, value, value],
        ["param", 1.0, value, value, value],
    ]
    read(stream(tmp_path_factory.mktemp("s"), lines), Path("/work/tree"))


def test_nan_and_infinities_come_back(tmp_path: Path) -> None:
    values = [float("nan"), float("inf"), -float("inf"), 0.1 + 0.2]
    (curve,) = read(
        stream(tmp_path / "s", [START, *(metric("m", i, v) for i, v in enumerate(values, 1))]), tmp_path
    ).curves
    assert repr(curve.value.tolist()) == repr(values)


def test_time_is_seconds_since_the_first_process_began(tmp_path: Path) -> None:
    folder = stream(tmp_path / "s", [["start", 105.0, {}], metric("m", 1, 1.0, 107.0)], [START])
    captured = read(folder, tmp_path)
    assert (captured.started, captured.curves[0].time.tolist()) == (100.0, [7.0])


def test_processes_that_log_one_name_at_once_are_trainings_of_their_own(tmp_path: Path) -> None:
    first: list[Any] = [START, metric("m", 1, 1.0, 101.0), metric("m", 2, 2.0, 103.0)]
    second: list[Any] = [START, metric("m", 1, 5.0, 102.0), metric("m", 2, 6.0, 104.0)]
    found = [(c.series, c.value.tolist()) for c in read(stream(tmp_path / "s", first, second), tmp_path).curves]
    assert found == [(1, [1.0, 2.0]), (2, [5.0, 6.0])]


def test_a_step_already_passed_starts_a_new_series(tmp_path: Path) -> None:
    lines: list[Any] = [START, *(metric("m", step, 1.0) for step in (1, 2, 3, 1, 2))]
    assert [c.step.tolist() for c in read(stream(tmp_path / "s", lines), tmp_path).curves] == [[1, 2, 3], [1, 2]]


def test_more_names_than_are_kept_are_counted_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_curves, "MAX_CURVES", 3)
    monkeypatch.setattr(capture_files, "MAX_PATHS", 3)
    lines: list[Any] = [START, *(metric(f"m{i}", 1, 1.0) for i in range(5))]
    lines += [["read", 1.0, f"/work/tree/{i}"] for i in range(5)]
    captured = read(stream(tmp_path / "s", lines), Path("/work/tree"))
    assert (len(captured.curves), len(captured.data)) == (3, 3)
    assert captured.not_captured == ("2 metric points: more than are kept", "2 file names: more than are kept")


@pytest.mark.parametrize(
    "path",
    [
        "/work/tree/.venv/lib/python3.11/site-packages/x.csv",
        "/usr/lib/python3/dist-packages/x.csv",
        "/opt/py/lib/python3.11/x.csv",
        "/etc/hosts",
        "/proc/cpuinfo",
        "/sys/devices/cpu",
        "/dev/urandom",
        "/usr/share/fonts/a.ttf",
        "/work/tree/__pycache__/x.txt",
        "relative",
        "/with\0nul",
    ],
)
def test_what_belongs_to_the_machine_or_the_packages_is_no_data(tmp_path: Path, path: str) -> None:
    captured = used(tmp_path, ("read", path))
    assert (captured.data, captured.source) == ((), ())


def test_the_streams_themselves_are_no_data(tmp_path: Path) -> None:
    assert used(tmp_path, ("read", str(tmp_path / "s" / "0.jsonl"))).data == ()


def test_code_is_told_from_data_and_only_in_the_tree(tmp_path: Path) -> None:
    captured = used(
        tmp_path,
        ("read", "/work/tree/pkg/__pycache__/model.cpython-311.pyc"),
        ("read", "/work/tree/fast.cpython-311-x86_64-linux-gnu.so"),
        ("read", "/work/tree/config.yaml"),
        ("read", "/elsewhere/lib.py"),
    )
    assert captured.source == ("fast.cpython-311-x86_64-linux-gnu.so", "pkg/model.py")
    assert captured.data == ("/elsewhere/lib.py", "config.yaml")


def test_an_installation_that_claims_to_hold_the_tree_hides_nothing(tmp_path: Path) -> None:
    lines: list[Any] = [["start", 1.0, {"prefix": "/work"}], ["read", 1.0, "/work/tree/x.csv"]]
    assert read(stream(tmp_path / "s", lines), Path("/work/tree")).data == ("x.csv",)


def test_the_first_use_over_all_processes_decides_whether_a_file_is_data(tmp_path: Path) -> None:
    writer: list[Any] = [START, ["write", 101.0, "/work/tree/a"], ["write", 105.0, "/work/tree/b"]]
    reader: list[Any] = [START, ["read", 102.0, "/work/tree/a"], ["read", 103.0, "/work/tree/b"]]
    captured = read(stream(tmp_path / "s", reader, writer), Path("/work/tree"))
    assert (captured.data, captured.written) == (("b",), ("a", "b"))


def test_file_names_that_are_no_text_can_still_be_written_to_a_record(tmp_path: Path) -> None:
    (name,) = used(tmp_path, ("read", "/work/tree/caf\udce9.csv")).data
    assert name.encode("utf-8") == b"caf?.csv"


def test_the_root_itself_is_listed_as_a_dot(tmp_path: Path) -> None:
    assert used(tmp_path, ("list", "/work/tree"), ("list", "/work/tree/d"), ("list", "/home")).listed == (".", "d")


def test_peak_memory_of_processes_adds_up(tmp_path: Path) -> None:
    folder = stream(tmp_path / "s", [START, ["gpu", 1.0, 5], ["gpu", 2.0, 7]], [["gpu", 1.0, 10]])
    assert read(folder, tmp_path).peak_gpu_memory_bytes == 17
