"""The network of an address: what is stored instead of it, and what failures are counted by."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network


@lru_cache(maxsize=4096)
def network(address: str) -> str:
    """The /24 of an IPv4 address, the /56 of an IPv6 one (what a household gets); empty for anything else."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    bits = 56 if isinstance(parsed, IPv6Address) else 24
    return str(ip_network((parsed, bits), strict=False))
