"""The Action's inputs: each has its form, its exact message, and the token shows nowhere."""

import dataclasses
import pickle
from pathlib import Path

import pytest
from occasions import a_pull_request, a_push, environment

from action.event import UnreadableEvent
from action.inputs import (
    INPUTS,
    Comment,
    Executor,
    Gate,
    Mode,
    NotOnGitHub,
    Plots,
    Prefer,
    SweepAsked,
    WrongInput,
    read,
)

SECRET = "ghs_" + "s3cret" * 6


def test_nothing_given_means_the_defaults(tmp_path: Path) -> None:
    request = read(environment(tmp_path, "pull_request", a_pull_request()))
    assert (request.mode, request.experiment, request.token, request.seeds) == (Mode.AUTO, ".", None, None)
    assert (request.gate, request.comment, request.plots) == (Gate.ENFORCE, Comment.ALWAYS, Plots.AUTO)
    assert (request.environment, request.sweep, request.sweep.anything) == (Prefer.FILE, SweepAsked(), False)
    assert (request.job.run_id, request.job.run_attempt) == (1000, 1)
    assert request.job.run_url == "https://github.com/acme/train/actions/runs/1000"


def test_an_empty_input_is_one_that_was_not_given(tmp_path: Path) -> None:
    given = environment(tmp_path, "push", a_push(), **{name.replace("-", "_"): "  " for name in INPUTS})
    assert read(given).mode is Mode.AUTO


def test_everything_can_be_given(tmp_path: Path) -> None:
    request = read(
        environment(
            tmp_path, "push", a_push(),
            mode="reproduce", experiment="models/a", seeds="0-2,7", gate="report", comment="changes", plots="mermaid",
            environment="lock", trials="60", parallelism="4", mlflow_tracking_uri="https://mlflow.example.org",
            sampler="cmaes", order="window", executor="ray", ray_address="ray://head:10001", resume="earlier",
            new="true", propose="true",
        )
    )  # fmt: skip
    assert (request.mode, request.experiment, request.seeds) == (Mode.REPRODUCE, "models/a", (0, 1, 2, 7))
    assert (request.gate, request.comment, request.plots) == (Gate.REPORT, Comment.CHANGES, Plots.MERMAID)
    assert request.environment is Prefer.LOCK
    assert request.sweep == SweepAsked(60, 4, "cmaes", "window", Executor.RAY, "earlier", True, True)
    assert request.mlflow_tracking_uri == "https://mlflow.example.org"


@pytest.mark.parametrize(
    ("name", "found", "expected"),
    [
        ("mode", "reprodcue", "auto, reproduce, report, sweep, baseline"),
        ("comment", "yes", "always, changes, never"),
        ("plots", "png", "auto, branch, mermaid, none"),
        ("gate", "off", "enforce, report"),
        ("environment", "conda", "image, dockerfile, lock"),
        ("experiment", "/etc", "a folder below the workspace, or the experiment file in it"),
        ("experiment", "../other", "a folder below the workspace, or the experiment file in it"),
        ("experiment", "-rf", "a folder below the workspace, or the experiment file in it"),
        ("experiment", "a\nb", "a folder below the workspace, or the experiment file in it"),
        ("seeds", "one", "'one' is not a seed; write 0,1,2 or 0-9"),
        ("trials", "0", "a whole number from 1 to 100000"),
        ("parallelism", "4; rm -rf /", "a whole number from 1 to 1000"),
        ("ray-address", "a b", "an address without spaces"),
        ("sampler", "tpx", "tpe, gp, cmaes, nsga2, nsga3, qmc, random, grid"),
        ("order", "any", "recorded, window"),
        ("executor", "slurm", "local, ray"),
        ("resume", "../earlier", "a file or folder below the workspace"),
        ("new", "yes", "true, false"),
        ("propose", "1", "true, false"),
    ],
)
def test_a_wrong_input_is_named_with_what_was_found_and_what_is_right(
    tmp_path: Path, name: str, found: str, expected: str
) -> None:
    given = environment(tmp_path, "push", a_push()) | {f"INPUT_{name.upper()}": found}
    with pytest.raises(WrongInput) as error:
        read(given)
    assert str(error.value) == (
        f"input {name}: {found!r} is not possible\n  expected: {expected}\n"
        f"  correct 'with: {{{name}: …}}' in the workflow\nnothing was run"
    )
    assert error.value.exit_code == 2


def test_the_token_leaves_the_environment_and_shows_nowhere(tmp_path: Path) -> None:
    given = environment(tmp_path, "push", a_push(), github_token=SECRET)
    given |= {"GITHUB_TOKEN": SECRET, "GH_TOKEN": SECRET, "ACTIONS_RUNTIME_TOKEN": SECRET, "INPUT_UNKNOWN": SECRET}
    request = read(given)
    assert request.token is not None
    assert request.token.reveal() == SECRET
    assert SECRET not in repr(request)
    assert SECRET not in str(request.token)
    assert SECRET not in "".join(given.values())
    assert not [name for name in given if name.startswith(("INPUT_", "ACTIONS_"))]
    assert isinstance(pickle.dumps(request.job), bytes)


def test_a_request_cannot_be_changed(tmp_path: Path) -> None:
    request = read(environment(tmp_path, "push", a_push()))
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.mode = Mode.REPORT  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_REPOSITORY", "not-a-repository"),
        ("GITHUB_SHA", "main"),
        ("GITHUB_SHA", "a" * 40 + "\nx"),
        ("GITHUB_RUN_ID", "-1"),
        ("GITHUB_API_URL", "file:///etc"),
        ("GITHUB_API_URL", "https://user:password@example.org"),
        ("GITHUB_EVENT_NAME", None),
    ],
)
def test_outside_of_a_workflow_it_says_where_it_belongs(tmp_path: Path, name: str, value: str | None) -> None:
    given = environment(tmp_path, "push", a_push())
    if value is None:
        del given[name]
    else:
        given[name] = value
    with pytest.raises(NotOnGitHub, match=name) as error:
        read(given)
    assert "elsewhere use the command ml-experiment" in str(error.value)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({}, "it has no 'pull_request'"),
        ({"pull_request": {"number": 7}, "repository": {"full_name": "a/b"}}, "pull_request.head: Field required"),
        (a_pull_request(head="main"), "pull_request.head.sha: String should match pattern"),
    ],
)
def test_an_event_that_is_not_what_github_writes_is_refused(tmp_path: Path, event: dict[str, object], why: str) -> None:
    with pytest.raises(UnreadableEvent) as error:
        read(environment(tmp_path, "pull_request", event))
    assert f"event pull_request: cannot be read: {why}" in str(error.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"executor": "ray"}, "the cluster's address, since executor is ray"),
        ({"executor": "local", "ray_address": "ray://head:10001"}, "or leave ray-address out"),
    ],
)
def test_executor_and_address_belong_together(tmp_path: Path, given: dict[str, str], said: str) -> None:
    with pytest.raises(WrongInput, match=said):
        read(environment(tmp_path, "push", a_push(), **given))


def test_an_address_alone_means_the_cluster(tmp_path: Path) -> None:
    assert read(environment(tmp_path, "push", a_push(), ray_address="auto")).sweep.executor is Executor.RAY
