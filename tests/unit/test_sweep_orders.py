"""The table of a sweep depends on its specification and order alone: not on workers, timing, or where it was killed."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sweeping import SPACE, SWEEPS, Drawn, a_sweep, digest, points, swept

from runner.sweep import log as logs
from runner.sweep.events import Ask, Prune, Report, Result, Tell
from runner.sweep.orders import Follow, Free, Order, Point, Window
from runner.sweep.table import rows

FEW = settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_free_orders_of_other_timing_differ_so_the_record_is_needed(tmp_path: Path) -> None:
    sweep = SWEEPS["tpe"]
    found = {digest(swept(tmp_path / f"{i}", sweep, Free(), Drawn(sweep, 4, i))) for i in range(3)}
    assert len(found) > 1


@pytest.mark.parametrize("pruner", ["median", "halving", "hyperband"])
@pytest.mark.parametrize("order", ["recorded", "window"])
def test_pruners_end_trials_in_both_orders(pruner: str, order: str, tmp_path: Path) -> None:
    sweep = SWEEPS[pruner]
    events = swept(tmp_path / "log", sweep, Window(4) if order == "window" else Free(), Drawn(sweep, 4, 2, 9))
    pruned = {event.trial for event in events if isinstance(event, Prune)}
    assert pruned
    assert {row.trial for row in rows(events) if row.state == "pruned"} == pruned


@pytest.mark.parametrize("pruner", ["median", "halving", "hyperband"])
def test_in_a_window_a_trial_that_is_pruned_makes_room_at_once(pruner: str, tmp_path: Path) -> None:
    """As with four workers that take the same time for every point: four are busy until the last trial is asked for."""
    sweep = SWEEPS[pruner]
    events = swept(tmp_path / "log", sweep, Window(4), Drawn(sweep, 3, 2, 9))
    now, clock, asked, told = 0, dict[int, int](), 0, list[int]()
    for event in events:
        match event:
            case Ask():
                clock[event.trial], asked = now, asked + 1
            case Report() | Tell():
                assert asked - len(told) == min(4, sweep.trials - len(told))
                assert clock[event.trial] == min(time for trial, time in clock.items() if trial not in told)
                now = clock[event.trial]
                if isinstance(event, Report):
                    clock[event.trial] += 1
                else:
                    told.append(event.trial)
            case _:
                pass
    assert told != sorted(told)  # one that was pruned did not wait for an earlier one that was not


@pytest.mark.parametrize("name", ["tpe", "tpe, conditional", "cmaes", "nsga2", "qmc", "grid", "median", "halving"])
@FEW
@given(cut=st.floats(0, 1), timing=st.integers(0, 99))
def test_a_window_killed_at_any_byte_goes_on_to_the_table_of_the_uninterrupted(
    name: str, cut: float, timing: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sweep, folder = SWEEPS[name], tmp_path_factory.mktemp("log")
    whole = swept(folder / "whole", sweep, Window(4), Drawn(sweep, 3, 5, points(sweep)))
    data = (folder / "whole").read_bytes()
    (folder / "cut").write_bytes(data[: int(cut * len(data))])
    again = swept(folder / "cut", sweep, Window(4), Drawn(sweep, 2, timing, points(sweep)))
    assert digest(again) == digest(whole)


@pytest.mark.parametrize("name", ["tpe", "cmaes", "nsga2", "median"])
@FEW
@given(cut=st.floats(0, 1), timing=st.integers(0, 99))
def test_a_free_sweep_killed_at_any_byte_goes_on_and_can_be_replayed(
    name: str, cut: float, timing: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sweep, folder = SWEEPS[name], tmp_path_factory.mktemp("log")
    swept(folder / "log", sweep, Free(), Drawn(sweep, 3, 5, points(sweep)))
    data = (folder / "log").read_bytes()
    (folder / "log").write_bytes(data[: int(cut * len(data))])
    swept(folder / "log", sweep, Free(), Drawn(sweep, 4, timing, points(sweep)))
    _, record, _ = logs.read((folder / "log").read_bytes(), "log")
    assert len(rows(record)) == sweep.trials
    again = swept(folder / "again", sweep, Follow(record), Drawn(sweep, 2, timing + 1, points(sweep)))
    assert digest(again) == digest(record)


@pytest.mark.parametrize("pruner", ["none", "median", "halving", "hyperband"])
@pytest.mark.parametrize("order", ["window", "recorded"])
def test_killed_between_any_two_events_it_goes_on_to_the_same(order: str, pruner: str, tmp_path: Path) -> None:
    sweep = a_sweep("random", trials=14, parallelism=3, pruner=pruner)
    steps = 0 if pruner == "none" else 4

    def one() -> Order:
        return Window(3) if order == "window" else Free()

    whole = swept(tmp_path / "whole", sweep, one(), Drawn(sweep, 3, 5, steps))
    data = (tmp_path / "whole").read_bytes()
    ends = [i + 1 for i, byte in enumerate(data) if byte == ord("\n")]
    pruned = [i for i, line in enumerate(data.splitlines()) if b'"prune"' in line]
    assert bool(pruned) == (pruner != "none")
    for cut in ends:
        log = tmp_path / f"{cut}"
        log.write_bytes(data[:cut])
        executor = Drawn(sweep, 2, cut, steps)
        again = swept(log, sweep, one(), executor)
        if order == "window":
            assert digest(again) == digest(whole)
        else:
            followed = swept(tmp_path / f"{cut}-followed", sweep, Follow(again), Drawn(sweep, 2, cut + 1, steps))
            assert digest(followed) == digest(again)
        ended = {event.trial for event in logs.read(data[:cut], "")[1] if isinstance(event, (Prune, Tell))}
        assert not ended & set(executor.started)  # what the pruner ended is not run again


def test_a_log_cut_at_any_byte_is_the_log_of_the_events_before(tmp_path: Path) -> None:
    sweep = a_sweep("random", trials=6, parallelism=2)
    swept(tmp_path / "log", sweep, Window(2), Drawn(sweep, 2, 1))
    data = (tmp_path / "log").read_bytes()
    _, events, _ = logs.read(data, "")
    for cut in range(len(data)):
        _, found, whole = logs.read(data[:cut], "")
        assert found == events[: len(found)]
        assert whole == data[:cut].rfind(b"\n") + 1
        assert len(found) == max(0, data[:cut].count(b"\n") - 1)


def test_no_trial_is_asked_for_before_a_worker_is_free(tmp_path: Path) -> None:
    sweep, running = SWEEPS["tpe"], 0
    for event in swept(tmp_path / "log", sweep, Free(), Drawn(sweep, 3, 1)):
        running += isinstance(event, Ask) - isinstance(event, Result)
        assert running <= 3


class Breaking(Drawn):
    """Fails right after the fifth result."""

    results = 0

    def take(self, timeout: float) -> list[tuple[int, Point | Result]]:
        if self.results == 5:
            raise RuntimeError("broken")
        found = super().take(timeout)
        self.results += len(found)
        return found


@pytest.mark.parametrize("workers", [1, 3])
def test_what_was_heard_before_a_failure_is_in_the_log(workers: int, tmp_path: Path) -> None:
    sweep = SWEEPS["tpe"]
    with pytest.raises(RuntimeError, match="broken"):
        swept(tmp_path / "log", sweep, Free(), Breaking(sweep, workers, 1))
    _, events, _ = logs.read((tmp_path / "log").read_bytes(), "log")
    assert sum(isinstance(event, Result) for event in events) == 5


def test_a_sampler_asked_again_sees_no_state_of_before(tmp_path: Path) -> None:
    sweep = a_sweep(space=SPACE, trials=12)
    one = swept(tmp_path / "one", sweep, Window(1), Drawn(sweep, 1, 0))
    longer = a_sweep(space=SPACE, trials=24)
    other = swept(tmp_path / "other", longer, Window(1), Drawn(longer, 1, 0))
    assert rows(other)[:12] == rows(one)
