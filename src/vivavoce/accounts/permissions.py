"""The one permission table. Routes, sockets and commands name a permission; roles are rows of this table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

Role = Literal["admin", "operator", "user", "viewer", "device"]

Permission = Literal[
    "self",  # one's own profile, password, sign-ins and tokens
    "talk",  # open conversations
    "history.own",  # one's own conversations: words, sound, sharing, deleting
    "history.timings",  # everybody's, without a word of them
    "history.words",  # everybody's words and sound; each look is audited
    "live",  # who talks now, without words
    "sessions.all",  # everybody's live sessions, and ending them
    "apps.read",
    "apps.write",
    "users",
    "audit",
    "settings",
    "metrics",
]

ROLES: Final = get_args(Role)
PERMISSIONS: Final = get_args(Permission)

_VIEWER: Final[frozenset[Permission]] = frozenset({"self", "live", "apps.read"})
_USER: Final[frozenset[Permission]] = frozenset({"self", "talk", "history.own", "apps.read"})
_OPERATOR: Final[frozenset[Permission]] = (
    _USER | _VIEWER | {"history.timings", "history.words", "sessions.all", "metrics"}
)

TABLE: Final[Mapping[Role, frozenset[Permission]]] = {
    "admin": frozenset(PERMISSIONS),
    "operator": _OPERATOR,
    "user": _USER,
    "viewer": _VIEWER,
    "device": frozenset({"talk", "apps.read"}),
}


def allowed(role: Role, permission: Permission) -> bool:
    return permission in TABLE[role]
