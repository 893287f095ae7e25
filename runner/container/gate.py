"""The network of a run: none, that of the machine, or a proxy that reaches what the experiment file lists."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.container import allowed, objects, paths
from runner.container.egress import VARIABLES, Egress, EgressRecord
from runner.sandbox import BRIDGE, NO_NETWORK, Limits, Sandbox, Volume

if TYPE_CHECKING:
    from docker import APIClient

_LIMITS = Limits(memory=512 * 2**20, shm=2**20, scratch=2**20, processes=64)


class Gate:
    """What a run's container is told: whose network it shares, and by which variables programs find the proxy."""

    def __init__(self, network: str, variables: Mapping[str, str], egress: Egress | None) -> None:
        self.network = network
        self.variables = variables
        self._egress = egress

    def record(self) -> EgressRecord:
        """Close it; what was reached, and what was asked for in vain."""
        return self._egress.stop() if self._egress is not None else EgressRecord()


@dataclass(frozen=True)
class Gatekeeper:
    """Opens gates. The proxy's own container is made of the run's image, and has no network either."""

    image: str
    kit: Volume
    in_memory: tuple[str, ...]

    @contextlib.contextmanager
    def opened(
        self, api: "APIClient", wanted: str | tuple[str, ...], name: str, labels: Mapping[str, str]
    ) -> Iterator[Gate]:
        """The gate for `resources.network`. Raises NetworkRefused, RelayFailed."""
        if isinstance(wanted, str):
            yield Gate(NO_NETWORK if wanted == "none" else BRIDGE, {}, None)
            return
        asked = Sandbox(
            image=self.image,
            command=f'exec "$(command -v python3 || command -v python)" -I {paths.RELAY}',
            folder="/",
            labels=labels,
            limits=_LIMITS,
            volumes=(self.kit,),
            in_memory=self.in_memory,
            listens=True,
            logged=False,  # all that is carried goes through its output
        )
        relay = objects.create(api, asked, f"{name}-gate")
        egress = Egress(allowed.parse(wanted))
        try:
            attached = api.attach_socket(relay, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
            api.start(relay)
            egress.start(attached)
            yield Gate(f"container:{relay}", VARIABLES, egress)
        finally:
            egress.stop()
            objects.remove(api, relay)
