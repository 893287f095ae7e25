"""What a person sees while a sweep runs: redrawn in place on a terminal, a line for each trial elsewhere."""

from io import StringIO

import pytest
from rich.console import Console
from sweeping import a_sweep

from action.screen import Screen
from action.sweep_progress import Progress
from action.sweep_view import SweepView
from experiment.value import Scalar
from runner.sweep.budget import Budget
from runner.sweep.events import Ask, Event, Prune, Report, Result, Tell

PARAMS: dict[str, Scalar] = {"x": 1.0, "rate": 0.1, "n": 2}


def trial(number: int, value: float | None, seconds: float = 10.0) -> list[Event]:
    values = None if value is None else (value,)
    reason = "" if values else "exit status 1"
    return [
        Ask(trial=number, params=PARAMS),
        Result(trial=number, values=values, reason=reason, seconds=seconds),
        Tell(trial=number, state="complete" if values else "failed"),
    ]


def pruned(number: int) -> list[Event]:
    return [
        Ask(trial=number, params=PARAMS),
        Report(trial=number, step=3, value=9.0),
        Prune(trial=number),
        Result(trial=number, values=(9.0,), seconds=4.0),
        Tell(trial=number, state="pruned"),
    ]


EVENTS = [*trial(0, 2.0), *trial(1, 3.0), *pruned(2), *trial(3, 1.0), *trial(4, None), Ask(trial=5, params=PARAMS)]


def shown(*, terminal: bool, events: list[Event] = EVENTS) -> list[str]:
    stream = StringIO()
    with Screen(Console(file=stream, force_terminal=terminal, width=160, color_system=None)) as screen:
        view = SweepView(screen)
        view.plan(a_sweep(), 4, Budget(), "note", [])
        for event in events:
            view.event(event)
        view.no_new_trials()
    return [line for line in stream.getvalue().splitlines() if line.strip()]


def test_in_a_log_every_trial_is_a_line_with_how_far_it_is() -> None:
    lines = shown(terminal=False)
    assert [line.split()[2] for line in lines if line.startswith("  trial ")] == [
        "complete", "complete", "pruned", "complete", "failed",
    ]  # fmt: skip
    assert lines[1].endswith("x 1, rate 0.1, n 2  best   1/24, 60 s left")
    assert "best" not in lines[2]
    assert "exit status 1" in lines[5]
    assert lines[-1] == "no new trials; 1 running finish. Ctrl-C again ends them now"
    assert len(lines) == 1 + 5 + 1


def test_where_all_trials_are_done_ctrl_c_lets_the_best_ones_runs_finish() -> None:
    events = [event for number in range(24) for event in trial(number, 1.0 + number)]
    assert shown(terminal=False, events=events)[-1] == (
        "all trials are done; the best one's runs finish. Ctrl-C again ends them now"
    )


def test_on_a_terminal_only_what_leads_or_fails_stays_as_a_line() -> None:
    text = "\n".join(shown(terminal=True))
    assert "trial 0     complete" in text
    assert "trial 1     complete" not in text
    assert "trial 2     pruned" not in text
    assert "trial 3     complete" in text
    assert "trial 4     failed" in text


def test_the_redrawn_part_has_done_best_pruned_failed_running_and_time_left() -> None:
    now = 0.0
    progress = Progress(a_sweep(), 4, clock=lambda: now)
    for event in EVENTS:
        progress.heard(event)
    now = 7.0
    running, summary = progress.lines()
    assert running.split() == ["trial", "5", "running", "7.0", "s", "x", "1,", "rate", "0.1,", "n", "2"]
    assert "   5/24, 44 s left   best loss 1 (trial 3)   1 pruned   1 failed   1 running" in summary


@pytest.mark.parametrize(
    ("budget", "left"),
    [
        (Budget(time=3600.0), "44 s left"),
        (Budget(time=60.0), "27 s left by sweep.time"),
        (Budget(time=30.0), "8.8 s left by sweep.time"),
        (Budget(gpu_time=60.0), "18 s left by sweep.gpu_hours"),
        (Budget(time=30.0, gpu_time=60.0), "8.8 s left by sweep.time"),
        (Budget(time=60.0, gpu_time=60.0), "18 s left by sweep.gpu_hours"),
        (Budget(time=30.0, gpu_time=60.0, at_least=24), "44 s left"),
    ],
)
def test_the_time_left_is_until_the_nearest_end(budget: Budget, left: str) -> None:
    """Five trials of 8.8 s used 35 GPU-seconds, the study was driven for 35 s, 7 s ago."""
    now = 0.0
    progress = Progress(a_sweep(), 4, budget, clock=lambda: now)
    for event in EVENTS:
        used = {"gpu_seconds": 7.0} if isinstance(event, Result) else {}
        driven = {"driven": 35.0} if isinstance(event, (Ask, Result)) else {}
        progress.heard(event.model_copy(update=used | driven))
    now = 7.0
    assert progress.short() == f"5/24, {left}"


def test_a_front_of_several_objectives_is_counted() -> None:
    progress = Progress(a_sweep(objective={"loss": "minimize", "size": "minimize"}), 1)
    for number, values in enumerate([(1.0, 3.0), (3.0, 1.0), (4.0, 4.0), (0.5, 0.5)]):
        progress.heard(Ask(trial=number, params=PARAMS))
        progress.heard(Result(trial=number, values=values))
        progress.heard(Tell(trial=number, state="complete"))
    assert [row.trial for row in progress.leaders] == [3]
    assert any("1 on the front" in line for line in progress.lines())
