"""Oneself, and the people of a server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal

from vivavoce.client import forms
from vivavoce.client.pages import pages
from vivavoce.client.transport import Transport


class Me:
    """`/api/me`."""

    def __init__(self, wire: Transport) -> None:
        self._wire = wire

    async def get(self) -> forms.Me:
        return await self._wire.call("GET", "/api/me", forms.Me)

    async def change(
        self, version: int, *, display_name: str | None = None, recording: bool | None = None
    ) -> forms.User:
        """`version` is that of the user as read. Raises Conflict (`changed`)."""
        body = {"display_name": display_name, "recording": recording}
        return await self._wire.call("PATCH", "/api/me", forms.User, body=body, version=version)

    async def change_password(self, old: str | None, new: str) -> None:
        """All other sign-ins end. Raises BadInput (`password_wrong`, `password_weak`)."""
        await self._wire.send("POST", "/api/me/password", body={"old": old, "new": new}, again=False)

    def sign_ins(self) -> AsyncIterator[forms.SignIn]:
        return pages(self._wire, "/api/me/sign-ins", forms.SignIn)

    async def end_sign_in(self, id: str) -> None:
        await self._wire.send("DELETE", f"/api/me/sign-ins/{id}")

    def tokens(self) -> AsyncIterator[forms.Token]:
        return pages(self._wire, "/api/me/tokens", forms.Token)

    async def create_token(
        self, name: str, role: str, *, scopes: Sequence[str] = (), days: int | None = None
    ) -> forms.NewToken:
        """A token for a script, shown this once."""
        body = {"name": name, "role": role, "scopes": list(scopes), "days": days}
        return await self._wire.call("POST", "/api/me/tokens", forms.NewToken, body=body)

    async def revoke_token(self, id: str) -> None:
        await self._wire.send("DELETE", f"/api/me/tokens/{id}")


class Users:
    """`/api/users`."""

    def __init__(self, wire: Transport) -> None:
        self._wire = wire

    def list(self, search: str = "") -> AsyncIterator[forms.User]:
        return pages(self._wire, "/api/users", forms.User, {"q": search})

    async def get(self, id: str) -> forms.User:
        return await self._wire.call("GET", f"/api/users/{id}", forms.User)

    async def create(self, name: str, role: str = "user", display_name: str = "") -> forms.User:
        """Raises Conflict when the name is taken."""
        body = {"name": name, "role": role, "display_name": display_name}
        return await self._wire.call("POST", "/api/users", forms.User, body=body)

    async def change(
        self,
        id: str,
        version: int,
        *,
        display_name: str | None = None,
        role: str | None = None,
        disabled: bool | None = None,
    ) -> forms.User:
        """What is None stays. Raises Conflict (`changed`), Refused (`last_admin`)."""
        body = {"display_name": display_name, "role": role, "disabled": disabled}
        return await self._wire.call("PATCH", f"/api/users/{id}", forms.User, body=body, version=version)

    async def delete(self, id: str) -> None:
        await self._wire.send("DELETE", f"/api/users/{id}")

    async def link(self, id: str, kind: Literal["sign_in", "reset"] = "sign_in") -> forms.Link:
        """A link that signs them in once."""
        return await self._wire.call("POST", f"/api/users/{id}/link", forms.Link, body={"kind": kind})

    async def sign_out(self, id: str) -> None:
        await self._wire.send("POST", f"/api/users/{id}/sign-out")

    def sign_ins(self, id: str) -> AsyncIterator[forms.SignIn]:
        return pages(self._wire, f"/api/users/{id}/sign-ins", forms.SignIn)
