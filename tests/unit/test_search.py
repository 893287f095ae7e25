"""What a sweep may ask for: every impossible one is refused at its key, before anything is run."""

import pytest

from experiment.file import WrongExperimentFile, parse

BASE = "command: python train.py --lr {lr}\nenvironment: {lock: requirements.lock}\n"
LR = "lr: {float: [0.001, 0.1]}"


def refusal(sweep: str, base: str = BASE) -> str:
    """The refusal's first line and the line of the file it points at."""
    text = base + "sweep:\n" + "".join(f"  {line}\n" for line in sweep.splitlines())
    with pytest.raises(WrongExperimentFile) as refused:
        parse(text, name="x.yaml", default_name="x")
    first, *rest = str(refused.value).splitlines()
    return f"{first} @ {rest[0].partition('│ ')[2].strip() if '│' in rest[0] else '-'}"


def a_sweep(space: str = LR, objective: str = "{loss: minimize}", more: str = "") -> str:
    lines = [f"objective: {objective}", *more.splitlines(), "space:", *(f"  {line}" for line in space.splitlines())]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        (a_sweep("lr: {float: [2, 1]}"), "x.yaml:6: sweep.space.lr: low 2.0 is above high 1.0; "
         "a range is [low, high] @ lr: {float: [2, 1]}"),
        (a_sweep("lr: {float: [0, 1], log: true}"), "log needs a low above 0, not 0.0"),
        (a_sweep("lr: {float: [0, 1], step: 0.3}"), "steps of 0.3 from 0.0 do not reach 1.0; the last one"),
        (a_sweep("lr: {int: [0, 4], step: 0.5}"), "the step between whole numbers is a whole number, not 0.5"),
        (a_sweep("lr: {choice: [1, true]}"), "choice has 1 and True, which are equal; keep one"),
        (a_sweep(more="sampler: tpee"), "sweep.sampler: expected 'tpe'"),
        (a_sweep(objective="{loss: minimize, auc: maximize}", more="sampler: cmaes"), "cmaes searches for one"),
        (a_sweep(objective="{loss: minimize, auc: maximize}", more="pruner: median"), "a pruner judges one objective"),
        (a_sweep(more="sampler: qmc\nconstraints: {size: {max: 3}}"), "qmc does not know constraints;"),
        (a_sweep(more="sampler: grid"), "x.yaml:7: sweep.space.lr: grid needs a countable range"),
        (a_sweep("lr: {int: [0, 1000000]}", more="sampler: grid"), "the grid has 1e+06 points, more than 100000"),
        (a_sweep("lr: {choice: [1, 2]}", more="sampler: cmaes"), "cmaes searches numbers, and every"),
        (a_sweep(f"{LR}\nx: {{int: [1, 2], when: {{lr: [0.1]}}}}"), "lr never is 0.1; 'when' names values of a choice"),
        (a_sweep(f"x: {{int: [1, 2], when: {{lr: [1]}}}}\n{LR}"), "'when' names a parameter of the space that"),
        (a_sweep(more="constraints: {size: {}}"), "give min, max or both"),
        (a_sweep(more="start: params"), "no fixed value for lr; add it under params"),
    ],
)  # fmt: skip
def test_an_impossible_sweep_is_refused_with_its_key(sweep: str, said: str) -> None:
    assert said in refusal(sweep)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ("{lr: 0.5}", "x.yaml:6: sweep.space.lr: params.lr is 0.5, which is outside this range"),
        ("{LR: 0.5}", "LR and lr would share the environment variable ML_EXPERIMENT_PARAM_LR"),
    ],
)
def test_a_space_that_contradicts_a_fixed_parameter_is_refused(params: str, said: str) -> None:
    assert said in refusal(a_sweep(), f"{BASE}params: {params}\n").replace("x.yaml:7", "x.yaml:6")


def test_a_parameter_that_is_not_always_there_needs_a_value_for_the_command() -> None:
    space = "act: {choice: [relu, tanh]}\nlr: {float: [0.001, 0.1], when: {act: [relu]}}"
    assert "{lr} has no value in trials without it; give one under params" in refusal(a_sweep(space))


def test_a_fixed_parameter_may_be_searched_where_it_is_a_possible_value() -> None:
    text = f"{BASE}params: {{lr: 0.01}}\nsweep:\n  objective: {{loss: minimize}}\n  space: {{{LR}}}\n"
    found = parse(text, name="x.yaml", default_name="x")
    assert found.sweep is not None
    assert found.sweep.space["lr"].holds(found.params["lr"])
