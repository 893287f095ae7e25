"""What a run asks of a node of the cluster, and whether one has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiment.spec import Resources
from runner.sweep.cluster.refusals import NoNodeOffers


@dataclass(frozen=True)
class Node:
    """A node as Ray tells of it. `memory`: bytes."""

    name: str
    cpus: float
    gpus: float
    memory: float


@dataclass(frozen=True)
class Demand:
    """Of one run: processors, GPUs (below 1: a share of one), bytes of memory; 0 asks for none."""

    cpus: float
    gpus: float
    memory: int

    def fits(self, node: Node) -> bool:
        """Whether the node has that much in all."""
        return self.cpus <= node.cpus and self.gpus <= node.gpus and self.memory <= node.memory

    def side_by_side(self, node: Node) -> int:
        """How many of it the node has room for."""
        asked = ((self.cpus, node.cpus), (self.gpus, node.gpus), (self.memory, node.memory))
        return min(int(has / wants + 1e-9) for wants, has in asked if wants)


def node(told: Mapping[str, object]) -> Node:
    """A node out of an entry of `ray.nodes()`."""
    has = told.get("Resources")
    assert isinstance(has, dict)
    name = f"{told.get('NodeManagerHostname')} ({told.get('NodeManagerAddress')})"
    return Node(name, has.get("CPU", 0.0), has.get("GPU", 0.0), has.get("memory", 0.0))


def demand(resources: Resources, nodes: Sequence[Node]) -> Demand:
    """What a run asks for. Without `resources.cpus` it gets a whole node, as it gets a whole machine elsewhere:
    all processors of the smallest node that has the rest.
    """
    asked = Demand(float(resources.cpus or 1), float(resources.gpus), resources.memory or 0)
    if resources.cpus is not None:
        return asked
    return Demand(min((one.cpus for one in nodes if asked.fits(one)), default=1.0), asked.gpus, asked.memory)


def check(asked: Demand, nodes: Sequence[Node], address: str) -> None:
    """Raises NoNodeOffers, which names what is asked for and what there is, where no node has it."""
    if any(asked.fits(one) for one in nodes):
        return
    found = "".join(f"\n    {one.name}: {_words(one.cpus, one.gpus, one.memory)}" for one in nodes) or " no node"
    raise NoNodeOffers(
        f"resources: a run asks for {_words(asked.cpus, asked.gpus, asked.memory)}, and no node of {address} "
        f"has that\n  found:{found}\n"
        "  ask for less in ml-experiment.yaml, or start a node that has it (ray start --num-cpus --num-gpus)\n"
        "nothing was run"
    )


def _words(cpus: float, gpus: float, memory: float) -> str:
    parts = (
        [f"{cpus:g} CPUs"] + ([f"{gpus:g} GPUs"] if gpus else []) + ([f"{memory / 2**30:.3g} GiB"] if memory else [])
    )
    return ", ".join(parts)
