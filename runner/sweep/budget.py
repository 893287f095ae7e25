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
        self._asked = 0
        self._gpu: dict[int, float] = {}  # trial -> seconds, once for a trial that was made again

    def saw(self, event: Event) -> None:
        """Take note of an event."""
        if isinstance(event, Ask):
            self._asked += 1
        elif isinstance(event, Result):
            self._gpu[event.trial] = event.gpu_seconds
        else:
            return
        self.driven = max(self.driven, event.driven)

    def allows(self, budget: Budget, driven: float) -> bool:
        """Whether a new trial may be begun, where the study was driven for so many seconds."""
        if self._asked < budget.at_least:
            return True
        late = budget.time is not None and driven >= budget.time
        return not late and (budget.gpu_time is None or sum(self._gpu.values()) < budget.gpu_time)
