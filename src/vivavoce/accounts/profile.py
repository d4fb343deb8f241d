"""A user as others may see one: everything but the password's hash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from vivavoce.accounts.permissions import Role
from vivavoce.storage.models import User


@dataclass(frozen=True, slots=True)
class Profile:
    """`version` goes up with every change (its ETag); times in ms; `recording` None: not asked yet."""

    id: str
    name: str
    display_name: str
    role: Role
    disabled: bool
    has_password: bool
    recording: bool | None
    version: int
    created_at: int
    updated_at: int

    @classmethod
    def of(cls, user: User) -> Profile:
        return cls(
            user.id,
            user.name,
            user.display_name,
            cast(Role, user.role),
            user.disabled,
            user.password is not None,
            user.recording,
            user.version,
            user.created_at,
            user.updated_at,
        )
