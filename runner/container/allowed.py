"""The allow-list of `resources.network`: which host and port a run may reach, and at which addresses. Pure."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from experiment.errors import Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
USUAL_PORTS = (80, 443)
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",  # this machine, by another name
            "::/128",
            "169.254.0.0/16",  # link-local: metadata and credentials of cloud machines
            "fe80::/10",
            "fd00:ec2::/32",  # the same, of Amazon
            "168.63.129.16/32",  # of Azure
            "100.100.100.200/32",  # of Alibaba
            "192.0.0.192/32",  # of Oracle
            "224.0.0.0/4",
            "ff00::/8",
            "255.255.255.255/32",
        ),
    )
)
_FOUR_IN_SIX = ipaddress.ip_network("64:ff9b::/96")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_PLACE = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<host>[^:\[\]]+)):(?P<port>[0-9]{1,5})")


class NetworkRefused(Refused):
    """An entry of `resources.network` names no host that could be allowed."""

    def __init__(self, entry: str, why: str) -> None:
        super().__init__(
            f"ml-experiment.yaml: resources.network: {entry[:100]!a}: {why}\n"
            "  write host names (data.example.org), all names below one (*.example.org), or addresses, each with a "
            "port where it is neither 80 nor 443 (mirror.example.org:8080)\nnothing was run"
        )


@dataclass(frozen=True)
class Place:
    """What a program asks for: a host, in lower case without a dot at its end, and a port."""

    host: str
    port: int

    @property
    def address(self) -> Address | None:
        """The address that the host is, where it is none with a name."""
        return _address(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Entry:
    """One line of the list. `below`: names below `host`, not itself. No port: the usual ones."""

    host: str
    below: bool
    port: int | None

    def permits(self, place: Place) -> bool:
        """Whether this entry is about that place."""
        if place.port not in ((self.port,) if self.port is not None else USUAL_PORTS):
            return False
        return place.host.endswith(f".{self.host}") if self.below else place.host == self.host


@dataclass(frozen=True)
class Allowed:
    """The list. What it does not name is not reached."""

    entries: tuple[Entry, ...]

    def permits(self, place: Place) -> bool:
        """Whether a program may ask for this place; `reaches` says at which addresses it may be found."""
        return any(entry.permits(place) for entry in self.entries)

    def reaches(self, place: Place, address: Address) -> bool:
        """Whether a permitted place may be reached at this address, which a stranger's name server may have told.

        Public ones, yes. Private ones only for a name that is listed itself, this machine's own loopback only for
        `localhost`; either, where the address is listed. Link-local ones, which tell cloud credentials, never.
        """
        address = _embedded(address)
        if _never(address):
            return False
        if self.permits(Place(str(address), place.port)) or address.is_global:
            return True
        by_name = any(entry.permits(place) and not entry.below for entry in self.entries)
        return by_name and (place.host == "localhost" or not address.is_loopback)


def parse(entries: Sequence[str]) -> Allowed:
    """The list as the experiment file writes it. Raises NetworkRefused."""
    return Allowed(tuple(map(_entry, entries)))


def place_of(text: str) -> Place | None:
    """`host:port` as a program asks for it, `[…]` around an IPv6 address; None where it is none."""
    found = _PLACE.fullmatch(text)
    if found is None or not 0 < int(found["port"]) < 65536:
        return None
    if found["six"] and not isinstance(_address(found["six"]), ipaddress.IPv6Address):
        return None
    host = _host(found["six"] or found["host"])
    return None if host is None else Place(host, int(found["port"]))


def _entry(text: str) -> Entry:
    below, rest = text.startswith("*."), text.removeprefix("*.")
    host, port = _host(rest), None
    if host is None:
        place = place_of(rest)
        if place is None:
            bare = _host(rest.removeprefix("[").removesuffix("]")) if rest.startswith("[") else None
            if bare is None:
                raise NetworkRefused(text, "not a host name, an address, or one of them with a port")
            host = bare
        else:
            host, port = place.host, place.port
    address = _address(host)
    if address is not None and below:
        raise NetworkRefused(text, "an address has no names below it")
    if address is not None and _never(_embedded(address)):
        raise NetworkRefused(text, "this address is never reachable: cloud machines tell their credentials at such")
    return Entry(host, below, port)


def _host(text: str) -> str | None:
    """A name or address in the one way it is compared; None for anything else."""
    address = _address(text)
    if address is not None:
        return str(_embedded(address))
    try:
        name = text.removesuffix(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    labels = name.split(".")
    if len(name) > 253 or not all(map(_LABEL.fullmatch, labels)):
        return None
    # 0x7f.1 and 2130706433 are addresses to some resolvers, and names to nobody
    return None if re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)", labels[-1]) else name


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return None if isinstance(address, ipaddress.IPv6Address) and address.scope_id else address


def _embedded(address: Address) -> Address:
    """The IPv4 address that is within an IPv6 one, by whichever way it would be reached."""
    if isinstance(address, ipaddress.IPv6Address):
        within = address.ipv4_mapped or address.sixtofour
        if within is None and address in _FOUR_IN_SIX:
            within = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return within or address
    return address


def _never(address: Address) -> bool:
    return any(address in network for network in _NEVER)
