"""What is run in the finished image to see that nothing it needs was taken out: `python -I image_errands.py`.

Prints one word for each errand that went well. Every name on standard input, one a line, is imported first.
"""

import importlib
import io
import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import get_args

from experiment.search import Sweep


def imports() -> None:
    """`a.b.c` is a module, or a name in one."""
    for line in sys.stdin.read().split():
        module, _, name = line.rpartition(".")
        try:
            importlib.import_module(line)
        except ModuleNotFoundError:
            if not module or not hasattr(importlib.import_module(module), name):
                raise


def statistics() -> None:
    from scipy.special import chdtri, ncfdtr, ncfdtri, nctdtr, stdtr, stdtrit

    assert abs(stdtr(3, stdtrit(3, 0.9)) - 0.9) < 1e-12
    assert 0 < ncfdtr(2, 9, 1.0, 2.0) < 1
    assert ncfdtri(2, 9, 1.0, 0.5) > 0
    assert 0 < nctdtr(9, 0.5, 1.0) < 1
    assert chdtri(2, 0.05) > 5


def a_sweep(**keys: object) -> Sweep:
    return Sweep.model_validate_json(json.dumps({"trials": 4, "objective": {"loss": "minimize"}, **keys}))


def suggestions() -> None:
    """Every sampler and pruner that an experiment file can name and the image has; and importances."""
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    from runner.sweep import samplers

    optuna.logging.disable_default_handler()
    named = [word for word in get_args(Sweep.model_fields["sampler"].annotation) if word != "gp"]
    searched = {"lr": {"float": [0.001, 1.0], "log": True}, "depth": {"int": [1, 9]}}
    for sampler in named:
        grid = {"lr": {"choice": [0.1, 0.2]}, "depth": {"choice": [1, 2, 3]}}
        sweep = a_sweep(sampler=sampler, space=grid if sampler == "grid" else searched)
        study, fresh = optuna.create_study(direction="minimize"), samplers.Samplers(sweep)
        for number in range(4 if sampler == "grid" else 14):  # some begin to model after ten
            study.sampler = fresh.of(number)
            trial = study.ask({name: samplers.distribution(range_) for name, range_ in sweep.space.items()})
            study.tell(trial, float(trial.params["lr"]))
        assert sampler == "grid" or get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    for pruner in get_args(Sweep.model_fields["pruner"].annotation):
        assert samplers.pruner(a_sweep(pruner=pruner, space=searched))


def figures() -> None:
    import matplotlib
    from matplotlib.figure import Figure

    from reporting.theme import SETTINGS

    with matplotlib.rc_context(SETTINGS):
        figure = Figure()
        axes = figure.add_subplot()
        axes.plot([1, 10], [0.1, 20.0])
        axes.set_title("loss µ 图", weight="bold")
        for kind in ("png", "svg"):
            out = io.BytesIO()
            figure.savefig(out, format=kind)
            assert len(out.getvalue()) > 1000


def tracking() -> None:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    with tempfile.TemporaryDirectory() as folder:
        client = MlflowClient(f"sqlite:///{folder}/runs.db")
        made = client.create_experiment("image", artifact_location=f"{folder}/artifacts")
        run = client.create_run(made).info.run_id
        client.log_batch(run, metrics=[Metric("loss", 0.5, 1, 1)])
        (Path(folder) / "log").write_text("x")
        client.log_artifact(run, f"{folder}/log")
        client.set_terminated(run)
        assert client.get_metric_history(run, "loss")[0].value == 0.5


def help_of_the_command() -> None:
    from typer.testing import CliRunner

    from action.cli import app

    assert "reproduce" in CliRunner().invoke(app, ["--help"]).output


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for errand in (imports, statistics, suggestions, figures, tracking, help_of_the_command):
        errand()
        print(errand.__name__, flush=True)
