"""`/api/auth`: in and out. The access token lives in the page's memory, the refresh token in the only cookie there is.

The cookie alone does nothing: what it is good for also takes our own Origin and the header `X-Vivavoce: 1`, which no
other page can send.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Header, Request, Response
from pydantic import Field

from vivavoce.accounts.credentials import Credentials
from vivavoce.accounts.sign_ins import Grant, SignIns
from vivavoce.accounts.tickets import Tickets
from vivavoce.api.context import From, Who
from vivavoce.api.models import Body, View
from vivavoce.api.people import Password, Secret, UserName, UserView, user_view
from vivavoce.api.problems import about
from vivavoce.api.routing import Routes
from vivavoce.errors import Refused

PATH: Final = "/api/auth"
SECURE: Final = "__Secure-vv_refresh"
PLAIN: Final = "vv_refresh"
"""Without TLS, which is on loopback only."""

Ours = Annotated[str | None, Header(alias="X-Vivavoce", description="`1`, with the cookie.")]


class LinkBody(Body):
    """What stands behind `#link=`."""

    secret: Secret
    password: Password | None = Field(default=None, description="The new password, where the link is for setting one.")


class PasswordBody(Body):
    name: UserName
    password: Password


class TicketBody(Body):
    """Where the ticket is for."""

    path: str = Field(max_length=128, pattern=r"^/ws(/[A-Za-z0-9_-]{1,64}){0,3}$", examples=["/ws/duplex/k3v9a0qx"])


class TicketView(View):
    """Send it as the WebSocket protocols `vivavoce.v1, ticket.<ticket>`."""

    ticket: str
    expires_in_s: int


class SignedIn(View):
    """Who you are, and what proves it for a while."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in_s: int
    user: UserView


class AuthApi:
    """What answers `/api/auth`."""

    routes = Routes(PATH, "auth")

    def __init__(self, credentials: Credentials, sign_ins: SignIns, tickets: Tickets) -> None:
        self._credentials = credentials
        self._sign_ins = sign_ins
        self._tickets = tickets

    @routes.post("/link", permission="public", limit="sign_in", errors=(401,))
    async def sign_in_by_link(self, body: LinkBody, whence: From, request: Request, response: Response) -> SignedIn:
        """Sign in by a link that was printed or sent; it works once."""
        with about("password"):
            grant = await self._credentials.with_link(body.secret, whence, body.password)
        return _granted(grant, request, response)

    @routes.post("/password", permission="public", limit="sign_in", errors=(401,))
    async def sign_in_by_password(
        self, body: PasswordBody, whence: From, request: Request, response: Response
    ) -> SignedIn:
        """Sign in by name and password. A wrong name and a wrong password are answered alike."""
        return _granted(await self._credentials.with_password(body.name, body.password, whence), request, response)

    @routes.post("/refresh", permission="public", limit="sign_in", errors=(401, 403))
    async def refresh(self, whence: From, request: Request, response: Response, ours: Ours = None) -> SignedIn | None:
        """A new access token for the cookie, and a new cookie; null for who has none, as at a first visit.

        Needs `X-Vivavoce: 1` and our own `Origin`.
        """
        _from_our_page(request, ours)
        token = request.cookies.get(_cookie(request))
        if not token:
            return None
        return _granted(await self._sign_ins.refresh(token, whence), request, response)

    @routes.post("/sign-out", permission="signed_in", status=204)
    async def sign_out(self, who: Who, request: Request, response: Response) -> None:
        """End this sign-in, on every server at once. A token for scripts is revoked at `/api/me/tokens`."""
        await self._sign_ins.sign_out(who)
        _forget(request, response)

    @routes.post("/sign-out-everywhere", permission="self", status=204)
    async def sign_out_everywhere(self, who: Who, request: Request, response: Response) -> None:
        """End all of one's own sign-ins. Tokens for scripts stay."""
        await self._sign_ins.end_all(who, who.principal.user)
        _forget(request, response)

    @routes.post("/ticket", permission="known")
    async def ticket(self, body: TicketBody, who: Who, request: Request) -> TicketView:
        """A ticket for one WebSocket, good once, for this path and this page only."""
        origin = request.headers.get("origin", "")
        return TicketView(
            ticket=await self._tickets.issue(who.principal, body.path, origin), expires_in_s=self._tickets.life_s
        )


def _granted(grant: Grant, request: Request, response: Response) -> SignedIn:
    response.set_cookie(
        _cookie(request),
        grant.refresh_token,
        max_age=grant.refresh_expires_in_s,
        path=PATH,
        secure=_tls(request),
        httponly=True,
        samesite="strict",
    )
    return SignedIn(access_token=grant.access_token, expires_in_s=grant.expires_in_s, user=user_view(grant.user))


def _forget(request: Request, response: Response) -> None:
    response.delete_cookie(_cookie(request), path=PATH, secure=_tls(request), httponly=True, samesite="strict")


def _cookie(request: Request) -> str:
    return SECURE if _tls(request) else PLAIN


def _tls(request: Request) -> bool:
    return request.url.scheme == "https"


def _from_our_page(request: Request, ours: str | None) -> None:
    """The door has refused foreign origins; here one has to be there, since browsers always send it with a POST."""
    if ours != "1" or "origin" not in request.headers:
        raise Refused("send `X-Vivavoce: 1` and your `Origin` with the cookie")
