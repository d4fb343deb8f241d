"""Where a request comes from, when a proxy stands in between. `X-Forwarded-*` is believed from known proxies only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from vivavoce.errors import ConfigError


class Proxies:
    """The proxies in front of us, as addresses and networks of both families."""

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        self._networks = tuple(networks)
        # Asked with each request, nearly always about the same few peers.
        self.trusts = lru_cache(maxsize=4_096)(self._trusts)

    @classmethod
    def of(cls, trusted: Iterable[str]) -> Proxies:
        """Raises ConfigError for what is neither an address nor a network."""
        networks = []
        for text in trusted:
            try:
                networks.append(ip_network(text, strict=False))
            except ValueError:
                raise ConfigError(f"server.trusted_proxies: {text!r} is neither an address nor a network") from None
        return cls(networks)

    def client(self, peer: str, forwarded: Sequence[str]) -> str:
        """The address of whoever asks: the last one in `X-Forwarded-For` that is no proxy of ours.

        Earlier entries are what the client itself claims. A malformed one ends the search: the proxy that passed
        it on is then the best that is known.
        """
        if not forwarded or not self.trusts(peer):
            return peer
        known = peer
        for entry in reversed(",".join(forwarded).split(",")):
            address = _plain(entry)
            if address is None:
                break
            known = address
            if not self.trusts(known):
                break
        return known

    def scheme(self, peer: str, own: str, forwarded: Sequence[str]) -> str:
        """How the client reached the outermost proxy."""
        if len(forwarded) == 1 and forwarded[0] in ("http", "https") and self.trusts(peer):
            return forwarded[0]
        return own

    def _trusts(self, address: str) -> bool:
        found = _address(address)
        return found is not None and any(found.version == net.version and found in net for net in self._networks)


@lru_cache(maxsize=4_096)
def is_local(address: str) -> bool:
    """Whether that is this machine itself."""
    found = _address(address)
    return found is not None and found.is_loopback


@lru_cache(maxsize=65_536)
def neighbourhood(address: str) -> str:
    """What counts as one address: an IPv6 customer owns a /64, so that is counted; an IPv4 address as it is."""
    found = _address(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))
    return str(found) if found else "unknown"


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _plain(entry: str) -> str | None:
    """An entry of `X-Forwarded-For`, which some proxies write with a port or brackets."""
    text = entry.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    found = _address(text)
    return str(found) if found else None
