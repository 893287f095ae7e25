"""Why a sweep cannot be begun or gone on with: each situation its own error."""

from experiment.errors import InfrastructureFailed, NotTheSame, Refused


class SweepRefused(Refused):
    """The sweep cannot be made as it is asked for."""


class NoSweep(SweepRefused):
    """The experiment file has no sweep."""


class AnotherDriver(SweepRefused):
    """Somebody else works on this study at this moment."""


class LogOfAnotherSweep(SweepRefused):
    """An unfinished study is there, of another specification."""


class DamagedLog(SweepRefused):
    """The event log holds something that no sweep wrote, before its last line."""


class LockOfAnotherSpec(SweepRefused):
    """The record of a sweep was made from another specification."""


class UnreadableLock(SweepRefused):
    """The record of a sweep is not one."""


class SamplerMissing(SweepRefused):
    """The sampler needs a library that is not installed."""


class TwoSources(SweepRefused):
    """The objective that a pruner judges has two sources, which may differ."""


class Unfit(SweepRefused):
    """What is asked in place of the file's own value does not go with the rest of the sweep."""


class NothingToStartFrom(SweepRefused):
    """The first trial was to be the baseline's, and there is none to take."""


class NothingToResume(SweepRefused):
    """There is no event log to go on from, or another study is in its place."""


class TableDiffers(NotTheSame):
    """A replay came to another table than its record; the text names the first difference.

    `elsewhere`: the record was made on another processor or with other libraries, which may explain it.
    """

    def __init__(self, text: str, *, elsewhere: bool) -> None:
        super().__init__(text)
        self.elsewhere = elsewhere


class CannotLog(InfrastructureFailed):
    """The event log cannot be written: disk full, no permission. What it held before is untouched."""


class TrialLost(InfrastructureFailed):
    """A trial could not be made for reasons of the machine, several times over."""
