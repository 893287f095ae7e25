"""The experiment as a value: what it takes, what it refuses, and what follows from it."""

from typing import Any

import pytest
from builders import a_policy
from pydantic import ValidationError

from experiment.search import Range, Sweep
from experiment.spec import BaselineSpec, EnvironmentSpec, Experiment, Metric, Tolerance


def refusal(model: type[Any], **fields: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(fields)
    return str(caught.value.errors()[0]["msg"]).removeprefix("Value error, ")


def test_the_smallest_experiment_has_a_default_for_everything_else() -> None:
    smallest = Experiment(experiment="e", environment=EnvironmentSpec(lock="r.lock"), command="python train.py")
    assert smallest.seeds == (0, 1, 2, 3, 4)
    assert smallest.determinism == "strict"
    assert smallest.gate.model_dump() == {"reproduce": "required", "baseline": "non-inferior", "no_baseline": "fail"}
    assert smallest.resources.network == "none"
    assert smallest.baseline_file == "baselines/e.json"


def test_a_named_baseline_file_wins() -> None:
    assert a_policy(baseline=BaselineSpec(file="b/other.json")).baseline_file == "b/other.json"


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ({"image": "i@sha256:0"}, "image"),
        ({"dockerfile": "Dockerfile"}, "dockerfile"),
        ({"lock": "r.lock"}, "lock"),
        ({"lock": "r.lock", "image": "i@sha256:0", "prefer": "lock"}, "lock"),
        ({"lock": "r.lock", "prefer": "lock"}, "lock"),
    ],
)
def test_one_environment_is_chosen(given: dict[str, str], chosen: str) -> None:
    assert EnvironmentSpec.model_validate(given).chosen == chosen


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "no environment: give one of image, dockerfile or lock"),
        ({"variables": ()}, "no environment: give one of image, dockerfile or lock"),
        ({"image": "i", "lock": "l"}, "image and lock are both given; keep one, or add 'prefer: image'"),
        (
            {"image": "i", "dockerfile": "d", "lock": "l"},
            "image, dockerfile and lock are all given; keep one, or add 'prefer: image'",
        ),
        ({"image": "i", "prefer": "lock"}, "prefer names lock, which is not given"),
    ],
)
def test_no_environment_or_several_are_refused(given: dict[str, str], reason: str) -> None:
    assert refusal(EnvironmentSpec, **given) == reason


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "give exactly one of float, int or choice"),
        ({"float": (0.0, 1.0), "int": (0, 1)}, "give exactly one of float, int or choice"),
        ({"float": (1.0, 0.0)}, "low 1.0 is above high 0.0; a range is [low, high]"),
        ({"int": (3, 2)}, "low 3 is above high 2; a range is [low, high]"),
        ({"int": (0, 2), "log": True}, "log needs a low above 0, not 0; raise it, or leave log out"),
        ({"float": (0.1, 1.0), "log": True, "step": 0.1}, "log and step cannot be combined"),
        ({"choice": ("a",), "log": True}, "log and step belong to float or int, not to choice"),
        ({"choice": ("a",), "step": 1.0}, "log and step belong to float or int, not to choice"),
    ],
)
def test_an_impossible_range_is_refused(given: dict[str, Any], reason: str) -> None:
    assert refusal(Range, **given) == reason


@pytest.mark.parametrize(
    "given",
    [{"int": (0, 0)}, {"float": (-1.0, 1.0), "step": 0.5}, {"float": (1e-4, 0.1), "log": True}, {"choice": (1, "a")}],
)
def test_a_possible_range_is_taken(given: dict[str, Any]) -> None:
    assert Range.model_validate(given).model_dump(by_alias=True, exclude_unset=True) == given


def test_a_baseline_is_a_file_or_an_alias_and_not_both() -> None:
    assert refusal(BaselineSpec, file="b.json", mlflow="models:/m@b") == "file and mlflow are both given; keep one"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1.0])
def test_a_tolerance_or_margin_that_would_switch_the_gate_off_is_refused(number: float) -> None:
    for model, field in ((Tolerance, "abs"), (Tolerance, "rel"), (Metric, "margin"), (Metric, "quantum")):
        with pytest.raises(ValidationError):
            model.model_validate({field: number})


def test_a_pattern_needs_a_group_for_the_value() -> None:
    assert refusal(Metric, pattern="loss (.*)") == ("the pattern needs a group named value: (?P<value>[-+.0-9eE]+)")
    assert refusal(Metric, pattern="(") == (
        "not a regular expression: missing ), unterminated subpattern at position 0"
    )
    assert Metric(pattern="loss (?P<value>.*)").pattern == "loss (?P<value>.*)"
    assert Metric(pattern=None).pattern is None


def test_a_seed_listed_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="seed 3 is listed twice"):
        a_policy(seeds=(3, 1, 3))


def test_a_parameter_called_seed_is_refused_since_the_seed_would_win() -> None:
    with pytest.raises(ValidationError, match="'seed' is not a parameter: its values are listed under 'seeds'"):
        a_policy(params={"seed": 3, "epochs": 1, "lr": 1})


def test_parameters_that_share_an_environment_variable_are_refused() -> None:
    with pytest.raises(
        ValidationError,
        match=r"layer\.size and layer_size would share the environment variable ML_EXPERIMENT_PARAM_LAYER_SIZE",
    ):
        a_policy(params={"epochs": 1, "lr": 1, "layer.size": 3, "layer_size": 4})


def test_a_placeholder_may_be_named_by_the_sweep_alone() -> None:
    sweep = Sweep.model_validate(
        {"objective": {"loss": "minimize"}, "space": {"hidden": {"int": (1, 9)}}}, strict=False
    )
    assert a_policy(command="t {hidden} {seed} {lr}", sweep=sweep).sweep == sweep
    with pytest.raises(ValidationError, match=r"unknown placeholder \{hidden\}; known: \{seed\}, \{epochs\}, \{lr\}"):
        a_policy(command="t {hidden}")


def test_the_command_of_the_evaluation_is_checked_too() -> None:
    with pytest.raises(ValidationError, match=r"unknown placeholder \{epoch\}; did you mean \{epochs\}\?"):
        Experiment.model_validate({**dict(a_policy()), "evaluate": {"command": "e {epoch}"}})


def test_an_experiment_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        a_policy().experiment = "other"  # type: ignore[misc]
