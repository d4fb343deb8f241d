"""For each path with parameters: an object of somebody's own, made for real, as the parameters of the path.

A new route with a parameter has to be added here, or the matrix test fails.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from api.house import House, Person
from archive.people import conversation
from vivavoce.accounts.actor import LOCAL_OPERATOR, Whence
from vivavoce.registry.persona import Persona
from vivavoce.storage.clock import DAY
from vivavoce.storage.ids import new_id
from vivavoce.storage.models import LiveSession, Share

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


async def talk(here: House, owner: Person) -> Parameters:
    """A conversation with a turn, without sound."""
    return {"id": await conversation(here.database, owner.id, ["what time is it"])}


async def turn(here: House, owner: Person) -> Parameters:
    return {**await talk(here, owner), "reply": "1"}


async def share(here: House, owner: Person) -> Parameters:
    found, link = await talk(here, owner), new_id()
    async with here.database.writing() as rows:
        rows.add(
            Share(
                id=link, conversation_id=found["id"], owner_id=owner.id, hash=secrets.token_bytes(32),
                created_at=here.clock(), expires_at=here.clock() + DAY,
            )
        )  # fmt: skip
    return {**found, "share": link}


OWNED: Final[Mapping[str, Make]] = {
    "/api/me/sign-ins/{id}": sign_in,
    "/api/me/tokens/{id}": token,
    "/api/sessions/{owner}/{id}": session,
    "/api/conversations/{id}": talk,
    "/api/conversations/{id}/turns": talk,
    "/api/conversations/{id}/turns/{reply}": turn,
    "/api/conversations/{id}/sound": talk,
    "/api/conversations/{id}/peaks": talk,
    "/api/conversations/{id}/download": talk,
    "/api/conversations/{id}/shares": talk,
    "/api/conversations/{id}/shares/{share}": share,
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

SEES_ALL: Final[Mapping[tuple[str, str], str]] = {
    ("DELETE", "/api/sessions/{owner}/{id}"): "sessions.all",
    ("GET", "/api/conversations/{id}"): "history.timings",
    ("GET", "/api/conversations/{id}/turns"): "history.timings",
    ("GET", "/api/conversations/{id}/turns/{reply}"): "history.timings",
    ("GET", "/api/conversations/{id}/sound"): "history.words",
    ("GET", "/api/conversations/{id}/peaks"): "history.words",
    ("GET", "/api/conversations/{id}/download"): "history.words",
}
"""With this permission others' are there, too."""

SILENT: Final = frozenset({"/api/conversations/{id}/sound", "/api/conversations/{id}/peaks"})
"""Of a conversation without sound these are not there for its owner either."""

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
    ("POST", "/api/conversations/{id}/shares"): {"days": 1},
    ("PATCH", "/api/settings"): {"values": {"turn.patience": 1.2}},
    ("POST", "/api/doctor/try"): {"kind": "tts"},
}
"""Bodies that do something; without one a route that wants a body answers 422 to those it lets in."""
