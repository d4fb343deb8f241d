"""`/api/sessions`: who talks now, on whichever server."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import Field

from vivavoce.api.context import Who
from vivavoce.api.models import Cursor, Id, Limit, Page, Time, View
from vivavoce.api.routing import Routes
from vivavoce.errors import Missing
from vivavoce.registry.sessions import LiveSessions, Living

SessionId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["k3v9a0qx"])]


class SessionView(View):
    """A session that lives. Nothing of what is said."""

    owner: Id
    owner_name: str
    id: str
    conversation: str = Field(description="Id of the conversation that is being kept.")
    gateway: str
    kind: str = Field(examples=["duplex"])
    app: str = Field(description="Empty before the first turn.")
    language: str
    channel: str
    turns: int
    started_at: Time
    seen_at: Time


class SessionsApi:
    """What answers `/api/sessions`."""

    routes = Routes("/api/sessions", "sessions")

    def __init__(self, sessions: LiveSessions) -> None:
        self._sessions = sessions

    @routes.get("", permission=("talk", "live", "sessions.all"))
    async def list_sessions(self, who: Who, cursor: Cursor = None, limit: Limit = 50) -> Page[SessionView]:
        """One's own; everybody's with `live` or `sessions.all`."""
        principal = who.principal
        everybody = principal.may("live") or principal.may("sessions.all")
        page = await self._sessions.page(None if everybody else principal.user, cursor=cursor, limit=limit)
        return Page(items=[_view(one) for one in page.items], next=page.next)

    @routes.delete("/{owner}/{id}", permission=("talk", "sessions.all"), status=204)
    async def end_session(self, owner: Id, id: SessionId, who: Who) -> None:
        """End one's own, or anybody's with `sessions.all`. The client is told why."""
        if owner != who.principal.user and not who.principal.may("sessions.all"):
            raise Missing("there is no such session, or it has ended")
        await self._sessions.end(who, owner, id)


def _view(one: Living) -> SessionView:
    return SessionView.model_validate(one)
