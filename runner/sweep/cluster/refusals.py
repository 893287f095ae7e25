"""Why a cluster cannot be used: each situation its own error."""

from experiment.errors import InfrastructureFailed, Refused


class WrongAddress(Refused):
    """What is given as the cluster's address is none."""


class RayMissing(Refused):
    """Ray is not installed beside ml-experiment."""


class NotInTheCluster(Refused):
    """The address is right, and this machine is no node of that cluster."""


class TokenRefused(Refused):
    """The cluster asks for a token, and this is not it."""


class OtherVersions(Refused):
    """Python, Ray or ml-experiment of the cluster or of a node is another than here."""


class NoNodeOffers(Refused):
    """A run asks for more than any node of the cluster has."""


class Unreachable(InfrastructureFailed):
    """Nothing answers at the address, or not in time, or it is no Ray."""


class ClusterLost(InfrastructureFailed):
    """The connection to the whole cluster broke."""


class NodeFailed(InfrastructureFailed):
    """A node cannot make runs, for a reason that is not the experiment's."""


class NodeRefused(Refused):
    """A node refuses to make runs: its environment, its data or its resources are not what is asked."""


class FileChanged(Refused):
    """A file of the tree changed while it was being sent."""
