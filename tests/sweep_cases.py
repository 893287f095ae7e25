"""One study per situation that a sweep's report has words and figures for."""

import math
import random
from collections.abc import Callable
from typing import Any

from experiment.search import Sweep
from experiment.trials import Importances, Row, Share
from experiment.value import Scalar
from reporting.study import Study

SPACE: dict[str, Any] = {
    "optimizer": {"choice": ("adam", "sgd", "rmsprop")},
    "lr": {"float": (1e-4, 1e-1), "log": True},
    "momentum": {"float": (0.0, 0.99), "when": {"optimizer": ("sgd",)}},
    "hidden": {"int": (16, 256)},
    "dropout": {"float": (0.0, 0.5), "step": 0.1},
}
SHARES = Importances(
    shares={
        "lr": Share(share=0.71, low=0.52, high=0.84),
        "hidden": Share(share=0.2, low=0.08, high=0.33),
        "optimizer": Share(share=0.06, low=0.01, high=0.2),
        "dropout": Share(share=0.02, low=0.0, high=0.06),
        "momentum": Share(share=0.01, low=0.0, high=0.03),
    },
    trials=40,
    resamples=200,
)
FRESH = (0.9402, 0.9391, 0.9422, 0.9371, 0.9433)


def a_sweep(**more: Any) -> Sweep:
    """Accuracy over five parameters, one of them conditional."""
    given = {"trials": 48, "parallelism": 4, "pruner": "median", "objective": {"test/accuracy": "maximize"}}
    return Sweep.model_validate({**given, "space": SPACE, **more}, strict=False)


def params(draw: random.Random) -> dict[str, Scalar]:
    """A point of the space, from arithmetic that is the same on every machine."""
    chosen: dict[str, Scalar] = {
        "optimizer": draw.choice(["adam", "sgd", "rmsprop"]), "lr": float(f"{10 ** draw.uniform(-4, -1):.4g}"),
    }  # fmt: skip
    if chosen["optimizer"] == "sgd":
        chosen["momentum"] = round(draw.uniform(0, 0.99), 3)
    return {**chosen, "hidden": draw.randint(16, 256), "dropout": draw.randint(0, 5) / 10}


def accuracy(found: dict[str, Scalar], draw: random.Random) -> float:
    """A smooth hill with noise."""
    hill = 0.95 - 0.02 * (math.log10(float(found["lr"])) + 2.3) ** 2
    steps = 0.03 * (int(found["hidden"]) < 60) + 0.01 * (found["optimizer"] == "rmsprop")
    return round(hill - steps + draw.gauss(0, 0.004), 6)


def a_table(n: int = 48, seed: int = 3) -> list[Row]:
    """Complete, pruned and failed trials, and one far from all others."""
    draw, rows = random.Random(seed), []
    for trial in range(n):
        found = params(draw)
        value, ends = accuracy(found, draw), draw.random()
        points = tuple((step, round(value - 0.2 / step, 6)) for step in range(1, 11))
        row = Row(trial=trial, state="complete", params=found, values=(value,), points=points, seconds=12.0)
        if trial in (7, 23):
            reason = "exit status 1: ValueError: hidden must be even"
            row = Row(trial=trial, state="failed", params=found, reason=reason, seconds=2.0)
        elif ends < 0.2:
            row = Row(trial=trial, state="pruned", params=found, points=points[:4], seconds=4.0)
        elif trial == 30:
            row = row.model_copy(update={"values": (0.31,)})
        rows.append(row)
    return rows


def a_study(**more: Any) -> Study:
    """The usual one: a best trial that fresh seeds do not quite hold."""
    given: dict[str, Any] = {
        "experiment": "digits",
        "sweep": a_sweep(),
        "table": a_table(),
        "fresh": FRESH,
        "importances": SHARES,
        "wall_s": 300.0,
        "workers": 4,
        "machine": "Intel Xeon 8370C, avx512; Optuna 5.0.0, NumPy 2.3.4",
        "commit": "3f9a2c1" + "0" * 33,
        "record": "sweeps/digits.lock.json",
        "tool_version": "0.1.0",
    }
    return Study(**{**given, **more})


