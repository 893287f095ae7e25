"""Builds the image a Dockerfile describes: with BuildKit where it can be had, else with the builder before it."""

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from experiment.errors import InfrastructureFailed, Refused
from experiment.spec import Build
from runner import source
from runner.container import builder
from runner.container.engine import Engine
from runner.environment.dockerfile import Dockerfile, load
from runner.environment.dockerfile_checks import check_pinned
from runner.environment.dockerfile_features import Builder, features
from runner.environment.dockerfile_images import Reference
from runner.environment.refusals import at_line
from runner.process import CommandFailed, CommandMissing, run
from runner.source import SourceTree

LABEL = "ml-experiment.build"
EPOCH = "315532800"  # 1980-01-01, the earliest time a zip file can hold: a build's own times say nothing
TIMEOUT_S = 2 * 3600.0
_HEREDOC_API = (1, 42)  # engine 23
_HANDED_ON = ("PATH", "HOME", "USER", "TMPDIR", "LANG", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK")
_NETWORK = re.compile(
    r"name resolution|Could not resolve|connection (?:refused|reset|timed out)|i/o timeout|TLS handshake|dial tcp"
    r"|no route to host|Network is unreachable|Max retries exceeded",
    re.IGNORECASE,
)
_ENGINE = re.compile(
    r"failed to create endpoint|connect to the Docker daemon|error during connect|error reading from server|EOF$",
    re.IGNORECASE | re.MULTILINE,
)
_FULL = re.compile(r"no space left", re.IGNORECASE)


class NeedsBuildKit(Refused):
    """The Dockerfile has what only BuildKit, or a newer one, can do."""


class ReachesOut(Refused):
    """A step of the build asks for rights that the experiment file does not give it."""


class LeadsOut(Refused):
    """The Dockerfile is a link to a file outside of the tree: a message about it would show lines of that."""


class NotBuildable(Refused):
    """A step of the Dockerfile fails."""


class CannotBuild(InfrastructureFailed):
    """The machine is at fault: no network, no room."""


@dataclass(frozen=True)
class Recipe:
    """What to build: the Dockerfile by its path relative to the experiment's folder, in its tree."""

    experiment: str
    tree: SourceTree
    dockerfile: str
    build: Build


@dataclass(frozen=True)
class Built:
    """An image that was built. `bases`: name as resolved -> digest."""

    image: str  # id
    bases: dict[str, str]


def build(
    engine: Engine, recipe: Recipe, inherited: Mapping[str, str], work: Path, say: Callable[[str], None]
) -> Built:
    """The image of the recipe; steps that were built before come from the engine's cache and print nothing.

    Raises DockerfileRefused and its kin, LeadsOut, NeedsBuildKit, ReachesOut, NotBuildable, NotPinned (Refused),
    NoBuilder, CannotBuild.
    """
    path = recipe.tree.root / recipe.tree.inside(recipe.dockerfile)
    if not path.resolve().is_relative_to(recipe.tree.root.resolve()):
        raise LeadsOut(
            f"{path}: the Dockerfile is a link that leads out of the tree, to {path.resolve()}\n"
            "  put the file itself into the repository: what is built must be of the commit\nnothing was run"
        )
    file = load(path)
    bases = check_pinned(file, recipe.build.args)
    _check_rights(file, recipe.build.network)
    variables = {k: v for k, v in inherited.items() if k in _HANDED_ON or k.startswith("DOCKER_")}
    variables |= {"DOCKER_HOST": engine.address, "SOURCE_DATE_EPOCH": EPOCH, "BUILDKIT_PROGRESS": "plain"}
    _check_heredocs(file, engine)
    with tempfile.TemporaryDirectory(prefix="build-", dir=work) as folder:
        context, answer = Path(folder) / "context", Path(folder) / "id"
        words = builder.command(engine, inherited, variables, Path(folder), say)
        variables["DOCKER_BUILDKIT"] = "0" if builder.is_classic(words) else "1"
        if builder.is_classic(words):
            _check_classic(file)
        source.copy(recipe.tree, context, ())
        steps = Steps()

        def hear(line: str) -> None:
            for shown in steps.feed(line):
                say(shown)

        command = [
            *words,
            *_options(recipe, context, answer),
            str(context / recipe.tree.inside(recipe.build.context)),
        ]
        try:
            run(command, env=variables, cwd=context, timeout=TIMEOUT_S, hear=hear)
        except (CommandFailed, CommandMissing) as failed:
            raise _explained(path, failed) from None
        made = answer.read_text(encoding="ascii").strip()
    with engine.api() as api:
        api.prune_images({"dangling": True, "label": f"{LABEL}={recipe.experiment}"})
    return Built(made, _digests(bases))


def _options(recipe: Recipe, context: Path, answer: Path) -> list[str]:
    asked = recipe.build
    name = re.sub(r"[^a-z0-9]+", "-", recipe.experiment.lower()).strip("-") or "experiment"
    options = ["--file", str(context / recipe.tree.inside(recipe.dockerfile)), "--iidfile", str(answer)]
    options += ["--tag", f"ml-experiment/{name}:latest", "--label", f"{LABEL}={recipe.experiment}"]
    options += ["--network", asked.network]
    options += [part for name, value in sorted(asked.args.items()) for part in ("--build-arg", f"{name}={value}")]
    return options + (["--target", asked.target] if asked.target else [])


def _check_heredocs(file: Dockerfile, engine: Engine) -> None:
    """Raise NeedsBuildKit where this engine would take the lines of a heredoc for instructions."""
    old = tuple(int(part) for part in engine.version.split(".")) < _HEREDOC_API
    if not old or any(directive.key == "syntax" for directive in file.directives):
        return
    for feature in features(file):
        if feature.needs is Builder.HEREDOCS:
            remedy = "write the steps with && and \\, name a newer frontend (# syntax=…), or upgrade the engine (23)"
            what = f"{feature.what}: this engine cannot read it"
            raise NeedsBuildKit(at_line(file.path, feature.line, what, file.text(feature.line), remedy))


def _check_classic(file: Dockerfile) -> None:
    """Raise NeedsBuildKit where the builder before BuildKit cannot build it."""
    for first in features(file)[:1]:
        what, remedy = f"{first.what} needs BuildKit, and docker buildx is not there", "install docker-buildx"
        raise NeedsBuildKit(at_line(file.path, first.line, what, file.text(first.line), remedy))


def _check_rights(file: Dockerfile, network: str) -> None:
    """A step's own `--network=host` would reach what the experiment file keeps the build from."""
    for instruction in file.instructions:
        for flag in instruction.flags:
            if flag.startswith("--security") or (flag == "--network=host" and network != "host"):
                remedy = "take it out; what a build may reach is said in the experiment file: environment.build.network"
                what = f"{instruction.name} {flag} asks for more than the build may have"
                raise ReachesOut(at_line(file.path, instruction.line, what, file.text(instruction.line), remedy))


def _digests(bases: tuple[Reference, ...]) -> dict[str, str]:
    return {base.image.partition("@")[0]: base.digest for base in bases if base.digest is not None}


def _explained(path: Path, failed: CommandFailed | CommandMissing) -> Exception:
    said = failed.messages if isinstance(failed, CommandFailed) else str(failed)
    shown = "\n".join(f"  │ {line}" for line in said.splitlines()[-15:] if line.strip())
    if _FULL.search(said):
        return CannotBuild(f"{path}: cannot be built: no room\n{shown}\n  make room for the engine: docker system df")
    if _NETWORK.search(said):
        return CannotBuild(
            f"{path}: cannot be built: the build does not reach what it fetches\n{shown}\n"
            "  is the network there? a build may reach what environment.build.network says"
        )
    if _ENGINE.search(said):
        return CannotBuild(
            f"{path}: cannot be built: the engine fails\n{shown}\n  look at its log, and at: docker info"
        )
    return NotBuildable(f"{path}: cannot be built\n{shown}\n  correct that step; nothing was run")


class Steps:
    """BuildKit's plain progress as lines worth reading: steps that are really done, with what they print."""

    _LINE = re.compile(r"#(?P<step>\d+) (?:(?P<time>\d+\.\d+) )?(?P<text>.*)")

    def __init__(self) -> None:
        self._waiting: dict[str, str] = {}

    def feed(self, line: str) -> Iterator[str]:
        """What to show of one more line; nothing for cached and internal steps."""
        found = self._LINE.fullmatch(line)
        if found is None:
            return
        step, text = found["step"], found["text"].strip()
        if found["time"] is None and text.startswith("["):
            if not text.startswith("[internal]"):
                self._waiting[step] = text
        elif found["time"] is not None and text and not text.startswith("━"):  # pip's progress bars
            if step in self._waiting:
                yield f"  {self._waiting.pop(step)}"
            yield f"    {text}"
