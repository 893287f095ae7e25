"""How far a sweep may be taken: the default branch's file says it, whatever another branch or an input asks for."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sweeping import a_sweep

from action.sweep_caps import capped

LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "trials": st.integers(1, 90), "parallelism": st.integers(1, 9), "time": st.floats(1, 9e3),
        "gpu_hours": st.floats(0.1, 99),
    },
)  # fmt: skip


def test_without_limits_the_values_of_the_default_branch_are_the_most() -> None:
    found = capped(a_sweep(trials=500, parallelism=9), a_sweep(trials=60, parallelism=4, time=3600.0), "main")
    assert (found.sweep.trials, found.sweep.parallelism, found.sweep.time) == (60, 4, 3600.0)
    assert found.lowered == (
        "trials: 500 asked, 60 is the most that main allows (sweep.limits.trials there)",
        "parallelism: 9 asked, 4 is the most that main allows (sweep.limits.parallelism there)",
        "time: no limit asked, 1 h 0 min is the most that main allows (sweep.limits.time there)",
    )


def test_limits_let_more_be_asked_for_than_the_file_itself_takes() -> None:
    policy = a_sweep(trials=60, limits={"trials": 200})
    assert capped(a_sweep(trials=150), policy, "main").sweep.trials == 150
    assert capped(a_sweep(trials=201), policy, "main").sweep.trials == 200


@given(st.integers(1, 10**6), st.integers(1, 1000), LIMITS, LIMITS)
def test_nothing_goes_beyond_the_policy_and_nothing_else_changes(
    trials: int, parallelism: int, own: dict[str, Any], limits: dict[str, Any]
) -> None:
    asked = a_sweep(trials=trials, parallelism=parallelism, limits=own, time=own.get("time"))
    policy = a_sweep(limits=limits)
    found = capped(asked, policy, "main").sweep
    assert found.trials == min(trials, limits.get("trials", policy.trials))
    assert found.parallelism == min(parallelism, limits.get("parallelism", policy.parallelism))
    assert found.time == min((x for x in (own.get("time"), limits.get("time")) if x is not None), default=None)
    same = {"trials": 1, "parallelism": 1, "time": None, "gpu_hours": None}
    assert found.model_copy(update=same) == asked.model_copy(update=same)
