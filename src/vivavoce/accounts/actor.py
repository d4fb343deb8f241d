"""Who does something and from where: what every act is recorded with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from vivavoce.accounts.permissions import PERMISSIONS, Role
from vivavoce.accounts.principal import Principal, scopes_of
from vivavoce.storage.models import User


@dataclass(frozen=True, slots=True)
class Whence:
    """Where a request came from: the peer's whole address (only its network is ever stored), its program, its id."""

    address: str = ""
    agent: str = ""
    request: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody, from somewhere."""

    principal: Principal
    whence: Whence = Whence()


_ALL: Final = frozenset(PERMISSIONS)

LOCAL_OPERATOR: Final = Actor(Principal("", "local operator", "admin", "", "local", _ALL))
"""Whoever may run commands on this machine as the server's own user."""
SYSTEM: Final = Actor(Principal("", "system", "admin", "", "local", _ALL))
"""The server itself: first start, rotation, what runs out."""


def of_user(user: User, sign_in: str, whence: Whence) -> Actor:
    """A user who is coming in right now."""
    role = cast(Role, user.role)
    return Actor(Principal(user.id, user.name, role, sign_in, "session", scopes_of(role)), whence)
