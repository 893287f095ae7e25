"""The Action's inputs: `INPUT_*` and `GITHUB_*` as one frozen Request; the token leaves the environment once read."""

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Literal, TypeVar, get_args

from action import event as events
from action.event import REPOSITORY, SHA, Event
from action.seeds import WrongSeeds, parse_seeds
from experiment.errors import Refused
from experiment.search import Sampler


class Mode(StrEnum):
    """What to do. `auto`: what fits the event."""

    AUTO = "auto"
    REPRODUCE = "reproduce"
    REPORT = "report"
    SWEEP = "sweep"
    BASELINE = "baseline"


class Comment(StrEnum):
    """When the pull request is commented."""

    ALWAYS = "always"
    CHANGES = "changes"
    NEVER = "never"


class Plots(StrEnum):
    """Where figures of a comment come from."""

    AUTO = "auto"
    BRANCH = "branch"
    MERMAID = "mermaid"
    NONE = "none"


class Gate(StrEnum):
    """Whether the verdict ends the step."""

    ENFORCE = "enforce"
    REPORT = "report"


class Prefer(StrEnum):
    """Which environment of the experiment file is used."""

    FILE = ""
    IMAGE = "image"
    DOCKERFILE = "dockerfile"
    LOCK = "lock"

    @property
    def kind(self) -> Literal["image", "dockerfile", "lock"] | None:
        """The environment's kind; None for the file's own choice."""
        match self:
            case Prefer.FILE:
                return None
            case Prefer.IMAGE:
                return "image"
            case Prefer.DOCKERFILE:
                return "dockerfile"
            case Prefer.LOCK:
                return "lock"


class Executor(StrEnum):
    """Who makes the trials of a sweep."""

    LOCAL = "local"
    RAY = "ray"


class WrongInput(Refused):
    """An input of the Action has a value it cannot have."""

    def __init__(self, name: str, found: str, expected: str) -> None:
        shown = found if len(found) <= 80 else f"{found[:79]}…"
        super().__init__(
            f"input {name}: {shown!r} is not possible\n  expected: {expected}\n"
            f"  correct 'with: {{{name}: …}}' in the workflow\nnothing was run"
        )


class NotOnGitHub(Refused):
    """A variable that every step of a workflow has is missing or not of its form."""

    def __init__(self, name: str, found: str | None, expected: str) -> None:
        was = "is missing" if found is None else f"is {found[:80]!r}"
        super().__init__(
            f"{name} {was}\n  expected: {expected}\n"
            "  this is the door for GitHub Actions; elsewhere use the command ml-experiment\nnothing was run"
        )


@dataclass(frozen=True)
class Token:
    """A secret that shows nowhere: not in a repr, a log line or an exception."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The secret itself, for the header of a request and nothing else."""
        return self._value


@dataclass(frozen=True)
class Job:
    """The job this step belongs to, and the files it hands on."""

    repository: str
    run_id: int
    run_attempt: int
    sha: str
    ref: str
    api_url: str
    server_url: str
    workspace: Path
    output: Path | None
    summary: Path | None
    state: Path | None
    hosted: bool
    """Whether the machine is GitHub's own, and gone after the job."""

    @property
    def run_url(self) -> str:
        """The page of this run."""
        return f"{self.server_url}/{self.repository}/actions/runs/{self.run_id}"


@dataclass(frozen=True)
class SweepAsked:
    """What only a sweep is asked; None where the experiment file decides."""

    trials: int | None = None
    parallelism: int | None = None
    sampler: str | None = None
    order: Literal["recorded", "window"] | None = None
    executor: Executor = Executor.LOCAL
    resume: str = ""
    new: bool = False
    propose: bool = False

    @property
    def anything(self) -> bool:
        """Whether any of it was asked."""
        return self != SweepAsked()


@dataclass(frozen=True)
class Request:
    """Everything a step was asked for. Inputs that are not given have their defaults."""

    mode: Mode
    experiment: str
    token: Token | None
    seeds: tuple[int, ...] | None
    gate: Gate
    comment: Comment
    plots: Plots
    environment: Prefer
    mlflow_tracking_uri: str
    ray_address: str
    sweep: SweepAsked
    event: Event
    job: Job


SAMPLERS: tuple[str, ...] = get_args(Sampler)
INPUTS = {
    "mode": Mode.AUTO.value,
    "experiment": ".",
    "github-token": "",
    "seeds": "",
    "gate": Gate.ENFORCE.value,
    "comment": Comment.ALWAYS.value,
    "plots": Plots.AUTO.value,
    "environment": "",
    "mlflow-tracking-uri": "",
    "trials": "",
    "parallelism": "",
    "sampler": "",
    "order": "",
    "executor": "",
    "ray-address": "",
    "resume": "",
    "new": "false",
    "propose": "false",
}
"""Every input and its default, as in action.yml."""


