"""Whether this machine is ready, for one experiment or in general: the doctor's findings, as lines and as JSON."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from experiment import file
from experiment.errors import InfrastructureFailed
from experiment.file import NoExperimentFile
from experiment.spec import Experiment
from runner.doctor.findings import Finding, Level, findings
from runner.doctor.gather import gather
from runner.source import folder_of


def examine(path: Path, inherited: Mapping[str, str]) -> tuple[Finding, ...]:
    """What is found on this machine; judged by what the experiment at `path` needs, where there is one.

    Raises WrongExperimentFile.
    """
    experiment: Experiment | None = None
    try:
        experiment = file.load(path)
    except NoExperimentFile:
        if not path.is_dir():
            raise
    return findings(gather(experiment, folder_of(path), inherited))


def exit_code(found: tuple[Finding, ...]) -> int:
    """0 without a problem; warnings do not count."""
    return InfrastructureFailed.exit_code if any(one.level is Level.PROBLEM for one in found) else 0


def outputs(found: tuple[Finding, ...]) -> dict[str, Any]:
    """What `--json` prints."""
    code = exit_code(found)
    return {"passed": code == 0, "exit_code": code, "findings": [asdict(one) for one in found]}


def lines(found: tuple[Finding, ...]) -> Iterator[str]:
    """A line for each finding with its remedy below, and one that says how it stands."""
    wide = max(len(one.name) for one in found)
    for one in found:
        yield f"{one.level.value:<7}  {one.name:<{wide}}  {one.found}"
        if one.remedy:
            yield f"{'':<7}  {'':<{wide}}  → {one.remedy}"
    problems, warnings = (sum(one.level is level for one in found) for level in (Level.PROBLEM, Level.WARNING))
    yield ""
    counted = f"{_count(problems, 'problem')}, {_count(warnings, 'warning')}"
    yield f"not ready: {counted}" if problems else f"ready: {counted}"


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
