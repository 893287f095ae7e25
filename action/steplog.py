"""What a step's log shows while runs are made: one line per finished seed, and its output folded below."""

from pathlib import Path
from typing import IO, cast

from rich.console import Console

from action.commands import Log, Relay
from action.screen import Screen
from experiment.summarise import FinishedRun

_MOST_BYTES = 200_000  # of one run's output; the whole lies in the artifact
_WIDTH = 200


class StepLog(Screen):
    """The screen of a step: plain lines, and a group with the output of each run that ends."""

    def __init__(self, log: Log) -> None:
        stream = cast("IO[str]", Relay(log))
        super().__init__(Console(file=stream, width=_WIDTH, no_color=True, highlight=False, soft_wrap=True))
        self._log = log

    def done(self, run: FinishedRun, folder: Path) -> None:
        """A line for the run, and what it printed in a group."""
        super().done(run, folder)
        output = _tail(folder / "output.log")
        if output:
            with self._log.group(f"what seed {run.record.parts.seed} printed"):
                self._log.relay(output)


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _MOST_BYTES))
            return file.read().decode("utf-8", "replace").rstrip("\n")
    except OSError:
        return ""
