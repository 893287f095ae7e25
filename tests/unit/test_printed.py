"""Metrics in printed lines: declared patterns, and the guesses `init` makes."""

import math

import pytest

from experiment.spec import Metric
from runner.printed import PatternReader
from runner.printed_guess import guess

LOSS = r"loss: (?P<value>[-+.\w]+)"


def fed(pattern: str, *lines: str) -> list[tuple[int, float]]:
    reader = PatternReader({"m": pattern})
    for second, line in enumerate(lines):
        reader.feed(line, float(second))
    return [(s, v) for c in reader.curves() for s, v in zip(c.step.tolist(), c.value.tolist(), strict=True)]


def test_points_without_a_step_are_counted_from_one() -> None:
    assert fed(LOSS, "loss: 0.5", "nothing", "loss: 0.25") == [(1, 0.5), (2, 0.25)]


def test_a_step_group_is_the_step_and_going_back_starts_a_new_series() -> None:
    reader = PatternReader({"m": r"epoch (?P<step>\d+) " + LOSS})
    for line in ("epoch 1 loss: 3", "epoch 2 loss: 2", "epoch 1 loss: 5"):
        reader.feed(line, 0.0)
    assert [(c.series, c.step.tolist(), c.value.tolist()) for c in reader.curves()] == [
        (1, [1, 2], [3, 2]),
        (2, [1], [5]),
    ]


def test_a_carriage_return_ends_a_line() -> None:
    assert fed(LOSS, "loss: 3\rloss: 2\rloss: 1\r\n") == [(1, 3), (2, 2), (3, 1)]


def test_text_that_only_looks_like_the_pattern_is_no_point() -> None:
    assert fed(LOSS, "loss: bad", "loss: 1.2.3", "loss: 0.5") == [(1, 0.5)]


def test_percent_signs_and_words_for_odd_numbers_are_read() -> None:
    found = fed(r"acc: (?P<value>\S+)", "acc: 97.5%", "acc: nan", "acc: -inf")
    assert found[0] == (1, 97.5)
    assert math.isnan(found[1][1])
    assert found[2] == (3, -math.inf)


def test_feed_says_what_it_found_for_the_live_view() -> None:
    reader = PatternReader({"loss": LOSS})
    assert [(p.metric, p.step, p.value) for p in reader.feed("loss: 2 loss: 3", 1.0)] == [("loss", 1, 2.0)]
    assert reader.curves()[0].source == "output"
    assert reader.curves()[0].time.tolist() == [1.0]


GUESSES = {
    "colon": (["loss: 0.3"], {"loss": [0.3]}),
    "equals": (["RMSE=1.2e-3", "r2 = -0.5"], {"rmse": [0.0012], "r2": [-0.5]}),
    "percent": (["Accuracy: 97.5%"], {"accuracy": [97.5]}),
    "nan": (["loss: nan"], {"loss": [math.nan]}),
    "words": (["Final test accuracy = 0.93"], {"final_test_accuracy": [0.93]}),
    "fraction": (
        ["Test set: Average loss: 0.0521, Accuracy: 9833/10000 (98%)"],
        {"test/average_loss": [0.0521], "test/accuracy": [98.0]},
    ),
    "epoch": (
        ["epoch 3/10 loss: 0.3 - acc: 0.9", "epoch 4/10 loss: 0.2 - acc: 0.95"],
        {"loss": [0.3, 0.2], "acc": [0.9, 0.95]},
    ),
    "scopes": (
        ["train loss: 0.3, acc: 0.9 | val loss: 0.5, acc: 0.8"],
        {"train_loss": [0.3], "train/acc": [0.9], "val_loss": [0.5], "val/acc": [0.8]},
    ),
    "bare": (["step 0: train loss 4.28, val loss 4.2"], {"train_loss": [4.28], "val_loss": [4.2]}),
    "keras": (
        ["\r1/2 - 0s 5ms/step - loss: 2.3\r2/2 - 1s 5ms/step - loss: 0.7 - val_loss: 0.65"],
        {"loss": [2.3, 0.7], "val_loss": [0.65]},
    ),
    "no metrics": (["version: 1.2.3", "12:30:01 started", "lr: 0.01", "time: 5ms", "epoch: 3", "batch_size = 32"], {}),
}


@pytest.mark.parametrize("case", GUESSES)
def test_guesses(case: str) -> None:
    lines, expected = GUESSES[case]
    found = {g.name: g.values for g in guess(lines)}
    assert repr(found) == repr(expected)


@pytest.mark.parametrize("case", [case for case in GUESSES if case != "no metrics"])
def test_every_proposed_pattern_is_one_the_experiment_file_takes_and_reads_the_same_values(case: str) -> None:
    lines, _ = GUESSES[case]
    for proposal in guess(lines):
        assert Metric(pattern=proposal.pattern).pattern == proposal.pattern
        assert repr([value for _, value in fed(proposal.pattern, *lines)]) == repr(proposal.values)


def test_an_epoch_that_grows_is_proposed_as_the_step() -> None:
    lines = [f"Epoch [{i}/5] loss: {1 / i}" for i in (1, 2, 3)]
    assert [step for step, _ in fed(guess(lines)[0].pattern, *lines)] == [1, 2, 3]


def test_an_epoch_that_stands_still_is_not_the_step() -> None:
    lines = [f"Train Epoch: 1 [{i}00/900] Loss: {1 / i}" for i in (1, 2, 3)]
    assert fed(guess(lines)[0].pattern, *lines) == [(1, 1.0), (2, 0.5), (3, 1 / 3)]


def test_plain_names_get_plain_patterns() -> None:
    assert guess(["loss: 0.3"])[0].pattern == r"\bloss\s*[:=]\s*(?P<value>[-+.\w]+)"


def test_warnings_tracebacks_and_progress_bars_are_no_metrics() -> None:
    lines = [
        "/home/me/tree/data.py:40: VisibleDeprecationWarning: ragged nested sequences",
        "  y = np.sum(x, axis=1)",
        '  File "/home/me/tree/data.py", line 3, in main',
        "    fit(alpha=0.5)",
        "Training: 100%|██████████| 200/200 [00:01<00:00]",
        "Training: 100% [-----------------------------] ETA:  00:00:00",
        "Accuracy: 97.5%",
    ]
    assert [(found.name, found.values) for found in guess(lines)] == [("accuracy", [97.5])]
