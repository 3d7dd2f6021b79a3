"""Which addresses a request may go to that people gave us: everything public, and what the settings allow besides.

Pure but for `resolve`. It stands apart from `outbound`, for the child process that runs apprise loads it alone.
"""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

HTTPS, HTTP = 443, 80
_FIRST_FREE_PORT = 1024
_NAT64 = IPv6Network("64:ff9b::/96")
# They carry an IPv4 address, or lead somewhere that depends on this very network: no service lives there.
_WRAPPED = tuple(
    IPv6Network(each)
    for each in (
        "::/96",
        "::ffff:0:0/96",
        "::ffff:0:0:0/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
    )
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Forbidden(Exception):
    """The address is not one that a request may go to. The text names it: keep it from those who gave it."""


@dataclass(frozen=True)
class Destinations:
    """Public addresses, and the networks that are allowed all the same."""

    allowed: tuple[Network, ...] = ()

    @classmethod
    def of(cls, networks: str) -> "Destinations":
        """Read networks with commas between; ValueError where one is none."""
        return cls(tuple(ip_network(each.strip()) for each in networks.split(",") if each.strip()))

    def permits(self, address: str, port: int, *, encrypted: bool = True) -> bool:
        """Tell whether a connection to a numeric address may be made; without TLS to allowed networks only."""
        try:
            found = ip_address(address)
        except ValueError:
            # A name, or an address with a scope: what is connected to is always a number that was looked at.
            return False
        home = any(found in network for network in self.allowed if network.version == found.version)
        if not home and not is_public(found):
            return False
        if port == HTTP or not encrypted:
            return home and (port == HTTP or port >= _FIRST_FREE_PORT)
        return port == HTTPS or port >= _FIRST_FREE_PORT

    def choose(self, host: str, port: int, *, encrypted: bool = True) -> list[tuple[int, str]]:
        """Return family and numeric address of each permitted address of a host; raises `Forbidden`, `OSError`."""
        found = resolve(host, port)
        good = [each for each in found if self.permits(each[1], port, encrypted=encrypted)]
        if not good:
            tried = ", ".join(sorted({address for _, address in found}))
            raise Forbidden(f"{host} port {port} leads to {tried}")
        return good


def is_public(address: Address) -> bool:
    """Tell whether an address is reached over the internet, whoever asks (RFC 6890 and its registries)."""
    if isinstance(address, IPv6Address):
        if address.scope_id or any(address in network for network in _WRAPPED):
            return False
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        if address.is_site_local:
            return False
    return address.is_global and not (
        address.is_private
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or address.is_loopback
        or address.is_link_local
    )


def resolve(host: str, port: int) -> list[tuple[int, str]]:
    """Return family and numeric address of each address of a host, in the order to try them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(_unique((int(family), str(where[0])) for family, _, _, _, where in found))


def _unique(found: Iterable[tuple[int, str]]) -> dict[tuple[int, str], None]:
    return dict.fromkeys(found)
