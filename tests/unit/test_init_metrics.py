"""Which metrics init proposes from a trial run, with which direction."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiment.curves import Curve, split_series
from experiment.spec import Goal
from runner.discovery import directions, metrics


def curve(name: str, values: list[float], source: str = "keras") -> Curve:
    return split_series(name, source, range(1, len(values) + 1), values, [0.0] * len(values))[0]


@pytest.mark.parametrize(
    "name",
    ["accuracy", "val_accuracy", "test/auc", "F1", "r2_score", "top-1 acc", "mAP", "mean_iou", "acc@1", "eval.bleu",
     "episode_reward", "neg_mean_squared_error", "valAccuracy"],
)  # fmt: skip
def test_more_of_it_is_better(name: str) -> None:
    assert directions.goal(name) is Goal.MAXIMIZE


@pytest.mark.parametrize(
    "name",
    ["loss", "val_loss", "test/mse", "RMSE", "error_rate", "perplexity", "top1_error", "f1_loss", "wer", "train_time",
     "mean_absolute_error", "neg_log_likelihood", "log_loss"],
)  # fmt: skip
def test_less_of_it_is_better(name: str) -> None:
    assert directions.goal(name) is Goal.MINIMIZE


@pytest.mark.parametrize("name", ["foo", "classes", "closs", "macro", "x1"])
def test_a_name_that_tells_nothing_has_no_direction(name: str) -> None:
    assert directions.goal(name) is None


def test_what_has_no_direction_does_not_gate() -> None:
    [found] = metrics.propose({}, [curve("foo", [1.5])], [])
    assert (found.goal, found.gate) == (None, False)


def test_a_time_is_only_shown() -> None:
    [found] = metrics.propose({}, [curve("fit_time", [1.5])], [])
    assert (found.goal, found.gate) == (Goal.MINIMIZE, False)


def test_settings_are_no_metrics() -> None:
    assert metrics.propose({"m.json": [curve("lr", [0.1]), curve("epochs", [3])]}, [], []) == []


def test_training_metrics_do_not_gate_beside_held_out_ones() -> None:
    recorded = [
        curve("loss", [0.11]),
        curve("accuracy", [0.92]),
        curve("val_loss", [0.23]),
        curve("val_accuracy", [0.84]),
    ]
    assert {p.name: p.gate for p in metrics.propose({}, recorded, [])} == {
        "val_loss": True, "val_accuracy": True, "loss": False, "accuracy": False,
    }  # fmt: skip


def test_training_metrics_gate_where_there_are_no_others() -> None:
    assert [p.gate for p in metrics.propose({}, [curve("train/loss", [0.1])], [])] == [True]


def test_a_printed_metric_that_a_file_has_in_full_is_the_files() -> None:
    files = {"curve.csv": [curve("test/accuracy", [0.5, 0.974416], "file curve.csv")]}
    found = metrics.propose(files, [], ["epoch 1 acc: 0.5000", "epoch 2 acc: 0.9744"])
    assert [(p.name, p.file, p.pattern) for p in found] == [("test/accuracy", "curve.csv", None)]


def test_percent_printed_for_a_fraction_recorded_is_the_same() -> None:
    found = metrics.propose({}, [curve("test_accuracy", [0.97442])], ["result: 97.44%"])
    assert [p.name for p in found] == ["test_accuracy"]


def test_a_printed_metric_that_is_another_one_is_kept_with_its_pattern() -> None:
    found = metrics.propose({}, [curve("test_accuracy", [0.97442])], ["final f1: 0.8812"])
    assert [(p.name, bool(p.pattern)) for p in found] == [("test_accuracy", False), ("final_f1", True)]


def test_the_same_score_seen_twice_is_proposed_once() -> None:
    files = {"m.json": [curve("accuracy", [0.97441601], "file m.json")]}
    assert len(metrics.propose(files, [curve("MLPClassifier.score", [0.97441601], "sklearn")], [])) == 1


def test_only_files_with_results_are_metric_files(tmp_path: Path) -> None:
    texts = {
        "config.json": {"loss": 1.0},
        "metrics.json": {"x": 1.0},
        "out.json": {"loss": 1.0},
        "other.json": {"x": 1},
    }
    for name, content in texts.items():
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "broken.json").write_text("{")
    assert list(metrics.files_of(tmp_path, [*texts, "broken.json", "gone.json"])) == ["metrics.json", "out.json"]


def test_a_noisy_end_is_averaged_and_a_smooth_one_is_not() -> None:
    steps = np.arange(200)
    smooth = np.exp(-steps / 40)
    noise = np.random.default_rng(0).normal(0, 0.05, 200)
    assert metrics.noisy_end(smooth) is None
    assert metrics.noisy_end(smooth + noise) == 20


def test_a_long_noisy_curve_is_averaged_over_no_more_than_a_hundred_points() -> None:
    assert metrics.noisy_end(np.random.default_rng(0).normal(0, 1, 5000)) == 100


def test_a_short_or_constant_curve_or_one_with_nan_is_left_alone() -> None:
    assert metrics.noisy_end(np.array([1.0, 2.0] * 9)) is None
    assert metrics.noisy_end(np.ones(50)) is None
    assert metrics.noisy_end(np.array([1.0, 2.0] * 50 + [np.nan])) is None


def test_two_runs_are_equal_only_to_the_bit() -> None:
    first = metrics.propose({}, [curve("loss", [0.1]), curve("auc", [float("nan")])], [])
    second = metrics.propose({}, [curve("loss", [0.1 + 1e-16]), curve("auc", [float("nan")])], [])
    assert {p.name: p.repeats for p in metrics.with_repeats(first, second)} == {"loss": False, "auc": True}
