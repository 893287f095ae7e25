"""Metric files as scripts write them, read into curves."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.curves import Curve
from runner import metric_files
from runner.metric_files import UnreadableMetricFile
from runner.metric_names import metric_name


def read(tmp_path: Path, name: str, text: str | bytes) -> dict[str, Curve]:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return {curve.metric: curve for curve in metric_files.read(path, name)}


def points(curve: Curve) -> list[tuple[int, float]]:
    return list(zip(curve.step.tolist(), curve.value.tolist(), strict=True))


def test_nested_json_names_are_joined_with_a_slash(tmp_path: Path) -> None:
    found = read(tmp_path, "m.json", '{"test": {"auc": 0.5, "n": 3}, "done": true, "note": "0.7"}')
    assert {name: points(curve) for name, curve in found.items()} == {"test/auc": [(0, 0.5)], "test/n": [(0, 3.0)]}
    assert found["test/auc"].source == "file m.json"


def test_nan_and_infinities_as_python_writes_them_are_kept(tmp_path: Path) -> None:
    found = read(tmp_path, "m.json", json.dumps({"a": math.nan, "b": math.inf, "c": -math.inf, "d": -0.0}))
    assert math.isnan(found["a"].value[0])
    assert [found["b"].value[0], found["c"].value[0]] == [math.inf, -math.inf]
    assert math.copysign(1, found["d"].value[0]) == -1


def test_a_list_of_numbers_is_a_curve_from_step_one(tmp_path: Path) -> None:
    assert points(read(tmp_path, "m.json", '{"loss": [3, 2.5, 1]}')["loss"]) == [(1, 3.0), (2, 2.5), (3, 1.0)]


def test_lists_of_words_and_matrices_are_no_curves(tmp_path: Path) -> None:
    assert read(tmp_path, "m.json", '{"names": ["a", 1], "confusion": [[1, 2], [3, 4]], "none": [null, 1]}') == {}


@pytest.mark.parametrize("step", ["step", "epoch", "Iteration", "batch"])
def test_a_list_of_objects_takes_its_step_column(tmp_path: Path, step: str) -> None:
    text = json.dumps([{step: 10, "loss": 1.0, "val": {"acc": 0.5}}, {step: 20, "loss": 0.5, "val": {"acc": 0.6}}])
    found = read(tmp_path, "m.json", text)
    assert points(found["loss"]) == [(10, 1.0), (20, 0.5)]
    assert points(found["val/acc"]) == [(10, 0.5), (20, 0.6)]
    assert set(found) == {"loss", "val/acc"}


def test_json_lines_are_rows_whatever_the_file_is_called(tmp_path: Path) -> None:
    for name in ("log.jsonl", "log.json", "log.txt"):
        found = read(tmp_path, name, '{"epoch": 1, "loss": 2}\n\n{"epoch": 2, "loss": NaN}\n')
        assert found["loss"].step.tolist() == [1, 2]
        assert math.isnan(found["loss"].value[1])


def test_a_last_json_line_cut_off_in_the_middle_is_passed_over(tmp_path: Path) -> None:
    assert points(read(tmp_path, "m.jsonl", '{"loss": 2}\n{"loss": 1}\n{"lo')["loss"]) == [(1, 2.0), (2, 1.0)]


def test_a_broken_line_in_the_middle_is_refused_naming_it(tmp_path: Path) -> None:
    with pytest.raises(UnreadableMetricFile, match=r"m\.jsonl:2: not a line of JSON: 'oops'"):
        read(tmp_path, "m.jsonl", '{"loss": 2}\noops\n{"loss": 1}\n')


def test_yaml_is_read_with_its_own_words_for_nan(tmp_path: Path) -> None:
    found = read(tmp_path, "m.yaml", "test:\n  auc: 0.75\n  odd: .nan\n  big: -.inf\n  yes_no: true\nloss: [2, 1]\n")
    assert found["test/auc"].value[0] == 0.75
    assert math.isnan(found["test/odd"].value[0])
    assert found["test/big"].value[0] == -math.inf
    assert points(found["loss"]) == [(1, 2.0), (2, 1.0)]
    assert "test/yes_no" not in found


def test_csv_columns_become_curves_and_the_epoch_is_the_step(tmp_path: Path) -> None:
    found = read(tmp_path, "log.csv", "epoch,loss,phase,val_acc\n1,0.5,warm,\n2,0.25,main,0.9\n")
    assert points(found["loss"]) == [(1, 0.5), (2, 0.25)]
    assert points(found["val_acc"]) == [(2, 0.9)]
    assert set(found) == {"loss", "val_acc"}


def test_tsv_without_a_step_column_counts_lines(tmp_path: Path) -> None:
    assert points(read(tmp_path, "log.tsv", "loss\tacc\n1e-3\tnan\n2e-3\t1\n")["loss"]) == [(1, 1e-3), (2, 2e-3)]


def test_a_csv_of_two_trainings_gives_two_series(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss\n1,5\n2,4\n1,3\n2,2\n")
    assert [(c.series, c.value.tolist()) for c in metric_files.read(path, "log.csv")] == [(1, [5, 4]), (2, [3, 2])]


def test_a_csv_line_cut_off_at_the_end_is_passed_over(tmp_path: Path) -> None:
    assert points(read(tmp_path, "log.csv", "step,loss\n1,5\n2")["loss"]) == [(1, 5.0)]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("m.json", "", r"m\.json:1: not JSON: .*the file is empty"),
        ("m.json", '{"a": 1,\n "b": }', r"m\.json:2: not JSON: .*b"),
        ("m.yaml", "a: 1\nb: [1, 2\n", r"m\.yaml:\d: not YAML"),
        ("m.csv", "", r"m\.csv:1: expected a header"),
        ("m.csv", "a,b\n1,2\n3\n4,5\n", r"m\.csv:3: expected 2 columns, found 1"),
        ("m.csv", "a,a\n1,2\n", r"m\.csv:1: column 'a' appears twice"),
        ("m.json", b'{"a": 1,\n"\xff": 2}', r"m\.json:2: expected UTF-8 text, found byte 0xff"),
        ("m.json", "[" * 100_000, r"m\.json:1: not JSON"),
    ],
)
def test_what_cannot_be_read_is_refused_naming_file_line_and_what_was_found(
    tmp_path: Path, name: str, text: str | bytes, message: str
) -> None:
    with pytest.raises(UnreadableMetricFile, match=message):
        read(tmp_path, name, text)


def test_a_file_beyond_the_bound_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    with path.open("wb") as file:
        file.truncate(metric_files.MAX_BYTES + 1)
    with pytest.raises(UnreadableMetricFile, match="more than"):
        metric_files.read(path, "m.json")


def test_yaml_aliases_cannot_make_a_small_file_endless(tmp_path: Path) -> None:
    lines = ["a0: &a0 {x: 1}"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    maps = ["b0: &b0 {x: 1}"] + [
        f"b{i}: &b{i} {{{', '.join(f'k{j}: *b{i - 1}' for j in range(9))}}}" for i in range(1, 12)
    ]
    found = read(tmp_path, "m.yaml", "\n".join([*lines, *maps, "rows: [*b11]"]))
    assert 0 < len(found) <= metric_files.MAX_NAMES


@given(st.lists(st.floats(width=64), min_size=1, max_size=20))
def test_every_double_written_by_python_reads_back_to_the_bit(values: list[float]) -> None:
    found = metric_files.points_of({"loss": json.loads(json.dumps(values))}, "file m.json")[0]
    assert [v.hex() for v in found.value.tolist()] == [float(v).hex() for v in values]


@given(st.text())
def test_any_text_becomes_a_name_that_reports_can_show(text: str) -> None:
    import re

    from experiment.names import METRIC_NAME

    assert re.fullmatch(METRIC_NAME, metric_name(text))
