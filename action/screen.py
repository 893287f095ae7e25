"""What a person sees while runs are made: a live view on a terminal, one plain line per event elsewhere."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from statistics import stdev
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from action.activities.session import Watcher
from action.endings import OutputLost, printable
from action.terminal import relative
from experiment.record import Status
from experiment.snapshot import Snapshot
from experiment.summarise import FinishedRun
from reporting.numbers import Rounding, duration, rounding
from runner.execute import Progress

_BAR = 20
_PLAIN_EVERY_S = 30.0
_SHOWN_METRICS = 2
_LOG_LINES = 6
_LOG_COLUMNS = 160


@dataclass
class _Row:
    """A seed that is wanted and not done."""

    began: float | None = None
    progress: Progress = field(default_factory=lambda: Progress(0.0))
    told: float = 0.0


class Screen(Watcher):
    """The view of one command. Use as a context; `metrics` are shown first, `expected` says how long runs took."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: dict[int, _Row] = {}
        self._live: Live | None = None
        self._metrics: Sequence[str] = ()
        self._usual_s: float | None = None
        self._steps: Mapping[str, int] = {}
        self._stages = 0
        self._rounding: dict[str, Rounding] = {}
        self._width: dict[str, int] = {}
        self._seed_width = 1
        self._explained = False
        self._below: Callable[[], Iterable[str]] | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=4, get_renderable=self._view, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.clear()
        self._below = None
        if self._live is not None:
            self._live.stop()
            self._live = None

    def expect(self, metrics: Sequence[str], baseline: Snapshot | None) -> None:
        """Which metrics to show, and what earlier runs say about duration and number of steps."""
        self._metrics = metrics
        runs = [run for run in baseline.runs if run.ok] if baseline else []
        if runs:
            self._usual_s = sum(run.wall_s for run in runs) / len(runs)
            self._steps = runs[0].steps
        for name in metrics:
            values = list(baseline.values(name).values()) if baseline else []
            if values:
                noise = [stdev(values)] if len(values) > 1 and all(map(isfinite, values)) else []
                self._rounding[name] = rounding(values, noise=noise)

    def line(self, text: str) -> None:
        """A line that stays. Raises OutputLost; where nobody reads, SystemExit."""
        try:
            self._console.print(Text(printable(text)), soft_wrap=True)
        except OSError as error:
            raise OutputLost(error) from None

    def lines(self, texts: Iterable[str]) -> None:
        """Lines that stay."""
        for text in texts:
            self.line(text)

    @property
    def redraws(self) -> bool:
        """Whether there is a part of the screen that is redrawn in place."""
        return self._live is not None

    def below(self, lines: Callable[[], Iterable[str]] | None) -> None:
        """What is redrawn below all lines that stay, where lines are redrawn; None: nothing any more."""
        self._below = lines

    def say(self, text: str) -> None:
        """A remark below what it is about."""
        self.line(f"          {text}")

    def planned(self, seeds: Sequence[int], note: str) -> None:
        """The first note is the plan; later ones say why it goes on."""
        self._stages += 1
        if self._stages == 1:
            self.line(f"plan    {note}")
            self.line("")
        else:
            self.say(note)
        self._seed_width = max(self._seed_width, *(len(str(seed)) for seed in seeds))
        for seed in seeds:
            self._rows[seed] = _Row()

    def cached(self, run: FinishedRun) -> None:
        """An earlier run stands in."""
        self._finished(run, "cached")

    def began(self, seed: int) -> None:
        """A run starts."""
        self._rows[seed] = _Row(began=time.monotonic(), told=time.monotonic())
        if self._live is None:
            self.line(f"{self._label(seed)}  started")

    def progress(self, seed: int, progress: Progress) -> None:
        """A run goes on; where lines are not redrawn, said now and then."""
        row = self._rows.setdefault(seed, _Row(began=time.monotonic()))
        row.progress = progress
        if self._live is None and time.monotonic() - row.told > _PLAIN_EVERY_S:
            row.told = time.monotonic()
            self.line(f"{self._label(seed)}  {self._state(row)}")

    def done(self, run: FinishedRun, folder: Path) -> None:
        """A run ended."""
        self._finished(run, "done")
        if run.record.outcome.status is Status.OK:
            self._usual_s = run.record.usage.wall_s
        elif run.record.outcome.status is not Status.CANCELLED:
            self._explain(run, folder)

    def _finished(self, run: FinishedRun, how: str) -> None:
        record = run.record
        self._rows.pop(record.parts.seed, None)
        label, took = self._label(record.parts.seed), f"{duration(record.usage.wall_s):>6}"
        if record.outcome.status is not Status.OK:
            reason = record.outcome.reason.removeprefix(record.outcome.status.value)
            self.line(f"{label}  {record.outcome.status}  {took}   {reason}".rstrip())
            return
        shown = [name for name in self._metrics if name in record.metrics] or sorted(record.metrics)
        values = [self._value(name, record.metrics[name].value) for name in shown[:_SHOWN_METRICS]]
        bar = "━" * _BAR + "  " if self._live is not None else ""
        self.line("   ".join([f"{label}  {bar}{how:<6}  {took}", *values]))

    def _explain(self, run: FinishedRun, folder: Path) -> None:
        """The last lines a failed run printed, for the first one only: the others mostly say the same."""
        lines = [] if self._explained else [line for line in run.log_tail.splitlines() if line.strip()]
        for line in lines[-_LOG_LINES:]:
            self.say(f"│ {Text.from_ansi(line.expandtabs(4)).plain[:_LOG_COLUMNS]}")
        self._explained = True
        self.say(f"all its output: {relative(folder / 'output.log')}")

    def _label(self, seed: int) -> str:
        return f"  seed {seed:<{self._seed_width}}"

    def _value(self, name: str, value: float) -> str:
        written = self._rounding.setdefault(name, rounding([value])).number(value)
        self._width[name] = max(len(written), self._width.get(name, 0))
        return f"{name} {written:>{self._width[name]}}"

    def _view(self) -> Group:
        lines = []
        for seed, row in list(self._rows.items()):
            if row.began is None:
                lines.append(Text(f"{self._label(seed)}  waiting for a core"))
            else:
                done = min(1.0, self._share(row))
                full = int(done * _BAR)
                bar = "━" * full + ("╸" if full < _BAR else "") + " " * (_BAR - full - 1)
                lines.append(Text(f"{self._label(seed)}  {bar}  {self._state(row)}"))
        lines += [Text(printable(text), overflow="ellipsis", no_wrap=True) for text in (self._below or tuple)()]
        return Group(*lines)

    def _share(self, row: _Row) -> float:
        step, total = row.progress.step, self._steps.get(row.progress.metric or "")
        if step is not None and total:
            return step / total
        return self._elapsed(row) / self._usual_s if self._usual_s else 0.0

    def _elapsed(self, row: _Row) -> float:
        return time.monotonic() - row.began if row.began is not None else 0.0

    def _state(self, row: _Row) -> str:
        progress, elapsed = row.progress, self._elapsed(row)
        total = self._steps.get(progress.metric or "")
        parts = [duration(elapsed)]
        if progress.metric is not None and progress.value is not None:
            step = f"step {progress.step}/{total}" if total else f"step {progress.step}"
            parts += [step, self._value(progress.metric, progress.value)]
        if self._usual_s is not None:
            parts.append(f"{duration(max(0.0, self._usual_s - elapsed))} left")
        return "   ".join(parts)
