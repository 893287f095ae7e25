"""Notes of a report about how runs were made: made again, kept from a network, in another kind of environment."""

from collections import Counter
from collections.abc import Iterator, Sequence

from experiment.environment import EnvironmentKind
from experiment.record import RunRecord, Seeding
from experiment.snapshot import RunSummary, Snapshot
from experiment.summarise import FinishedRun, summary
from reporting.numbers import every

_MOST_HOSTS = 5
_KINDS = {
    EnvironmentKind.LOCK: "a locked virtual environment",
    EnvironmentKind.IMAGE: "a container",
    EnvironmentKind.DOCKERFILE: "a container",
}


def notes(base: Snapshot | None, candidate: Snapshot, records: Sequence[RunRecord]) -> tuple[str, ...]:
    """All of them, in the order a reader needs them."""
    return (*_other_kind(base, candidate), *_made_again(records), *_refused(records))


def seeds_make_no_difference(runs: Sequence[RunSummary], seeding: Seeding) -> tuple[str, ...]:
    """A note where runs of several seeds are one run repeated, so that nobody takes their number for evidence."""
    results = {run.result_sha256 for run in runs if run.ok}
    if len(runs) < 2 or len(results) != 1:
        return ()
    calls = seeding.by_user
    why = f" ({calls[0].function}({calls[0].value}) at {calls[0].place})" if calls else ""
    return (
        f"{every(len(runs), 'seed')} gave the same bits: the script fixes its own randomness{why} or has none, "
        "so these runs say nothing about seed noise; pass {seed} to it in 'command' to vary it",
    )


def of_fresh_seeds(runs: Sequence[FinishedRun]) -> tuple[str, ...]:
    """The same of a sweep's best trial on fresh seeds: where these change nothing, its luck was not tried."""
    return seeds_make_no_difference([summary(run) for run in runs], runs[0].record.seeding) if runs else ()


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
