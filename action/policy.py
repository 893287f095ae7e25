"""By whose rules a change is judged: those of the commit it grew from, never those it brings along."""

from dataclasses import dataclass

from experiment.spec import EnvironmentSpec, Experiment

POLICY = (
    "gate", "metrics", "seeds", "stages", "alpha", "pairing", "resources", "evaluate", "baseline", "notify", "hooks"
)  # fmt: skip
"""Keys of the experiment file that say how a run is judged and what it may use."""


@dataclass(frozen=True)
class Judged:
    """The experiment as it is run and judged, and which keys the change wanted otherwise."""

    experiment: Experiment
    edits: tuple[str, ...] = ()


def judged_by(head: Experiment, base: Experiment | None) -> Judged:
    """The change's own command, parameters, data and environment under the base's policy.

    Without a base (the change brings the experiment) its own policy is all there is.
    """
    if base is None:
        return Judged(head)
    kept = {name: getattr(base, name) for name in POLICY}
    edits = [name for name, value in kept.items() if getattr(head, name) != value]
    edits += ["experiment"] if head.experiment != base.experiment else []
    edits += ["environment.variables"] if head.environment.variables != base.environment.variables else []
    edits += ["sweep.on_pull_request"] if _verified(head) != _verified(base) else []
    environment = _allowed(head.environment, base.environment)
    made = head.model_copy(update={**kept, "experiment": base.experiment, "environment": environment})
    return Judged(made, tuple(edits))


def _allowed(head: EnvironmentSpec, base: EnvironmentSpec) -> EnvironmentSpec:
    """The change's environment; which variables of the machine reach a run is the base's to say."""
    return head.model_copy(update={"variables": base.variables})


def _verified(experiment: Experiment) -> object:
    """What of the sweep a pull request makes again: the base's to say too, since it costs the repository's machines."""
    return experiment.sweep.on_pull_request if experiment.sweep is not None else "none"
