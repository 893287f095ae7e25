"""The Action's contract cannot drift: action.yml, what is read, the manual, and the starter workflows say the same."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from action.announcement import OUTPUTS
from action.inputs import INPUTS, SAMPLERS, Comment, Executor, Gate, Mode, Plots, Prefer
from action.trust import ACCEPT_LABEL
from reporting.decision import Judgement

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = YAML(typ="safe").load((ROOT / "action.yml").read_text())
MANUAL = (ROOT / "docs" / "action.md").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
WORKFLOWS = sorted((ROOT / "workflows").glob("*.yml"))
CHOICES = {"mode": Mode, "gate": Gate, "comment": Comment, "plots": Plots, "environment": Prefer, "executor": Executor}


def steps(workflow: Path) -> list[dict[str, Any]]:
    jobs = YAML(typ="safe").load(workflow.read_text())["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def test_inputs_are_those_that_are_read_with_their_defaults() -> None:
    assert {name: str(given["default"]) for name, given in ACTION["inputs"].items()} == INPUTS


def test_outputs_are_those_that_are_written() -> None:
    assert tuple(ACTION["outputs"]) == OUTPUTS


@pytest.mark.parametrize("name", list(CHOICES))
def test_an_input_tells_every_value_it_can_have(name: str) -> None:
    told = ACTION["inputs"][name]["description"]
    assert [value for value in CHOICES[name] if value and not re.search(rf"\b{value}\b", told)] == []


def test_the_samplers_are_told_and_offered() -> None:
    assert [name for name in SAMPLERS if name not in ACTION["inputs"]["sampler"]["description"]] == []
    tree = YAML(typ="safe").load((ROOT / "workflows/sweep.yml").read_text())
    options = tree["on"]["workflow_dispatch"]["inputs"]
    assert options["sampler"]["options"] == ["file", *SAMPLERS]
    assert list(options["executor"]["options"]) == [*Executor]


def test_the_output_verdict_tells_every_word_it_can_be() -> None:
    assert [word for word in Judgement if word.value not in ACTION["outputs"]["verdict"]["description"]] == []


@pytest.mark.parametrize("name", [*INPUTS, *OUTPUTS, ACCEPT_LABEL])
def test_the_manual_tells_of_it(name: str) -> None:
    assert f"`{name}`" in MANUAL


def test_there_is_no_input_that_could_open_the_sandbox() -> None:
    assert not {"privileged", "volumes", "docker-args", "options", "docker-options"} & set(ACTION["inputs"])


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_starter_workflow_gives_only_inputs_there_are_and_pins_what_it_uses(workflow: Path) -> None:
    for step in steps(workflow):
        if "ml-experiment/" in step["uses"]:
            assert set(step.get("with", {})) <= set(INPUTS)
        else:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"])


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_starter_workflow_gives_no_right_to_every_job(workflow: Path) -> None:
    tree = YAML(typ="safe").load(workflow.read_text())
    assert tree["permissions"] == {}
    assert all("permissions" in job and "timeout-minutes" in job for job in tree["jobs"].values())


def test_where_a_strangers_code_runs_nothing_may_be_written_to_the_code() -> None:
    tree = YAML(typ="safe").load((ROOT / "workflows/reproduce.yml").read_text())
    assert tree["jobs"]["reproduce"]["permissions"]["contents"] == "read"
    (checkout,) = [step for step in steps(ROOT / "workflows/reproduce.yml") if "checkout" in step["uses"]]
    assert checkout["with"]["persist-credentials"] is False


def test_the_image_is_pinned_and_never_starts_in_the_workspace() -> None:
    assert re.search(r"^ARG BASE=\S+@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    assert '"-I"' in DOCKERFILE
    assert DOCKERFILE.count("--require-hashes") == 2
    assert ACTION["runs"] == {
        "using": "docker",
        "image": "Dockerfile",
        "post-entrypoint": "/usr/local/bin/ml-experiment-afterwards",
    }
