"""People, their sign-ins and tokens, as they are shown."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vivavoce.accounts import sign_ins
from vivavoce.accounts.api_tokens import ApiTokenView
from vivavoce.accounts.permissions import Permission, Role
from vivavoce.accounts.principal import Via
from vivavoce.accounts.profile import Profile
from vivavoce.api.models import Id, Time, View

UserName = Annotated[str, Field(min_length=1, max_length=64, examples=["ann"])]
DisplayName = Annotated[str, Field(max_length=128, examples=["Ann"])]
Password = Annotated[str, Field(min_length=1, max_length=128, examples=["correct horse battery staple"])]
Secret = Annotated[str, Field(min_length=1, max_length=128)]


class UserView(View):
    """Somebody with an account."""

    id: Id
    name: str
    display_name: str
    role: Role
    disabled: bool
    has_password: bool = Field(description="Without one, only a link lets them in.")
    recording: bool | None = Field(description="Whether sound may be kept; null: not asked yet.")
    version: int
    created_at: Time
    updated_at: Time


class MeView(View):
    """Who is asking. A guest has no `user`."""

    user: UserView | None
    name: str
    role: Role
    via: Via
    permissions: list[Permission] = Field(description="What this token may.")


class SignInView(View):
    """One sign-in: a browser, or a program."""

    id: Id
    how: str = Field(examples=["password"])
    created_at: Time
    last_used_at: Time
    expires_at: Time
    address: str = Field(description="The network it came from.")
    agent: str
    current: bool = Field(description="The one that asks.")


class TokenView(View):
    """A token for scripts; the token itself is shown once, when it is made."""

    id: Id
    name: str
    hint: str = Field(description="Its first characters.")
    role: Role
    scopes: list[Permission] = Field(description="Empty: all that the role may.")
    created_at: Time
    expires_at: Time
    last_used_at: Time | None


class NewTokenView(TokenView):
    """A token that was made just now."""

    token: str = Field(description="Only now; nobody can show it again.")


def user_view(profile: Profile) -> UserView:
    return UserView.model_validate(profile)


def token_view(token: ApiTokenView) -> TokenView:
    return TokenView.model_validate(token)


def sign_in_view(sign_in: sign_ins.SignInView, current: str) -> SignInView:
    return SignInView(
        id=sign_in.id,
        how=sign_in.how,
        created_at=sign_in.created_at,
        last_used_at=sign_in.last_used_at,
        expires_at=sign_in.expires_at,
        address=sign_in.address,
        agent=sign_in.agent,
        current=sign_in.id == current,
    )
