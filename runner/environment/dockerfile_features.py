"""What in a Dockerfile needs BuildKit, and what needs a newer frontend of it than old engines have."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from runner.environment.dockerfile import Dockerfile, Instruction


class Builder(StrEnum):
    """What reads a feature. HEREDOCS: a BuildKit whose frontend is 1.4 or newer (engine 23, or a `# syntax=` line).

    An older frontend takes the text of a heredoc for instructions, among them FROM: never let it try.
    """

    BUILDKIT = "buildkit"
    HEREDOCS = "heredocs"


@dataclass(frozen=True)
class Feature:
    """Something the classic builder cannot do."""

    line: int
    what: str  # "RUN --mount", "a heredoc"
    needs: Builder


_CLASSIC = {
    "FROM": {"--platform"},
    "ADD": {"--chown"},
    "COPY": {"--chown", "--from"},
    "HEALTHCHECK": {"--interval", "--timeout", "--start-period", "--retries"},
}


def features(file: Dockerfile) -> tuple[Feature, ...]:
    """Everything that needs BuildKit, in the order of the lines; empty where any builder will do."""
    syntax = [Feature(d.line, "# syntax", Builder.BUILDKIT) for d in file.directives if d.key == "syntax"]
    return (*syntax, *(feature for instruction in file.instructions for feature in _of(instruction)))


def _of(instruction: Instruction) -> Iterator[Feature]:
    known = _CLASSIC.get(instruction.name, set())
    for key in dict.fromkeys(flag.partition("=")[0] for flag in instruction.flags):
        if key not in known:
            yield Feature(instruction.line, f"{instruction.name} {key}", Builder.BUILDKIT)
    if instruction.heredocs:
        yield Feature(instruction.line, f"{instruction.name} <<{instruction.heredocs[0].name}", Builder.HEREDOCS)
