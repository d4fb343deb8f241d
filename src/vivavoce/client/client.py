"""A client of a Vivavoce server.

    async with VivavoceClient("http://127.0.0.1:8006", token=os.environ["VIVAVOCE_TOKEN"]) as client:
        async for app in client.apps.list():
            print(app.id, app.enabled)

All calls raise the errors of `vivavoce.errors`, with the server's code. Those that may be are tried three times when
the server is away or busy; a create is sent with an idempotency key, so it has its effect once.
"""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import Final, Self

import httpx

from vivavoce.client.accounts import Me, Users
from vivavoce.client.apps import Apps
from vivavoce.client.conversations import Conversations, Statistics
from vivavoce.client.forms import SignedIn
from vivavoce.client.operations import AuditLog, Doctor, Sessions, Settings
from vivavoce.client.transport import Transport

TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0, pool=5.0)


class VivavoceClient:
    """See the head of the module. Used within `async with`, by one loop; any number of tasks may call at once."""

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        trust: ssl.SSLContext | bool = True,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`trust` is for self-made certificates: see `client.pinning.trusting`. `transport` is for tests."""
        self._http = httpx.AsyncClient(
            base_url=address, timeout=TIMEOUT, verify=trust, transport=transport, headers={"User-Agent": "vivavoce"}
        )
        self._wire = wire = Transport(self._http, token)
        self.me = Me(wire)
        self.users = Users(wire)
        self.apps = Apps(wire)
        self.sessions = Sessions(wire)
        self.conversations = Conversations(wire)
        self.statistics = Statistics(wire)
        self.audit = AuditLog(wire)
        self.settings = Settings(wire)
        self.doctor = Doctor(wire)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    @property
    def bearer(self) -> str | None:
        """What is shown to the server now: for a WebSocket's `Authorization` header."""
        return self._wire.bearer

    # ── coming in ─────────────────────────────────────────────────────────────────────────────────

    async def sign_in_by_password(self, name: str, password: str) -> SignedIn:
        """Raises Unauthorised (`sign_in_failed`), RateLimited."""
        return await self._sign_in("/api/auth/password", {"name": name, "password": password})

    async def sign_in_by_link(self, link: str, password: str | None = None) -> SignedIn:
        """By a whole link or by what stands behind its `#link=`. Raises Unauthorised (`link_invalid`)."""
        secret = link.rpartition("#link=")[2]
        return await self._sign_in("/api/auth/link", {"secret": secret, "password": password})

    async def refresh(self) -> SignedIn:
        """Renew the access token now; calls do so by themselves."""
        return await self._wire.refresh()

    async def sign_out(self) -> None:
        """End this sign-in."""
        await self._wire.send("POST", "/api/auth/sign-out")
        self._wire.signed_out()

    async def sign_out_everywhere(self) -> None:
        """End all sign-ins of this person."""
        await self._wire.send("POST", "/api/auth/sign-out-everywhere")
        self._wire.signed_out()

    async def ticket(self, path: str) -> str:
        """A ticket for one WebSocket at `path`, good for seconds."""
        return (await self._wire.call("POST", "/api/auth/ticket", dict, body={"path": path}))["ticket"]  # type: ignore[no-any-return]

    async def _sign_in(self, path: str, body: dict[str, str | None]) -> SignedIn:
        # Sent once: a link is gone after the first time, and a guess is counted each time.
        response = await self._wire.send("POST", path, body=body, again=False)
        return self._wire.granted(response)
