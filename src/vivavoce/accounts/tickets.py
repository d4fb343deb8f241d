"""Tickets for one WebSocket: browsers cannot send a header with an upgrade, and a token in a URL would be logged."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Final

from vivavoce.accounts.authenticate import Authenticator
from vivavoce.accounts.principal import Principal, guest
from vivavoce.errors import Unauthorised
from vivavoce.storage.cache.port import Cache

LENGTH: Final = 43
"""256 bits in base64url."""


class Tickets:
    """Single-use, bound to user, path and origin, alive `life_s` seconds in the cache that all processes share."""

    def __init__(self, cache: Cache, authenticator: Authenticator, life_s: int) -> None:
        self._cache = cache
        self._authenticator = authenticator
        self.life_s = life_s

    async def issue(self, principal: Principal, path: str, origin: str) -> str:
        """A ticket. Raises StorageUnavailable."""
        ticket = secrets.token_urlsafe(32)
        held = {
            "user": principal.user, "sign_in": principal.sign_in, "via": principal.via, "path": path, "origin": origin,
        }  # fmt: skip
        await self._cache.put(_key(ticket), json.dumps(held).encode(), self.life_s)
        return ticket

    async def take(self, ticket: str, path: str, origin: str) -> Principal:
        """Whose it is, as he is now; the ticket is gone, also when it was shown in the wrong place.

        Raises Unauthorised `ticket_invalid`, or `token_revoked` when the sign-in has ended since; StorageUnavailable.
        """
        found = await self._cache.take(_key(ticket)) if len(ticket) == LENGTH and ticket.isascii() else None
        held = json.loads(found) if found is not None else None
        if held is None or held["path"] != path or held["origin"] != origin:
            raise Unauthorised("this ticket is not valid here", code="ticket_invalid")
        if held["via"] == "guest":
            return guest()
        # Only who it was is believed; what he may is asked for again.
        return await self._authenticator.confirm(held["via"], held["user"], held["sign_in"])


def _key(ticket: str) -> str:
    return "ticket:" + hashlib.sha256(ticket.encode()).hexdigest()
