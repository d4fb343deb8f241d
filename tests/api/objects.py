"""For each path with parameters: an object of somebody's own, made for real, as the parameters of the path.

A new route with a parameter has to be added here, or the matrix test fails.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from api.house import House, Person
from vivavoce.accounts.actor import LOCAL_OPERATOR, Whence
from vivavoce.registry.persona import Persona
from vivavoce.storage.models import LiveSession

Parameters = Mapping[str, str]
Make = Callable[[House, Person], Awaitable[Parameters]]


async def sign_in(here: House, owner: Person) -> Parameters:
    link = await here.accounts.links.issue(LOCAL_OPERATOR, owner.id)
    return {"id": (await here.accounts.credentials.with_link(link.secret, Whence("127.0.0.1"))).sign_in}


async def token(here: House, owner: Person) -> Parameters:
    made = await here.accounts.api_tokens.create(LOCAL_OPERATOR, owner.id, "t", owner.role, days=1)
    return {"id": made.view.id}


async def session(here: House, owner: Person) -> Parameters:
    name = secrets.token_hex(8)
    async with here.database.writing() as rows:
        rows.add(
            LiveSession(
                owner_id=owner.id, id=name, conversation_id="0" * 32, gateway="g", kind="duplex", token_hash=b"",
                snapshot=b"", seen_at=here.clock(),
            )
        )  # fmt: skip
    return {"owner": owner.id, "id": name}


async def another_user(here: House, _: Person) -> Parameters:
    made = await here.accounts.users.create(LOCAL_OPERATOR, f"u{secrets.token_hex(6)}", "user")
    return {"id": made.id}


async def an_app(here: House, _: Person) -> Parameters:
    name = f"a{secrets.token_hex(6)}"
    await here.registry.apps.create(LOCAL_OPERATOR, name, Persona(name="An app"))
    return {"id": name}


OWNED: Final[Mapping[str, Make]] = {
    "/api/me/sign-ins/{id}": sign_in,
    "/api/me/tokens/{id}": token,
    "/api/sessions/{owner}/{id}": session,
}
"""Objects that belong to somebody: to others they are not there."""

COMMON: Final[Mapping[str, Make]] = {
    "/api/users/{id}": another_user,
    "/api/users/{id}/link": another_user,
    "/api/users/{id}/sign-out": another_user,
    "/api/users/{id}/sign-ins": another_user,
    "/api/apps/{id}": an_app,
    "/api/apps/{id}/versions": an_app,
    "/api/apps/{id}/revert": an_app,
}
"""Objects that belong to the house."""

SEES_ALL: Final[Mapping[str, str]] = {"/api/sessions/{owner}/{id}": "sessions.all"}
"""With this permission others' are there, too."""

OWN_ROLE: Final = "…"
"""Stands for the role of whoever calls."""

BODIES: Final[Mapping[tuple[str, str], Any]] = {
    ("POST", "/api/auth/ticket"): {"path": "/ws"},
    ("PATCH", "/api/me"): {"display_name": "Ann"},
    ("POST", "/api/me/tokens"): {"name": "ci", "role": OWN_ROLE, "scopes": ["self"]},
    ("POST", "/api/users"): {"name": "new"},
    ("PATCH", "/api/users/{id}"): {"display_name": "Ben"},
    ("POST", "/api/users/{id}/link"): {},
    ("POST", "/api/apps"): {"id": "new-app", "name": "New"},
    ("PUT", "/api/apps/{id}"): {"name": "Changed"},
    ("PATCH", "/api/apps/{id}"): {"enabled": False},
    ("POST", "/api/apps/{id}/revert"): {"version": 1},
    ("PATCH", "/api/settings"): {"values": {"turn.patience": 1.2}},
    ("POST", "/api/doctor/try"): {"kind": "tts"},
}
"""Bodies that do something; without one a route that wants a body answers 422 to those it lets in."""
