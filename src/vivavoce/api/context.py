"""What the door leaves with a request, as handlers take it: who asks, and from where."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from vivavoce.accounts.actor import Actor, Whence
from vivavoce.accounts.principal import Principal, guest


def principal_of(request: Request) -> Principal | None:
    """As the door found it; None for nobody."""
    found = request.scope.get("state", {}).get("principal")
    return found if isinstance(found, Principal) else None


def whence(request: Request) -> Whence:
    """The address (behind a trusted proxy the door has put the client's own there), program and request."""
    address = request.client.host if request.client else ""
    agent = request.headers.get("user-agent", "")[:200]
    return Whence(address, agent, str(request.scope.get("state", {}).get("request_id", "")))


async def _actor(request: Request) -> Actor:
    # A route that lets nobody in has been refused before; on a public one nobody in particular acts.
    return Actor(principal_of(request) or guest(), whence(request))


async def _whence(request: Request) -> Whence:
    return whence(request)


Who = Annotated[Actor, Depends(_actor)]
"""Parameter of a handler: who asks."""
From = Annotated[Whence, Depends(_whence)]
"""Parameter of a public handler: from where."""
