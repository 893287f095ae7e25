"""The stored baseline: a file that reviews well in a diff, and that is refused with a reason when it cannot be used."""

import difflib
import json
from pathlib import Path
from typing import Any

import pytest
from builders import a_baseline, a_run, a_snapshot

from experiment.baseline import NoBaseline, UnreadableBaseline, dumps, load, loads

REMEDY = "  take it from git again (git checkout), or store a new one with: ml-experiment baseline accept"


def refusal(data: bytes, experiment: str | None = None) -> str:
    with pytest.raises(UnreadableBaseline) as caught:
        loads(data, name="b.json", experiment=experiment)
    assert caught.value.exit_code == 4
    return str(caught.value)


def changed(**changes: Any) -> bytes:
    return json.dumps({**json.loads(dumps(a_baseline())), **changes}).encode()


def test_a_baseline_reads_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "digits.json"
    path.write_text(dumps(a_baseline()), encoding="utf-8")
    assert load(path, experiment="digits") == a_baseline()


def test_one_run_more_is_one_line_more_in_the_diff() -> None:
    runs = tuple(a_run(seed) for seed in range(4))
    before = dumps(a_baseline(a_snapshot(runs=runs[:3]))).splitlines()
    after = dumps(a_baseline(a_snapshot(runs=runs))).splitlines()
    changes = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
    # The run before it gets its comma, which JSON cannot do without.
    assert [line[0] for line in changes] == ["-", "+", "+"]
    assert changes[1] == f"+{changes[0][1:]},"
    assert json.loads(changes[2][2:])["seed"] == 3


def test_the_file_has_the_order_of_its_fields_and_ends_with_a_newline() -> None:
    text = dumps(a_baseline())
    assert list(json.loads(text)) == ["schema_version", "accepted", "snapshot"]
    assert text.endswith("}\n")
    assert max(len(line) for line in text.splitlines()) < 4_500  # one column of a curve of 200 steps


def test_a_missing_baseline_is_named_with_the_command_that_stores_one(tmp_path: Path) -> None:
    with pytest.raises(NoBaseline) as caught:
        load(tmp_path / "digits.json")
    assert str(caught.value) == (
        f"{tmp_path / 'digits.json'}: no baseline yet\n  store one with: ml-experiment baseline accept"
    )
    assert caught.value.exit_code == 4


def test_a_baseline_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableBaseline) as caught:
        load(tmp_path)
    assert str(caught.value) == f"{tmp_path}: the baseline cannot be read: Is a directory"


def test_a_corrupt_baseline_is_refused_with_the_reason_and_the_remedy() -> None:
    text = refusal(dumps(a_baseline()).encode()[:-20])
    assert text.startswith("b.json: the baseline cannot be read: not JSON: ")
    assert text.endswith(f"\n{REMEDY}")


@pytest.mark.parametrize("data", [b"[]", b"{}", b"3", b'{"schema_version": "1"}', b'{"schema_version": true}'])
def test_what_is_no_baseline_is_refused(data: bytes) -> None:
    assert refusal(data) == f"b.json: not a baseline (no schema_version)\n{REMEDY}"


def test_a_baseline_of_a_newer_schema_asks_for_an_update() -> None:
    assert refusal(changed(schema_version=2, new=[])) == (
        "b.json: written by a newer ml-experiment (schema 2, this one reads 1)\n"
        "  update ml-experiment, or store a new baseline with: ml-experiment baseline accept"
    )


def test_a_baseline_with_a_wrong_field_is_refused_naming_it() -> None:
    assert refusal(changed(accepted={"at": 5, "tool_version": "0.1.0"})) == (
        f"b.json: not a valid baseline: accepted.at: Input should be a valid string\n{REMEDY}"
    )


def test_the_baseline_of_another_experiment_is_refused_naming_both() -> None:
    assert refusal(dumps(a_baseline()).encode(), experiment="primaries") == (
        "b.json: the baseline of another experiment: found 'digits', expected 'primaries'\n"
        "  correct 'experiment' or 'baseline.file' in ml-experiment.yaml"
    )
