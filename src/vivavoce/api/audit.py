"""`/api/audit`: who did what. It can be read and taken away, never changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec
from fastapi import Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from vivavoce.accounts.audit import Audit, Entry, Filter
from vivavoce.accounts.audit_check import AuditCheck
from vivavoce.api.context import Who
from vivavoce.api.models import Cursor, JsonObject, Limit, Page, Time, View, When, moment, ms
from vivavoce.api.routing import Routes

JSON_LINES: Final = "application/jsonl"

WhoDid = Annotated[str, Query(alias="who", max_length=32, description="Id of a user.")]
What = Annotated[str, Query(max_length=48, description="An act, or the beginning of some: `user.`")]
Since = Annotated[When | None, Query(alias="from")]
Until = Annotated[When | None, Query(alias="to")]
Object = Annotated[str, Query(alias="object", max_length=64, description="Id of what it was done to.")]


class EntryView(View):
    """One act."""

    seq: int
    at: Time
    actor_id: str
    actor_name: str = Field(description="Empty once the user is deleted.")
    actor_role: str
    act: str = Field(examples=["user.create"])
    object_kind: str
    object_id: str
    address: str = Field(description="The network it came from.")
    outcome: str = Field(examples=["ok"])
    detail: JsonObject


class ChainView(View):
    """Whether every row still follows from the one before."""

    whole: bool
    rows: int = Field(description="That were looked at.")
    vouched_to: int = Field(description="Up to here a checkpoint vouches for them; later ones are only chained.")
    broken_at: int | None = Field(description="The first row that does not match; nothing after it is proven.")
    detail: str = Field(description="The same for people.")


class AuditApi:
    """What answers `/api/audit`."""

    routes = Routes("/api/audit", "audit")

    def __init__(self, audit: Audit, check: AuditCheck) -> None:
        self._audit = audit
        self._check = check

    @routes.get("", permission="audit")
    async def list_audit(
        self,
        who: WhoDid = "",
        what: What = "",
        since: Since = None,
        until: Until = None,
        object_id: Object = "",
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[EntryView]:
        """Acts, the newest first."""
        wanted = Filter(who, what, ms(since), ms(until), object_id)
        page = await self._audit.page(wanted, cursor=cursor, limit=limit)
        return Page(items=[EntryView.model_validate(entry) for entry in page.items], next=page.next)

    @routes.get("/export", permission="audit", limit="export", media=JSON_LINES)
    async def export_audit(
        self, asked: Who, who: WhoDid = "", what: What = "", since: Since = None, until: Until = None
    ) -> StreamingResponse:
        """All of them as JSON Lines, the oldest first."""
        lines = self._lines(Filter(who, what, ms(since), ms(until)))
        headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
        return StreamingResponse(lines, media_type=JSON_LINES, headers=headers)

    @routes.get("/chain", permission="audit", limit="export")
    async def check_chain(self) -> ChainView:
        """Whether anything was changed, cut out or cut off."""
        return ChainView.model_validate(await self._check.run())

    async def _lines(self, wanted: Filter) -> AsyncIterator[bytes]:
        seq = 0
        while entries := await self._audit.after(wanted, seq):
            yield b"".join(_line(entry) for entry in entries)
            seq = entries[-1].seq


def _line(entry: Entry) -> bytes:
    return msgspec.json.encode(msgspec.to_builtins(entry) | {"at": moment(entry.at)}) + b"\n"
