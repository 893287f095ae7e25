"""How far a study is taken: the time it was driven and the GPU time its trials used, over all runs of its driver."""

from dataclasses import dataclass

from runner.sweep.events import Ask, Event, Result


@dataclass(frozen=True)
class Budget:
    """Seconds; None where there is no limit. `at_least`: trials that are made whatever they cost, those of a record."""

    time: float | None = None
    gpu_time: float | None = None
    at_least: int = 0


class Spent:
    """What a study has used, by its events. `driven`: seconds, as the last event says that does."""

    def __init__(self) -> None:
        self.driven = 0.0
        self.asked = 0
        self._gpu: dict[int, float] = {}  # trial -> seconds, once for a trial that was made again

    def saw(self, event: Event) -> None:
        """Take note of an event."""
        if isinstance(event, Ask):
            self.asked += 1
        elif isinstance(event, Result):
            self._gpu[event.trial] = event.gpu_seconds
        else:
            return
        self.driven = max(self.driven, event.driven)

    @property
    def ended(self) -> int:
        """Trials whose GPU time is known."""
        return len(self._gpu)

    @property
    def gpu_time(self) -> float:
        """Seconds of all of them."""
        return sum(self._gpu.values())

    def allows(self, budget: Budget, driven: float) -> bool:
        """Whether a new trial may be begun, where the study was driven for so many seconds."""
        if self.asked < budget.at_least:
            return True
        late = budget.time is not None and driven >= budget.time
        return not late and (budget.gpu_time is None or self.gpu_time < budget.gpu_time)
