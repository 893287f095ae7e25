"""Errors a person reads: what, where, found, expected, remedy; each knows its exit code. The CLI prints them."""


class Refused(Exception):
    """The experiment file, the command line or a file they name is wrong. Nothing was run."""

    exit_code = 2


class InfrastructureFailed(Exception):
    """The machine, not the user's code, is at fault: disk full, no permission, no network."""

    exit_code = 3


class CannotJudge(Exception):
    """There is nothing sound to compare with: no baseline, or one that cannot be read."""

    exit_code = 4


class NotTheSame(Exception):
    """What was made again came to something else."""

    exit_code = 1
