"""Importances of parameters: the same for the same table, greatest where it matters, and no surer than they can be."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from sweeping import a_sweep

from experiment.search import Sweep
from experiment.trials import Importances, Row
from experiment.value import Scalar
from runner.sweep import importance
from runner.sweep.importance import FEWEST, importances

UNIT = {"float": (0.0, 1.0)}
SWEEP = a_sweep("random", {"strong": UNIT, "weak": UNIT, "idle": UNIT})


def strong(params: Mapping[str, Scalar]) -> float:
    return 10 * abs(float(params["strong"]) - 0.3) + abs(float(params["weak"]) - 0.6)


def table(trials: int, value: Callable[[Mapping[str, Scalar]], float] = strong) -> list[Row]:
    draw = random.Random(0)
    drawn: list[dict[str, Scalar]] = [{name: draw.random() for name in SWEEP.space} for _ in range(trials)]
    return [Row(trial=i, state="complete", params=one, values=(value(one),)) for i, one in enumerate(drawn)]


def found(sweep: Sweep, rows: list[Row]) -> Importances:
    shares = importances(sweep, rows)
    assert shares is not None
    return shares


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importance, "MOST_RESAMPLES", importance.FEWEST_RESAMPLES)


def test_the_parameter_that_matters_is_found_and_its_interval_is_apart_from_the_others() -> None:
    shares = found(SWEEP, table(100)).shares
    assert next(iter(shares)) == "strong"
    assert sum(share.share for share in shares.values()) == pytest.approx(1.0)
    assert shares["strong"].share > 0.6
    assert shares["strong"].low > max(shares["weak"].high, shares["idle"].high)


def test_the_other_direction_and_a_parameter_that_is_searched_on_a_log_scale() -> None:
    maximized = a_sweep("random", SWEEP.space, objective={"score": "maximize"})
    assert found(maximized, table(100, lambda params: -strong(params))) == found(SWEEP, table(100))
    logged = a_sweep("random", {"rate": {"float": (1e-5, 1.0), "log": True}, "idle": UNIT})
    draw = random.Random(1)
    rows = []
    for trial in range(100):
        rate, idle = 10 ** draw.uniform(-5, 0), draw.random()
        rows.append(Row(trial=trial, state="complete", params={"rate": rate, "idle": idle}, values=(abs(rate - 1e-3),)))
    assert found(logged, rows).shares["rate"].low > 0.5


def test_where_nothing_matters_it_does_not_say_so_with_certainty() -> None:
    """Each parameter's interval holds an equal share: none is told from the others."""
    noise = random.Random(5)
    shares = found(SWEEP, table(60, lambda _: noise.random())).shares
    assert all(share.low < 1 / 3 < share.high for share in shares.values())


def test_the_share_lies_in_its_interval_and_more_trials_make_that_narrower() -> None:
    few, many = found(SWEEP, table(20)), found(SWEEP, table(400))
    assert (few.trials, many.trials) == (20, 400)
    for name in SWEEP.space:
        assert few.shares[name].low < few.shares[name].high
    width = {len_: one.shares["strong"].high - one.shares["strong"].low for len_, one in ((20, few), (400, many))}
    assert width[400] < width[20] / 2


def test_only_complete_trials_with_finite_values_count() -> None:
    rows = table(40)
    other = [
        Row(trial=40, state="failed", params=rows[0].params, reason="x"),
        Row(trial=41, state="pruned", params=rows[1].params, values=None),
        Row(trial=42, state="complete", params=rows[2].params, values=(float("inf"),)),
        Row(trial=43, state="complete", params=rows[3].params, values=(float("nan"),)),
    ]
    assert importances(SWEEP, [*rows, *other]) == importances(SWEEP, rows)
    assert importances(SWEEP, [*rows[: FEWEST - 1], *other]) is None
    assert importances(SWEEP, rows[:FEWEST]) is not None


CHILD = """
import json
from test_sweep_importance import SWEEP, table
from runner.sweep import importance
from runner.sweep.importance import importances
importance.MOST_RESAMPLES = importance.FEWEST_RESAMPLES
print(json.dumps(importances(SWEEP, table(80)).model_dump(mode="json")))
"""


@pytest.mark.parametrize("kernel", ["Nehalem", "Haswell"])
def test_equal_tables_give_equal_figures_whatever_the_kernel_of_the_blas(kernel: str) -> None:
    path = os.pathsep.join([*(str(Path(__file__).parents[up]) for up in (0, 1, 2))])
    environ = {**os.environ, "PYTHONPATH": path, "OPENBLAS_CORETYPE": kernel, "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", CHILD], env=environ, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert json.loads(done.stdout) == found(SWEEP, table(80)).model_dump(mode="json")
