"""Who may speak to us at all: Host and Origin allow-lists, the same for HTTP and for upgrades.

A page from anywhere can make the user's own browser dial 127.0.0.1, and a name can be rebound to it.
The Host list stops the second, the Origin list the first; both also hold on loopback.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from vivavoce.errors import ConfigError

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

_HOST = re.compile(r"^(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(?::(?P<port>[0-9]{1,5}))?$")


@dataclass(frozen=True, slots=True)
class Access:
    """`hosts` are names without a port, `origins` whole origins of other pages (`https://app.example`)."""

    hosts: frozenset[str] = LOOPBACK_NAMES
    origins: frozenset[str] = frozenset()
    addresses: bool = False
    """Numeric addresses are answered, whichever: nobody can rebind one. For servers that the network reaches."""

    @classmethod
    def allowing(cls, hosts: Iterable[str] = (), origins: Iterable[str] = (), *, addresses: bool = False) -> Access:
        """Loopback names and those given. Raises ConfigError for what is no name or no origin."""
        names = frozenset(_name(host) for host in hosts)
        return cls(LOOPBACK_NAMES | names, frozenset(_origin(origin) for origin in origins), addresses)

    def refusal(self, hosts: Sequence[str], origins: Sequence[str]) -> str | None:
        """Why a request with these Host and Origin headers is refused, or None.

        Without an Origin the peer is no browser page. `null` (a sandboxed frame, a file) never passes.
        """
        if len(hosts) != 1 or not (host := _HOST.match(hosts[0].lower())):
            return "exactly one Host header with a name is needed"
        if host["name"] not in self.hosts and not (self.addresses and _is_address(host["name"])):
            return "this name is not in the list of hosts"
        if not origins:
            return None
        if len(origins) > 1:
            return "more than one Origin header"
        origin = origins[0].lower()
        here = hosts[0].lower()
        if origin in (f"http://{here}", f"https://{here}") or origin in self.origins:
            return None
        return "pages of this origin may not use this server"


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _name(text: str) -> str:
    found = _HOST.match(text.lower())
    if not found or found["port"]:
        raise ConfigError(f"allowed host {text!r} is no name (write it without scheme and port)")
    return found["name"]


def _origin(text: str) -> str:
    parts = urlsplit(text.lower())
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/") or parts.query:
        raise ConfigError(f"allowed origin {text!r} is not of the form https://name[:port]")
    return f"{parts.scheme}://{parts.netloc}"
