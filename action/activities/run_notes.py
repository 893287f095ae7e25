"""Notes of a report about how runs were made: made again, kept from a network, in another kind of environment."""

from collections import Counter
from collections.abc import Iterator, Sequence

from experiment.environment import EnvironmentKind
from experiment.record import RunRecord
from experiment.snapshot import Snapshot

_MOST_HOSTS = 5
_KINDS = {
    EnvironmentKind.LOCK: "a locked virtual environment",
    EnvironmentKind.IMAGE: "a container",
    EnvironmentKind.DOCKERFILE: "a container",
}


def notes(base: Snapshot | None, candidate: Snapshot, records: Sequence[RunRecord]) -> tuple[str, ...]:
    """All of them, in the order a reader needs them."""
    return (*_other_kind(base, candidate), *_made_again(records), *_refused(records))


def _other_kind(base: Snapshot | None, candidate: Snapshot) -> Iterator[str]:
    """A verdict across two kinds of environment has a cause that no line of code shows."""
    if base is None:
        return
    before, now = (_KINDS[side.configuration.environment.kind] for side in (base, candidate))
    if before != now:
        yield (
            f"the baseline was made in {before}, these runs in {now}: what differs may come from that; "
            "choose with --environment, or accept a baseline made as these runs were"
        )


def _made_again(records: Sequence[RunRecord]) -> Iterator[str]:
    for record in records:
        if record.retried:
            times = "once" if len(record.retried) == 1 else f"{len(record.retried)} times"
            yield f"seed {record.parts.seed} was made again {times}, since the machine failed: {record.retried[-1]}"


def _refused(records: Sequence[RunRecord]) -> Iterator[str]:
    tried: Counter[str] = Counter()
    for record in records:
        tried.update(record.refused)
    if tried:
        shown = ", ".join(host for host, _ in tried.most_common(_MOST_HOSTS))
        more = f" and {len(tried) - _MOST_HOSTS} more" if len(tried) > _MOST_HOSTS else ""
        yield f"tried to reach {shown}{more}, which resources.network does not list: refused"
