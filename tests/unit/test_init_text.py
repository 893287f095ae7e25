"""The experiment file init writes: whatever was guessed, it loads and says what was guessed."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from action.activities import init_text
from action.activities.init_draft import Draft, Read, Written
from experiment.file import parse
from experiment.spec import Experiment, Goal
from runner.discovery import locks, scripts
from runner.discovery.metrics import Proposal

LOSS = Proposal("test/loss", Goal.MINIMIZE, True, None, "file m.json", 0.25, 1, file="m.json", repeats=True)
DRAFT = Draft(
    name="digits",
    command="python train.py --seed {seed}",
    command_why="train.py: its name says training",
    lock="requirements.lock",
    lock_from=None,
    determinism="strict",
    metrics=(LOSS,),
    data=(),
    outputs=(),
    wall_s=12.0,
    cpus=1,
    gpus=0,
    memory=2**20,
    machine_cpus=2,
    seeded_by=(),
)


def loaded(draft: Draft) -> Experiment:
    return parse(init_text.file_text(draft), name="x", default_name="x")


def test_the_file_says_what_was_guessed() -> None:
    spec = loaded(DRAFT)
    assert (spec.command, spec.environment.lock, spec.metric_files) == (
        "python train.py --seed {seed}",
        "requirements.lock",
        ("m.json",),
    )
    assert spec.metrics["test/loss"].goal is Goal.MINIMIZE
    assert spec.metrics["runtime_s"].gate is False
    assert (spec.gate.reproduce, spec.resources.cpus, spec.resources.timeout) == ("required", 1, 300)


def test_two_unequal_trials_only_report_reproduction() -> None:
    spec = loaded(replace(DRAFT, metrics=(replace(LOSS, repeats=False),)))
    assert spec.gate.reproduce == "report"


def test_a_time_that_differs_is_no_reason_not_to_require_reproduction() -> None:
    time = Proposal("fit_time", Goal.MINIMIZE, False, None, "output", 1.0, 1, repeats=False)
    assert loaded(replace(DRAFT, metrics=(LOSS, time))).gate.reproduce == "required"


def test_data_inside_the_repository_is_declared_with_its_digest() -> None:
    reads = (Read("data/a, b.csv", 10, "a" * 64, False), Read("/home/me/set.npz", 10, "b" * 64, True))
    [file] = loaded(replace(DRAFT, data=reads)).data
    assert (file.path, file.sha256) == ("data/a, b.csv", "a" * 64)


def test_a_model_is_an_artifact_only_if_both_trials_wrote_the_same_bytes() -> None:
    outputs = (Written("a.npz", 1, True), Written("b.npz", 1, False), Written("plot.png", 1, True))
    assert loaded(replace(DRAFT, outputs=outputs)).artifacts == ("a.npz",)


def test_a_metric_without_direction_is_shown_and_says_so() -> None:
    odd = Proposal("foo", None, False, 5, "output", 1.0, 50, pattern=r"foo: '(?P<value>\d+)' # {x}")
    spec = loaded(replace(DRAFT, metrics=(odd,)))
    assert spec.metrics["foo"].pattern == odd.pattern
    assert (spec.metrics["foo"].goal, spec.metrics["foo"].gate, spec.metrics["foo"].last) == (None, False, 5)


def test_without_metrics_the_file_loads_and_shows_how_to_name_one() -> None:
    assert loaded(replace(DRAFT, metrics=())).metrics == {}
    assert "No metric was found" in init_text.file_text(replace(DRAFT, metrics=()))


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40))
def test_any_text_reads_back_as_it_is(text: str) -> None:
    assert YAML(typ="safe").load(f"key: {init_text.scalar(text)}\n") == {"key": text}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_reason_breaks_out_of_its_comment(text: str) -> None:
    assert loaded(replace(DRAFT, command_why=text, lock_from=text, determinism="seeds")).command == DRAFT.command


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"requirements.txt": "numpy==2.0.0\n"}, None),
        ({"requirements.txt": "numpy==2.0.0 --hash=sha256:" + "0" * 64 + "\n"}, "requirements.txt"),
        ({"requirements.lock": "# no packages\n", "requirements.txt": "numpy\n"}, "requirements.lock"),
        ({"poetry.lock": "x"}, None),
    ],
)
def test_a_lock_that_is_there_is_taken_only_with_hashes(
    tmp_path: Path, files: dict[str, str], expected: str | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert locks.existing(tmp_path, files) == expected


def test_imports_that_are_not_spelled_like_their_package_are_translated(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import os, sklearn.svm, yaml, own\nfrom PIL import Image\nimport cv2\n")
    (tmp_path / "own.py").write_text("import flax_extra\n")
    code = scripts.started_by(tmp_path, ["train.py", "own.py"], "python train.py")
    found = locks.imported_distributions(code, {"train.py", "own.py"})
    assert found == ["flax-extra", "opencv-python-headless", "pillow", "pyyaml", "scikit-learn"]


def test_a_package_a_script_can_do_without_is_not_asked_for(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("try:\n    import cupy as np\nexcept ImportError:\n    import numpy as np\n")
    code = scripts.started_by(tmp_path, ["train.py"], "python train.py")
    assert locks.imported_distributions(code, {"train.py"}) == ["numpy"]
