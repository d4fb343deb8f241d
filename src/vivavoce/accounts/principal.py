"""Who is asking: the outcome of every authentication, handed down with the request or the session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vivavoce.accounts.permissions import TABLE, Permission, Role
from vivavoce.errors import Refused

Via = Literal["session", "token", "guest", "local"]
"""By a sign-in, by an API token, as nobody, or at this machine's own command line."""


@dataclass(frozen=True, slots=True)
class Principal:
    """`sign_in` is the id of the sign-in or of the API token: what is revoked when it is revoked."""

    user: str
    name: str
    role: Role
    sign_in: str
    via: Via
    scopes: frozenset[Permission]
    """What the role and the token's scopes allow together."""

    def may(self, permission: Permission) -> bool:
        return permission in self.scopes

    def require(self, permission: Permission) -> None:
        """Raises Refused."""
        if permission not in self.scopes:
            raise Refused(f"this needs the permission `{permission}`, which the role {self.role} does not have here")


GUEST_SCOPES = frozenset[Permission]({"talk", "apps.read"})


def guest() -> Principal:
    """Nobody in particular, where guests are let in: may talk, and nothing of it is kept."""
    return Principal("", "guest", "user", "", "guest", GUEST_SCOPES)


def scopes_of(role: Role) -> frozenset[Permission]:
    return TABLE[role]
