"""What a person sees while runs are made: a live view on a terminal, one plain line per event elsewhere."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from action.activities.session import Watcher
from experiment.snapshot import Snapshot
from experiment.summarise import FinishedRun
from reporting.numbers import duration, rounding
from runner.execute import Progress

_BAR = 20
_PLAIN_EVERY_S = 30.0
_SHOWN_METRICS = 2


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

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=4, get_renderable=self._view, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.clear()
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

    def line(self, text: str) -> None:
        """A line that stays."""
        self._console.print(Text(text), soft_wrap=True)

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
        for seed in seeds:
            self._rows[seed] = _Row()

    def cached(self, run: FinishedRun) -> None:
        """An earlier run stands in."""
        self._finished(run, "cached")

    def began(self, seed: int) -> None:
        """A run starts."""
        self._rows[seed] = _Row(began=time.monotonic(), told=time.monotonic())
        if self._live is None:
            self.line(f"  seed {seed}  started")

    def progress(self, seed: int, progress: Progress) -> None:
        """A run goes on; where lines are not redrawn, said now and then."""
        row = self._rows.setdefault(seed, _Row(began=time.monotonic()))
        row.progress = progress
        if self._live is None and time.monotonic() - row.told > _PLAIN_EVERY_S:
            row.told = time.monotonic()
            self.line(f"  seed {seed}  {self._state(row)}")

    def done(self, run: FinishedRun) -> None:
        """A run ended."""
        self._finished(run, "done")
        self._usual_s = run.record.usage.wall_s if run.record.outcome.status == "ok" else self._usual_s

    def _finished(self, run: FinishedRun, how: str) -> None:
        record = run.record
        self._rows.pop(record.parts.seed, None)
        seconds = duration(record.usage.wall_s)
        if record.outcome.status != "ok":
            self.line(f"  seed {record.parts.seed}  {record.outcome.status}: {record.outcome.reason}   {seconds}")
            return
        shown = [name for name in self._metrics if name in record.metrics] or sorted(record.metrics)
        values = [f"{name} {_number(record.metrics[name].value)}" for name in shown]
        bar = "━" * _BAR + "  " if self._live is not None else ""
        self.line("   ".join([f"  seed {record.parts.seed}  {bar}{how:<6}  {seconds:>6}", *values[:_SHOWN_METRICS]]))

    def _view(self) -> Group:
        lines = []
        for seed, row in list(self._rows.items()):
            if row.began is None:
                lines.append(Text(f"  seed {seed}  waiting for a core"))
            else:
                done = min(1.0, self._share(row))
                full = int(done * _BAR)
                bar = "━" * full + ("╸" if full < _BAR else "") + " " * (_BAR - full - 1)
                lines.append(Text(f"  seed {seed}  {bar}  {self._state(row)}"))
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
            parts += [step, f"{progress.metric} {_number(progress.value)}"]
        if self._usual_s is not None:
            parts.append(f"{duration(max(0.0, self._usual_s - elapsed))} left")
        return "   ".join(parts)


def _number(value: float) -> str:
    return rounding([value]).number(value)
