"""A sweep made ready: its session, and who makes its runs, here or on a cluster."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from action.activities.session import Choice, Session, Watcher, open_session
from action.activities.sweep_asked import openable, sweep_of
from action.activities.sweep_cluster import open_on_cluster
from action.activities.sweep_hands import Hands, own_hands
from experiment.errors import Refused
from experiment.spec import Experiment
from runner.sweep.samplers import check_installed


class NoAddress(Refused):
    """A cluster is asked for, and not which."""


class NotACluster(Refused):
    """This machine is asked for and the address of a cluster is given."""


def cluster_address(
    executor: Literal["local", "ray"] | None, address: str | None, inherited: Mapping[str, str]
) -> str | None:
    """Where the cluster is, None for this machine. Raises NoAddress, NotACluster."""
    if executor == "local" and address:
        raise NotACluster(
            f"--executor local, and --ray-address {address}: these exclude each other\n"
            "  leave one of them out\nnothing was run"
        )
    found = address or (inherited.get("RAY_ADDRESS") if executor == "ray" else None)
    if executor == "ray" and not found:
        raise NoAddress(
            "--executor ray: of which cluster? Neither --ray-address nor RAY_ADDRESS says\n"
            "  give HOST:PORT of its head, or ray://HOST:10001 from a machine that is no node of it\nnothing was run"
        )
    return found or None


@contextmanager
def open_sweep(
    path: Path,
    experiment: Experiment,
    watcher: Watcher,
    inherited: Mapping[str, str],
    choice: Choice,
    *,
    address: str | None,
    workers: int | None = None,
) -> Iterator[tuple[Session, Hands]]:
    """As `open_hands`, for a sweep that asks its sampler. Raises SamplerMissing, and what opening raises."""
    check_installed(sweep_of(experiment))  # before an environment is built, which may take minutes
    with open_hands(path, experiment, watcher, inherited, choice, address=address, workers=workers) as both:
        yield both


@contextmanager
def open_hands(
    path: Path,
    experiment: Experiment,
    watcher: Watcher,
    inherited: Mapping[str, str],
    choice: Choice,
    *,
    address: str | None,
    workers: int | None = None,
) -> Iterator[tuple[Session, Hands]]:
    """The session and its hands; at the end nothing of them is left. Raises what opening either raises."""
    filled, most = openable(experiment), workers or sweep_of(experiment).parallelism
    if address is None:
        with open_session(path, filled, watcher, inherited, choice) as session:
            yield session, own_hands(session, most)
        return
    with open_on_cluster(path, filled, watcher, inherited, choice, address=address, workers=most) as both:
        yield both
