"""What a sweep may ask of MLflow's registry: a file its trials keep, a name and an alias that MLflow takes."""

from typing import Any

import pytest
from pydantic import ValidationError

from experiment.registration import Registration
from experiment.search import Sweep, WrongSpace, check_registration


def asked(artifacts: tuple[str, ...], objective: dict[str, str] | None = None, **register: Any) -> None:
    given = {"objective": objective or {"loss": "minimize"}, "space": {"x": {"float": (0.0, 1.0)}}}
    sweep = Sweep.model_validate({**given, "register": {"model": "digits", **register}}, strict=False)
    check_registration(sweep, artifacts)


def test_the_only_artifact_is_the_model_and_of_several_one_is_named() -> None:
    asked(("model.npz",))
    asked(("model.npz", "log.txt"), file="model.npz")
    assert Registration(model="digits").chosen(("model.npz",)) == "model.npz"


@pytest.mark.parametrize(
    ("artifacts", "more", "said"),
    [
        ((), {}, "'artifacts' names no file; add the model's file there"),
        (("a", "b"), {}, "2 files are under 'artifacts'; say which one: file: PATH"),
        (("a",), {"file": "b"}, "b is not under 'artifacts': add it there, so that trials keep it"),
        (("a",), {"objective": {"loss": "minimize", "size": "minimize"}}, "several objectives have a front"),
    ],
)
def test_what_cannot_be_registered_is_refused(artifacts: tuple[str, ...], more: dict[str, Any], said: str) -> None:
    with pytest.raises(WrongSpace, match=said.replace("(", r"\(")) as refused:
        asked(artifacts, **more)
    assert refused.value.where == ("sweep", "register")


@pytest.mark.parametrize("alias", ["latest", "Latest", "v1", "V22", "a b", ""])
def test_an_alias_that_mlflow_keeps_for_itself_is_refused(alias: str) -> None:
    with pytest.raises(ValidationError):
        Registration(model="digits", alias=alias)


def test_an_alias_may_look_like_one() -> None:
    assert Registration(model="digits", alias="v1-candidate").alias == "v1-candidate"
