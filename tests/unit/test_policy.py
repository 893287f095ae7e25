"""By whose rules a change is judged: the base's, key by key, whatever the change writes."""

import pytest
from builders import a_policy

from action.policy import POLICY, judged_by
from experiment.spec import BaselineSpec, EnvironmentSpec, Experiment, Gate, Metric, Resources, Stages

BASE = a_policy()
OTHERWISE: dict[str, object] = {
    "gate": Gate(baseline="report"),
    "metrics": {"test/accuracy": Metric()},
    "seeds": (7,),
    "stages": Stages(first=4),
    "alpha": 0.5,
    "pairing": "seed",
    "resources": Resources(timeout=1.0),
    "evaluate": None,
    "baseline": BaselineSpec(file="other.json"),
    "notify": (),
    "hooks": ("mine",),
}


@pytest.mark.parametrize("key", POLICY)
def test_policy_is_the_bases_and_an_edit_is_named(key: str) -> None:
    assert key in Experiment.model_fields
    judged = judged_by(BASE.model_copy(update={key: OTHERWISE[key]}), BASE)
    assert getattr(judged.experiment, key) == getattr(BASE, key)
    assert judged.edits == ((key,) if OTHERWISE[key] != getattr(BASE, key) else ())


def test_what_is_run_is_the_changes() -> None:
    environment = EnvironmentSpec(lock="other.lock", variables=("SECRET",))
    changes = {"command": "python other.py", "params": {"lr": 1.0}, "determinism": "off", "environment": environment}
    judged = judged_by(BASE.model_copy(update=changes), BASE)
    assert judged.experiment.command == "python other.py"
    assert judged.experiment.params == {"lr": 1.0}
    assert judged.experiment.environment.lock == "other.lock"
    assert judged.experiment.environment.variables == ()  # which of the machine's variables a run sees is policy
    assert judged.edits == ("environment.variables",)


def test_an_experiment_keeps_its_name() -> None:
    judged = judged_by(BASE.model_copy(update={"experiment": "other"}), BASE)
    assert (judged.experiment.experiment, judged.edits) == ("digits", ("experiment",))


def test_without_a_base_the_change_is_all_there_is() -> None:
    assert judged_by(BASE, None).experiment is BASE
    assert judged_by(BASE, BASE).edits == ()
