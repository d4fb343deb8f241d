"""`/api/users`: an administrator's view of people."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query, Request, Response
from pydantic import Field

from vivavoce.accounts.links import Links
from vivavoce.accounts.permissions import Role
from vivavoce.accounts.profile import Profile
from vivavoce.accounts.sign_ins import SignIns
from vivavoce.accounts.users import Users
from vivavoce.api.conditions import Expected, preconditioned, set_version
from vivavoce.api.context import Who
from vivavoce.api.models import Body, Cursor, Id, Limit, Page, Time, View
from vivavoce.api.people import DisplayName, SignInView, UserName, UserView, sign_in_view, user_view
from vivavoce.api.problems import about
from vivavoce.api.routing import Routes

Search = Annotated[str, Query(max_length=64, description="In the names.")]


class NewUser(Body):
    """Somebody new, who comes in by a link."""

    name: UserName
    role: Role = "user"
    display_name: DisplayName = ""


class UserPatch(Body):
    """What is left out stays as it is. Another role, or being disabled, ends everything issued so far."""

    display_name: DisplayName | None = None
    role: Role | None = None
    disabled: bool | None = None


class LinkRequest(Body):
    kind: Literal["sign_in", "reset"] = Field(default="sign_in", description="`reset`: for choosing a new password.")


class LinkView(View):
    """A link that works once."""

    link: str = Field(examples=["http://127.0.0.1:8006/sign-in#link=…"])
    expires_at: Time


class UsersApi:
    """What answers `/api/users`."""

    routes = Routes("/api/users", "users")

    def __init__(self, users: Users, sign_ins: SignIns, links: Links) -> None:
        self._users = users
        self._sign_ins = sign_ins
        self._links = links

    @routes.get("", permission="users")
    async def list_users(self, q: Search = "", cursor: Cursor = None, limit: Limit = 50) -> Page[UserView]:
        """People, in the order in which they came."""
        page = await self._users.page(cursor=cursor, limit=limit, search=q)
        return Page(items=[user_view(profile) for profile in page.items], next=page.next)

    @routes.post("", permission="users", status=201, once=True, errors=(409,))
    async def create_user(self, body: NewUser, who: Who, response: Response) -> UserView:
        """Somebody new. They have no password until they set one."""
        with about("name"):
            made = await self._users.create(who, body.name, body.role, body.display_name)
        response.headers["Location"] = f"/api/users/{made.id}"
        return _shown(made, response)

    @routes.get("/{id}", permission="users")
    async def get_user(self, id: Id, response: Response) -> UserView:
        """One of them."""
        return _shown(await self._users.get(id), response)

    @routes.patch("/{id}", permission="users", conditional=True)
    async def change_user(self, id: Id, body: UserPatch, expected: Expected, who: Who, response: Response) -> UserView:
        """The last administrator keeps the role."""
        with about("display_name"), preconditioned():
            changed = await self._users.change(
                who, id, expected, display_name=body.display_name, role=body.role, disabled=body.disabled
            )
        return _shown(changed, response)

    @routes.delete("/{id}", permission="users", status=204)
    async def delete_user(self, id: Id, who: Who) -> None:
        """With everything that is kept of them, sound too."""
        await self._users.delete(who, id)

    @routes.post("/{id}/link", permission="users", status=201, once=True)
    async def create_link(self, id: Id, body: LinkRequest, who: Who, request: Request) -> LinkView:
        """A link that signs them in once. Send it by a way that only they can read."""
        link = await self._links.issue(who, id, body.kind)
        return LinkView(link=f"{request.base_url}sign-in#link={link.secret}", expires_at=link.expires_at)

    @routes.post("/{id}/sign-out", permission="users", status=204)
    async def sign_out_user(self, id: Id, who: Who) -> None:
        """End all sign-ins of theirs, on every server at once. Disabling them also refuses their tokens."""
        await self._sign_ins.end_all(who, id)

    @routes.get("/{id}/sign-ins", permission="users")
    async def list_sign_ins(self, id: Id, who: Who) -> Page[SignInView]:
        """Where they are signed in (at most 20)."""
        await self._users.get(id)
        found = await self._sign_ins.of(id)
        return Page(items=[sign_in_view(one, who.principal.sign_in) for one in found], next=None)


def _shown(profile: Profile, response: Response) -> UserView:
    set_version(response, profile.version)
    return user_view(profile)
