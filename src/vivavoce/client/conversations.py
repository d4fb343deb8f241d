"""Conversations that are kept: found, read, heard, shared, deleted; and how many there were."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Literal

from vivavoce.client import forms
from vivavoce.client.pages import pages
from vivavoce.client.transport import Transport

PIECE = 64 << 10


class Conversations:
    """`/api/conversations`. `words=True` shows others' words to those who may see them, and is audited."""

    def __init__(self, wire: Transport) -> None:
        self._wire = wire

    def list(
        self,
        query: str = "",
        *,
        app: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        owner: str | None = None,
        words: bool = False,
    ) -> AsyncIterator[forms.Conversation]:
        """The newest first. `owner`: somebody's id, or `*` for everybody; None: one's own."""
        asked = {"q": query, "app": app, "from": since, "to": until, "owner": owner, "words": words or None}
        return pages(self._wire, "/api/conversations", forms.Conversation, asked)

    async def get(self, id: str, *, words: bool = False) -> forms.Detail:
        return await self._wire.call("GET", _of(id), forms.Detail, query=_words(words))

    def turns(self, id: str, *, words: bool = False) -> AsyncIterator[forms.Turn]:
        """Those that are over, in their order."""
        return pages(self._wire, f"{_of(id)}/turns", forms.Turn, _words(words))

    async def inspect(self, id: str, reply: int, *, words: bool = False) -> forms.Inspection:
        """One turn, opened."""
        return await self._wire.call("GET", f"{_of(id)}/turns/{reply}", forms.Inspection, query=_words(words))

    async def sound(self, id: str, *, recording: str | None = None, words: bool = False) -> AsyncIterator[bytes]:
        """The Ogg Opus file, user left and reply right, in pieces."""
        asked = {**_words(words), "recording": recording}
        async with self._wire.stream(f"{_of(id)}/sound", asked) as response:
            async for piece in response.aiter_bytes(PIECE):
                yield piece

    async def peaks(self, id: str, *, recording: str | None = None, words: bool = False) -> forms.Peaks:
        asked = {**_words(words), "recording": recording}
        return await self._wire.call("GET", f"{_of(id)}/peaks", forms.Peaks, query=asked)

    async def download(self, id: str, *, words: bool = False) -> AsyncIterator[bytes]:
        """A zip with sound, turns and subtitles, in pieces."""
        async with self._wire.stream(f"{_of(id)}/download", _words(words)) as response:
            async for piece in response.aiter_bytes(PIECE):
                yield piece

    async def delete(self, id: str) -> forms.Receipt:
        return await self._wire.call("DELETE", _of(id), forms.Receipt)

    async def delete_all(self) -> forms.Receipt:
        """All of one's own."""
        return await self._wire.call("DELETE", "/api/conversations", forms.Receipt)

    def shares(self, id: str) -> AsyncIterator[forms.Share]:
        return pages(self._wire, f"{_of(id)}/shares", forms.Share)

    async def share(self, id: str, days: int | None = None) -> forms.NewShare:
        """A link for whoever has it."""
        return await self._wire.call("POST", f"{_of(id)}/shares", forms.NewShare, body={"days": days})

    async def revoke_share(self, id: str, share: str) -> None:
        await self._wire.send("DELETE", f"{_of(id)}/shares/{share}")

    async def open_share(self, secret: str) -> forms.Shared:
        """What stands behind the `#` of a link; counts as a view."""
        return await self._wire.call("POST", "/api/shared", forms.Shared, body={"secret": secret})


class Statistics:
    """`/api/statistics`."""

    def __init__(self, wire: Transport) -> None:
        self._wire = wire

    async def get(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        by: Literal["hour", "day"] = "hour",
        owner: str | None = None,
    ) -> forms.Statistics:
        """Of the last week, where nothing else is said."""
        asked = {"from": since, "to": until, "by": by, "owner": owner}
        return await self._wire.call("GET", "/api/statistics", forms.Statistics, query=asked)


def _of(id: str) -> str:
    return f"/api/conversations/{id}"


def _words(words: bool) -> dict[str, bool | None]:
    return {"words": words or None}
