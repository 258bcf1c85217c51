"""Which addresses a public upstream may have: the last check before a connection, on the address itself.

The list is what an attacker wants from a gateway inside a network: its own host, its neighbours, and the cloud's
metadata service. `ipaddress` knows the registries of special ranges; what it does not do is look inside an IPv6
address that carries an IPv4 one, which a translator on the way (NAT64, 6to4, Teredo) would unwrap. So those are
unwrapped here and judged as both. An address that is not certainly public is refused.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

_REFUSED_4: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; 0.0.0.0 connects to this host
        "100.64.0.0/10",  # carrier-grade NAT, and some clouds' metadata (100.100.100.200)
        "168.63.129.16/32",  # a cloud's host agent, at an otherwise public address
        "192.0.0.0/24",  # protocol assignments; 192.0.0.192 is a cloud's metadata
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",  # benchmarks
    )
)
_REFUSED_6: Final = tuple(
    IPv6Network(network)
    for network in (
        "64:ff9b:1::/48",  # NAT64 for local use: unwraps into private networks by design
        "100::/64",  # discard
        "2001::/23",  # protocol assignments, Teredo (2001::/32) among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fc00::/7",  # unique local; fd00:ec2::254 is a cloud's metadata
        "fec0::/10",  # site local
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})
"""The upper half of an interface identifier whose lower half is an IPv4 address."""


def is_public(address: Address) -> bool:
    """Whether an upstream that the operator did not place in a private network may be at `address`.

    False for loopback, private, link-local (metadata services among them), carrier-grade NAT, multicast, unspecified,
    reserved and documentation ranges; for IPv6 addresses of transition mechanisms (6to4, Teredo, NAT64 for local use);
    and for IPv6 addresses that carry an IPv4 address of that kind (mapped, compatible, NAT64, ISATAP).
    """
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and not _within(address, _REFUSED_4)
    carried = _carried(address)
    if carried is not None:
        return is_public(carried)
    return (
        address.scope_id is None
        and address.is_global
        and not address.is_multicast
        and not any(address in network for network in _REFUSED_6)
    )


def _within(address: IPv4Address, networks: tuple[IPv4Network, ...]) -> bool:
    return any(address in network for network in networks)


def _carried(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for, or None."""
    bits = int(address)
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64 or address in _COMPATIBLE or (bits >> 32) & 0xFFFFFFFF in _ISATAP:
        return IPv4Address(bits & 0xFFFFFFFF)
    return None
