"""What an operator looks at: live sessions, the audit, the settings, the doctor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from vivavoce.client import forms
from vivavoce.client.pages import pages
from vivavoce.client.transport import Transport


class Sessions:
    """`/api/sessions`."""

    def __init__(self, wire: Transport) -> None:
        self._wire = wire

    def list(self) -> AsyncIterator[forms.Session]:
        """One's own, or everybody's for those who may see them."""
        return pages(self._wire, "/api/sessions", forms.Session)

    async def end(self, owner: str, id: str) -> None:
        await self._wire.send("DELETE", f"/api/sessions/{owner}/{id}")


class AuditLog:
    """`/api/audit`."""

    def __init__(self, wire: Transport) -> None:
        self._wire = wire

    def list(
        self, *, who: str = "", what: str = "", since: datetime | None = None, until: datetime | None = None
    ) -> AsyncIterator[forms.Entry]:
        """The newest first. `what`: an act, or the beginning of some (`user.`)."""
        return pages(self._wire, "/api/audit", forms.Entry, {"who": who, "what": what, "from": since, "to": until})

    async def export(self) -> AsyncIterator[forms.Entry]:
        """All of them, the oldest first."""
        async with self._wire.stream("/api/audit/export") as response:
            async for line in response.aiter_lines():
                yield msgspec.json.decode(line, type=forms.Entry)

    async def check(self) -> forms.Chain:
        """Whether the chain is whole."""
        return await self._wire.call("GET", "/api/audit/chain", forms.Chain)


class Settings:
    """`/api/settings`."""

    def __init__(self, wire: Transport) -> None:
        self._wire = wire

    async def get(self) -> forms.Settings:
        return await self._wire.call("GET", "/api/settings", forms.Settings)

    async def change(self, values: Mapping[str, Any], version: int) -> forms.Settings:
        """All or none; None takes a value back. Raises BadInput with `fields`, Conflict (`changed`)."""
        return await self._wire.call(
            "PATCH", "/api/settings", forms.Settings, body={"values": dict(values)}, version=version
        )


class Doctor:
    """`/api/doctor`."""

    def __init__(self, wire: Transport) -> None:
        self._wire = wire

    async def examine(self) -> forms.Doctor:
        return await self._wire.call("GET", "/api/doctor", forms.Doctor)

    async def try_out(self, kind: Literal["vad", "asr", "llm", "tts"]) -> forms.Tried:
        """One sentence through one part."""
        return await self._wire.call("POST", "/api/doctor/try", forms.Tried, body={"kind": kind})
