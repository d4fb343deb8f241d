"""The apps of a server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from vivavoce.client import forms
from vivavoce.client.pages import pages
from vivavoce.client.transport import Transport


class Apps:
    """`/api/apps`. Changes take the app as it was read, so that nobody's change is lost (Conflict `changed`)."""

    def __init__(self, wire: Transport) -> None:
        self._wire = wire

    def list(self) -> AsyncIterator[forms.AppSummary]:
        return pages(self._wire, "/api/apps", forms.AppSummary)

    async def get(self, id: str) -> forms.App:
        return await self._wire.call("GET", f"/api/apps/{id}", forms.App)

    async def create(self, id: str, body: forms.AppBody) -> forms.App:
        """Raises Conflict when the id is taken."""
        given = {"id": id, **msgspec.to_builtins(body)}
        return await self._wire.call("POST", "/api/apps", forms.App, body=given)

    async def change(self, app: forms.AppSummary, body: forms.AppBody) -> forms.App:
        """A new version."""
        return await self._wire.call("PUT", f"/api/apps/{app.id}", forms.App, body=body, version=_state(app))

    async def switch(self, app: forms.AppSummary, enabled: bool) -> forms.App:
        """On or off, at once."""
        body = {"enabled": enabled}
        return await self._wire.call("PATCH", f"/api/apps/{app.id}", forms.App, body=body, version=_state(app))

    async def delete(self, id: str) -> None:
        await self._wire.send("DELETE", f"/api/apps/{id}")

    def versions(self, id: str) -> AsyncIterator[forms.AppVersion]:
        return pages(self._wire, f"/api/apps/{id}/versions", forms.AppVersion)

    async def revert(self, app: forms.AppSummary, version: int) -> forms.App:
        """A new version with the body of an old one."""
        path, body = f"/api/apps/{app.id}/revert", {"version": version}
        return await self._wire.call("POST", path, forms.App, body=body, version=_state(app))


def _state(app: forms.AppSummary) -> int:
    """The ETag's number: that of the version, and whether it is on."""
    return app.version * 2 + app.enabled