def _objectives(k: int, constrained: bool) -> Study:
    """Two or three objectives that cannot all be had."""
    draw, rows = random.Random(5), []
    names = {"test/accuracy": "maximize", "size_mb": "minimize", "runtime_s": "minimize"}
    for trial in range(40):
        found = params(draw)
        hidden = int(found["hidden"])
        all_values = (
            round(accuracy(found, draw) - 2 / hidden, 5),
            round(hidden * 0.2 + draw.random(), 3),
            round(3 + hidden * hidden / 4000 + draw.random(), 3),
        )
        excess = {"size_mb": all_values[1] - 40.0} if constrained else {}
        rows.append(Row(trial=trial, state="complete", params=found, values=all_values[:k], constraints=excess))
    more = {"constraints": {"size_mb": {"max": 40.0}}} if constrained else {}
    sweep = a_sweep(trials=40, objective=dict(list(names.items())[:k]), pruner="none", **more)
    return a_study(sweep=sweep, table=rows, fresh=(), wall_s=90.0)


def _failed() -> Study:
    rows = [Row(trial=i, state="failed", params=params(random.Random(i)), reason="exit status 1") for i in range(4)]
    return a_study(table=rows, fresh=(), importances=None, record="", wall_s=4.0)


def _hostile() -> Study:
    """Words from data that would like to be more than words."""
    choice = ("relu", "<b>|`x`", "@someone", "](http://evil.example)", "**bold**\n# head", "a" * 400)
    sweep = Sweep.model_validate(
        {"trials": 7, "objective": {"@someone": "maximize"}, "constraints": {"GH-1:+1:": {"max": 1.0}},
         "space": {"lr": {"float": (0.0, 1.0)}, "act": {"choice": choice}}},
        strict=False,
    )  # fmt: skip
    rows = [
        Row(trial=i, state="complete", params={"lr": i / 8, "act": act}, values=(0.9 - i / 100,),
            constraints={"GH-1:+1:": i - 3.5})
        for i, act in enumerate(choice)
    ]  # fmt: skip
    reason = "exit status 1 <script>alert(1)</script> @someone #7 `rm -rf`\n\n# title | cell ![x](http://evil.example)"
    rows.append(Row(trial=6, state="failed", params={"lr": 0.5, "act": "relu"}, reason=reason))
    return Study(
        "digits", sweep, rows, (0.89,), machine="<img src=x>|`", record="sweeps/<b>.lock.json",
        repeat="ml-experiment sweep '```' <b>", notes=("@someone <b>|`",), tool_version="<i>", commit="@someone",
    )  # fmt: skip


def _many_parameters() -> Study:
    draw = random.Random(1)
    space = {f"weight_of_layer_{i:02}": {"float": (0.0, 1.0)} for i in range(40)}
    rows = [
        Row(trial=i, state="complete", params={key: round(draw.random(), 4) for key in space}, values=(draw.random(),))
        for i in range(30)
    ]
    return a_study(sweep=a_sweep(space=space, pruner="none"), table=rows, fresh=(), importances=None)


CASES: dict[str, Callable[[], Study]] = {
    "winners-curse": a_study,
    "no-worse": lambda: a_study(fresh=(0.9571, 0.9560)),
    "replayed": lambda: a_study(replayed=True, dirty=True),
    "no-fresh-seeds": lambda: a_study(fresh=()),
    "unfinished": lambda: a_study(table=a_table(12), fresh=(), finished=False, record="", importances=None),
    "one-trial": lambda: a_study(table=a_table(1), fresh=(0.91,), importances=None),
    "all-failed": _failed,
    "two-objectives": lambda: _objectives(2, constrained=True),
    "three-objectives": lambda: _objectives(3, constrained=False),
    "minimize": lambda: a_study(
        sweep=a_sweep(objective={"val_loss": "minimize"}),
        table=[
            row.model_copy(update={"values": tuple(round(1 - v, 6) for v in row.values)}) if row.values else row
            for row in a_table()
        ],
        fresh=(0.061, 0.058),
    ),
    "many-parameters": _many_parameters,
    "gpu-hours": lambda: a_study(table=[row.model_copy(update={"gpu_seconds": 720.0}) for row in a_table()]),
    "hostile": _hostile,
}
