"""The network of an address: what is stored instead of it, and what failures are counted by."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network


@lru_cache(maxsize=4096)
def network(address: str) -> str:
    """The /24 of an IPv4 address, the /56 of an IPv6 one (what a household gets); empty for anything else."""
    return _cut(address, 24, 56)


@lru_cache(maxsize=4096)
def single(address: str) -> str:
    """The address itself; of IPv6 the /64, in which one machine can have as many as it likes. Else as it is."""
    return _cut(address, 32, 64) or address


def _cut(address: str, four: int, six: int) -> str:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return str(ip_network((parsed, six if isinstance(parsed, IPv6Address) else four), strict=False))