def read(environ: MutableMapping[str, str]) -> Request:
    """The request of this step.

    Takes the inputs and everything that could hold a token out of `environ`: what is started later can't inherit it.
    Raises WrongInput, NotOnGitHub, UnreadableEvent.
    """
    given = {name: environ.pop(f"INPUT_{name.upper()}", "").strip() or default for name, default in INPUTS.items()}
    for name in [name for name in environ if name.startswith(("INPUT_", "ACTIONS_")) or name in _TOKENS]:
        del environ[name]
    job = _job(environ)
    name = _needed(environ, "GITHUB_EVENT_NAME", r"^[a-z_]{1,64}$", "the name of an event")
    event = events.read(Path(_needed(environ, "GITHUB_EVENT_PATH", r"^/", "an absolute path")), name)
    return Request(
        mode=_choice("mode", given["mode"], Mode),
        experiment=_folder(given["experiment"]),
        token=Token(given["github-token"]) if given["github-token"] else None,
        seeds=_seeds(given["seeds"]),
        gate=_choice("gate", given["gate"], Gate),
        comment=_choice("comment", given["comment"], Comment),
        plots=_choice("plots", given["plots"], Plots),
        environment=_choice("environment", given["environment"], Prefer),
        mlflow_tracking_uri=_address("mlflow-tracking-uri", given["mlflow-tracking-uri"]),
        ray_address=_address("ray-address", given["ray-address"]),
        sweep=_sweep(given),
        event=event,
        job=job,
    )


_Choice = TypeVar("_Choice", bound=StrEnum)
_TOKENS = ("GITHUB_TOKEN", "GH_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")


def _sweep(given: Mapping[str, str]) -> SweepAsked:
    order = given["order"]
    if order and order not in ("recorded", "window"):
        raise WrongInput("order", order, "recorded, window")
    if given["sampler"] and given["sampler"] not in SAMPLERS:
        raise WrongInput("sampler", given["sampler"], ", ".join(SAMPLERS))
    address = given["ray-address"]
    executor = _choice("executor", given["executor"] or (Executor.RAY if address else Executor.LOCAL), Executor)
    if executor is Executor.RAY and not address:
        raise WrongInput("ray-address", "", "the cluster's address, since executor is ray")
    if executor is Executor.LOCAL and address:
        raise WrongInput("executor", executor, "ray, since ray-address is given; or leave ray-address out")
    return SweepAsked(
        trials=_whole("trials", given["trials"], 100_000),
        parallelism=_whole("parallelism", given["parallelism"], 1_000),
        sampler=given["sampler"] or None,
        order="recorded" if order == "recorded" else "window" if order else None,
        executor=executor,
        resume=_folder(given["resume"], "resume", "a file or folder below the workspace") if given["resume"] else "",
        new=_yes("new", given["new"]),
        propose=_yes("propose", given["propose"]),
    )


def _yes(name: str, found: str) -> bool:
    if found not in ("true", "false"):
        raise WrongInput(name, found, "true, false")
    return found == "true"


def _job(environ: MutableMapping[str, str]) -> Job:
    url, number = r"^https?://[^\s@]+$", r"^[1-9][0-9]{0,18}$"
    return Job(
        repository=_needed(environ, "GITHUB_REPOSITORY", REPOSITORY, "owner/name"),
        run_id=int(_needed(environ, "GITHUB_RUN_ID", number, "a whole number")),
        run_attempt=int(_needed(environ, "GITHUB_RUN_ATTEMPT", number, "a whole number", default="1")),
        sha=_needed(environ, "GITHUB_SHA", SHA, "40 hexadecimal digits"),
        ref=environ.get("GITHUB_REF", ""),
        api_url=_needed(environ, "GITHUB_API_URL", url, "an http(s) address").rstrip("/"),
        server_url=_needed(environ, "GITHUB_SERVER_URL", url, "an http(s) address").rstrip("/"),
        workspace=Path(_needed(environ, "GITHUB_WORKSPACE", r"^/", "an absolute path")),
        output=_file(environ, "GITHUB_OUTPUT"),
        summary=_file(environ, "GITHUB_STEP_SUMMARY"),
        state=_file(environ, "GITHUB_STATE"),
        hosted=environ.get("RUNNER_ENVIRONMENT") == "github-hosted",
    )


def _file(environ: MutableMapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None


def _needed(
    environ: MutableMapping[str, str], name: str, pattern: str, expected: str, *, default: str | None = None
) -> str:
    found = environ.get(name) or default
    if found is None or not re.match(pattern, found) or "\n" in found:
        raise NotOnGitHub(name, found, expected)
    return found


def _choice(name: str, found: str, of: type[_Choice]) -> _Choice:
    try:
        return of(found)
    except ValueError:
        raise WrongInput(name, found, ", ".join(value for value in of if value)) from None


def _folder(
    found: str, name: str = "experiment", expected: str = "a folder below the workspace, or the experiment file in it"
) -> str:
    parts = PurePosixPath(found).parts
    if found.startswith(("/", "-", "~")) or ".." in parts or not found.isprintable():
        raise WrongInput(name, found, expected)
    return str(PurePosixPath(found))


def _seeds(found: str) -> tuple[int, ...] | None:
    try:
        return parse_seeds(found) if found else None
    except WrongSeeds as error:
        raise WrongInput("seeds", found, str(error)) from None


def _address(name: str, found: str) -> str:
    if found and (not found.isprintable() or " " in found):
        raise WrongInput(name, found, "an address without spaces")
    return found


def _whole(name: str, found: str, most: int) -> int | None:
    if not found:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", found) or not 1 <= int(found) <= most:
        raise WrongInput(name, found, f"a whole number from 1 to {most}")
    return int(found)
