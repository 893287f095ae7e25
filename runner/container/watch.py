"""One container from start to end: its output, its time, its memory, however long the engine is away meanwhile."""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from runner.capture_tail import Logged
from runner.container import streams
from runner.container.engine import Engine, EngineLost, failures
from runner.container.outcome import EndState, Stopped
from runner.container.samples import Samples
from runner.output import BoundedLog, Lines
from runner.runtime import Ears

ENGINE_WAIT_S = 60.0
_GRACE_S = 2.0
_POLL_S = 0.1
_TICK_S = 0.5


@dataclass(frozen=True)
class Watched:
    """How a container ended, and what was seen of it. `away`: whether the engine was, for a while."""

    end: EndState
    stopped: Stopped
    wall_s: float
    samples: Samples
    log: BoundedLog
    away: bool


class Watch:
    """Follows one created container."""

    def __init__(self, engine: Engine, container: str) -> None:
        self._engine = engine
        self._container = container
        self._away = False
        self._ended = threading.Event()
        self._lost = ""
        self._state: dict[str, Any] = {}
        self.log = BoundedLog()

    def run(
        self, timeout: float, ears: Ears, news: Callable[[], Sequence[Logged]], cancelled: threading.Event
    ) -> Watched:
        """Start it and wait for its end, at most `timeout` seconds. Raises EngineLost, and docker's errors at start."""
        lines = Lines(self.log, ears.hear)
        samples = Samples(self._engine, self._container)
        with self._engine.api() as api:
            output = api.attach(self._container, stdout=True, stderr=True, stream=True, logs=True)
            began, asked = time.monotonic(), time.time()
            with streams.closing(output):
                api.start(self._container)
                follower = threading.Thread(target=self._follow, args=(output, lines), daemon=True)
                waiter = threading.Thread(target=self._await, daemon=True)
                sampler = threading.Thread(target=samples.take_until, args=(self._ended,), daemon=True)
                for thread in (follower, waiter, sampler):
                    thread.start()
                stopped = self._until_ended(began, timeout, ears, news, cancelled)
                wall = time.monotonic() - began
                follower.join(_GRACE_S)  # it ends with the container, unless a process got away with the pipe
        lines.end()
        for thread in (waiter, sampler):
            thread.join(_GRACE_S)
        if not self._state:
            raise EngineLost(self._lost or "the engine does not say how the run ended")
        return Watched(self._how(stopped, asked), stopped, wall, samples, self.log, self._away)

    def _until_ended(
        self,
        began: float,
        timeout: float,
        ears: Ears,
        news: Callable[[], Sequence[Logged]],
        cancelled: threading.Event,
    ) -> Stopped:
        next_tick = 0.0
        while not self._ended.wait(_POLL_S):
            elapsed = time.monotonic() - began
            if cancelled.is_set() or elapsed > timeout:
                self._end()
                self._ended.wait(ENGINE_WAIT_S)
                return Stopped.CANCELLED if cancelled.is_set() else Stopped.LATE
            if elapsed >= next_tick:
                next_tick = elapsed + _TICK_S
                ears.tick(elapsed, news())
        return Stopped.NO

    def _follow(self, output: Any, lines: Lines) -> None:
        """Pass on what is printed; after the engine was away, from where it broke off."""

        def feed(pieces: Any) -> None:
            for data in pieces:
                lines.feed(data)

        broken = (*failures(), OSError, ValueError)
        with contextlib.suppress(*broken):
            feed(output)
        since = time.time()  # not later: what is printed while the engine is away, it takes up when it is back
        while not self._ended.wait(_TICK_S):
            with contextlib.suppress(*broken), self._engine.api() as api:
                more = api.logs(self._container, stream=True, follow=True, since=since)
                with streams.closing(more):
                    feed(more)
                since = time.time()

    def _await(self) -> None:
        """Wait for the end, in waits of half a minute; where the engine is away, for its return."""
        from docker.errors import NotFound

        broken: tuple[type[Exception], ...] = (*failures(), OSError)
        try:
            away: float | None = None
            while True:
                try:
                    with self._engine.api() as api:
                        state = api.inspect_container(self._container)["State"]
                        if state.get("Status") in ("exited", "dead"):
                            self._state = state
                            return
                        away = None
                        api.wait(self._container, timeout=30)
                except NotFound:
                    self._lost = "the container was removed by somebody else"
                    return
                except broken as error:
                    if "timed out" in str(error).lower() and away is None:
                        continue  # the half minute is over
                    away, self._away = away or time.monotonic(), True
                    if time.monotonic() - away > ENGINE_WAIT_S:
                        self._lost = f"the engine did not answer for {ENGINE_WAIT_S:g} s"
                        return
                    time.sleep(_TICK_S)
        finally:
            self._ended.set()

    def _end(self) -> None:
        """End the container: asked first, killed after two seconds."""
        for sent, wait in (("SIGTERM", _GRACE_S), ("SIGKILL", ENGINE_WAIT_S)):
            # it may have ended just now, or the engine may be away, which the other thread sees
            with contextlib.suppress(*failures(), OSError), self._engine.api() as api:
                api.kill(self._container, sent)
            if self._ended.wait(wait):
                return

    def _how(self, stopped: Stopped, asked: float) -> EndState:
        code = int(self._state.get("ExitCode") or 0)
        outside = None
        if stopped is Stopped.NO and code in (137, 143):
            outside = self._asked_for(asked)
        return EndState(code, bool(self._state.get("OOMKilled")), outside, str(self._state.get("Error") or ""))

    def _asked_for(self, since: float) -> str | None:
        """The signal somebody had the engine send."""
        import signal

        asked = {"container": self._container, "event": "kill"}
        with self._engine.api() as api:
            events = list(api.events(since=int(since), until=int(time.time()) + 1, filters=asked, decode=True))
        for event in events:
            number = (event.get("Actor") or {}).get("Attributes", {}).get("signal", "")
            known = number.isdigit() and int(number) in set(signal.Signals)
            return signal.Signals(int(number)).name if known else f"signal {number}"
        return None
