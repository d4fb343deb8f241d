"""`/api/me`: one's own profile, password, sign-ins and tokens."""

from __future__ import annotations

from typing import Annotated

from fastapi import Response
from pydantic import Field

from vivavoce.accounts.api_tokens import ApiTokens
from vivavoce.accounts.credentials import Credentials
from vivavoce.accounts.permissions import TABLE, Permission, Role
from vivavoce.accounts.principal import Principal
from vivavoce.accounts.sign_ins import SignIns
from vivavoce.accounts.users import Users
from vivavoce.api.conditions import Expected, preconditioned, set_version
from vivavoce.api.context import Who
from vivavoce.api.models import Body, Id, Page
from vivavoce.api.people import (
    DisplayName,
    MeView,
    NewTokenView,
    Password,
    SignInView,
    TokenView,
    UserView,
    sign_in_view,
    token_view,
    user_view,
)
from vivavoce.api.problems import about
from vivavoce.api.routing import Routes
from vivavoce.errors import Refused


class MePatch(Body):
    """What is left out stays as it is."""

    display_name: DisplayName | None = None
    recording: bool | None = Field(default=None, description="May sound of your conversations be kept?")


class PasswordChange(Body):
    old: Password | None = Field(default=None, description="Null where there is none yet.")
    new: Password


class NewToken(Body):
    """A token for a script of yours."""

    name: str = Field(min_length=1, max_length=64, examples=["ci"])
    role: Role
    scopes: Annotated[list[Permission], Field(max_length=32)] = Field(
        default=[], description="Narrower than the role; empty: all that the role may."
    )
    days: int | None = Field(default=None, ge=1, le=366)


class MeApi:
    """What answers `/api/me`."""

    routes = Routes("/api/me", "me")

    def __init__(self, users: Users, credentials: Credentials, sign_ins: SignIns, tokens: ApiTokens) -> None:
        self._users = users
        self._credentials = credentials
        self._sign_ins = sign_ins
        self._tokens = tokens

    @routes.get("", permission="known")
    async def get_me(self, who: Who, response: Response) -> MeView:
        """Who you are here, and what you may."""
        principal = who.principal
        user = None
        if principal.user:
            user = user_view(await self._users.get(principal.user))
            set_version(response, user.version)
        return MeView(
            user=user,
            name=principal.name,
            role=principal.role,
            via=principal.via,
            permissions=sorted(principal.scopes),
        )

    @routes.patch("", permission="self", conditional=True)
    async def change_me(self, body: MePatch, expected: Expected, who: Who, response: Response) -> UserView:
        """Your name as others see it, and whether sound may be kept."""
        me = who.principal.user
        with about("display_name"), preconditioned():
            profile = await self._users.change(who, me, expected, display_name=body.display_name)
        if body.recording is not None:
            profile = await self._users.allow_recording(who, body.recording)
        set_version(response, profile.version)
        return user_view(profile)

    @routes.post("/password", permission="self", status=204)
    async def change_password(self, body: PasswordChange, who: Who) -> None:
        """A new password; all your other sign-ins end."""
        if who.principal.via != "session":
            raise Refused("a password is changed by a person who has signed in, not by a token")
        with about("new", password_wrong="old"):
            await self._credentials.change_password(who, body.old or "", body.new)

    @routes.get("/sign-ins", permission="self")
    async def list_my_sign_ins(self, who: Who) -> Page[SignInView]:
        """Where you are signed in (at most 20)."""
        found = await self._sign_ins.of(who.principal.user)
        return Page(items=[sign_in_view(one, who.principal.sign_in) for one in found], next=None)

    @routes.delete("/sign-ins/{id}", permission="self", status=204)
    async def end_my_sign_in(self, id: Id, who: Who) -> None:
        """End one of them, on every server at once."""
        await self._sign_ins.end(who, who.principal.user, id)

    @routes.get("/tokens", permission="self")
    async def list_my_tokens(self, who: Who) -> Page[TokenView]:
        """Your tokens for scripts (at most 50)."""
        return Page(items=[token_view(token) for token in await self._tokens.of(who.principal.user)], next=None)

    @routes.post("/tokens", permission="self", status=201, once=True)
    async def create_my_token(self, body: NewToken, who: Who) -> NewTokenView:
        """A token that may no more than you may now. It is shown this once."""
        _no_more(who.principal, body.role, body.scopes)
        made = await self._tokens.create(
            who, who.principal.user, body.name, body.role, scopes=body.scopes, days=body.days
        )
        return NewTokenView(**token_view(made.view).model_dump(), token=made.token)

    @routes.delete("/tokens/{id}", permission="self", status=204)
    async def revoke_my_token(self, id: Id, who: Who) -> None:
        """Revoke one, on every server at once."""
        await self._tokens.revoke(who, who.principal.user, id)


def _no_more(principal: Principal, role: Role, scopes: list[Permission]) -> None:
    """A narrow token must not make itself a wider one."""
    wanted = TABLE[role] & frozenset(scopes) if scopes else TABLE[role]
    if beyond := sorted(wanted - principal.scopes):
        raise Refused(f"the new token could do what you cannot do here: {', '.join(beyond)}")
