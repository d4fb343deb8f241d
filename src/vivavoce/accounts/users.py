"""Users: made, changed and deleted by an administrator; the last administrator stays."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from sqlalchemy import delete as deleting
from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.accounts.actor import SYSTEM, Actor
from vivavoce.accounts.audit import clean
from vivavoce.accounts.commons import Commons
from vivavoce.accounts.names import known, missing, spelled
from vivavoce.accounts.permissions import ROLES, Role
from vivavoce.accounts.profile import Profile
from vivavoce.errors import BadInput, Conflict, Refused, StorageError
from vivavoce.storage.backup_deletions import USER
from vivavoce.storage.ids import new_id
from vivavoce.storage.models import Blob, Deletion, IdempotentAnswer, SignIn, User
from vivavoce.storage.paging import USUAL, Keyset, Page

DISPLAY_NAME: Final = 128
OLDEST: Final = Keyset("users", User.id)

Clearing = Callable[[Actor, str], Awaitable[object]]
"""Removes what a higher room keeps of a user, in transactions of its own; done twice it does no harm."""
Removal = Callable[[AsyncSession, str], Awaitable[object]]
"""Removes what is left of it, inside the transaction in which the user's own row goes."""


class Users:
    """Every method that changes somebody takes the actor, and is audited."""

    def __init__(self, commons: Commons) -> None:
        self._database = commons.database
        self._audit = commons.audit
        self._revocations = commons.revocations
        self._live = commons.live
        self._clock = commons.clock
        self._clearings: list[Clearing] = []
        self._removals: list[Removal] = []

    def before_delete(self, clearing: Clearing) -> None:
        """Call `clearing(actor, user_id)` in each deletion, when the user is kept out: for what may be much."""
        self._clearings.append(clearing)

    def on_delete(self, removal: Removal) -> None:
        """Call `removal(session, user_id)` in the last transaction of each deletion, before the user's row goes."""
        self._removals.append(removal)

    async def create(self, actor: Actor, name: str, role: Role, display_name: str = "") -> Profile:
        """A user without a password, who comes in by a link. Raises BadInput, Conflict when the name is taken."""
        moment = self._clock()
        user = User(
            id=new_id(self._clock), name=_name(name), display_name=_display_name(display_name), role=_role(role),
            epoch=0, disabled=False, version=1, created_at=moment, updated_at=moment,
        )  # fmt: skip
        try:
            async with self._database.writing() as session:
                session.add(user)
                await self._audit.record(session, actor, "user.create", "user", user.id, role=role)
                self._live.on_commit(session, "users", "created", user.id)
        except Conflict as error:
            raise Conflict("there is a user of this name already") from error
        return Profile.of(user)

    async def get(self, user_id: str) -> Profile:
        """Raises Missing."""
        async with self._database.reading() as session:
            user = await session.get(User, known(user_id, "user"))
        return Profile.of(_there(user))

    async def by_name(self, name: str) -> Profile:
        """Raises Missing."""
        async with self._database.reading() as session:
            user = await session.scalar(select(User).where(User.name == spelled(name)))
        return Profile.of(_there(user))

    async def page(self, *, cursor: str | None = None, limit: int = USUAL, search: str = "") -> Page[Profile]:
        """Users in the order in which they were made; `search` in name and display name. Raises BadInput."""
        query = OLDEST.after(select(User), cursor, limit)
        if search:
            wanted = clean(search.lower())
            query = query.where(
                or_(
                    User.name.contains(wanted, autoescape=True),
                    func.lower(User.display_name).contains(wanted, autoescape=True),
                )
            )
        async with self._database.reading() as session:
            found = [Profile.of(user) for user in await session.scalars(query)]
        return OLDEST.page(found, limit)

    async def change(
        self,
        actor: Actor,
        user_id: str,
        version: int | None = None,
        *,
        display_name: str | None = None,
        role: Role | None = None,
        disabled: bool | None = None,
    ) -> Profile:
        """Change what is not None. Another role, or being disabled, ends all that was issued to the user so far.

        Raises Missing, BadInput, Conflict where `version` is not the one of today, Refused for the last administrator.
        """
        seq = None
        known(user_id, "user")
        async with self._database.writing() as session:
            await _hold_administrators(session)
            user = _there(await session.scalar(select(User).where(User.id == user_id).with_for_update()))
            if version is not None and version != user.version:
                raise Conflict("the user has been changed meanwhile")
            changed = _changes(user, display_name, role, disabled)
            if not changed:
                return Profile.of(user)
            revokes = "role" in changed or changed.get("disabled") is True
            if user.role == "admin" and not user.disabled and revokes:
                await _not_the_last(session, user_id)
            for field, value in changed.items():
                setattr(user, field, value)
            user.version += 1
            user.updated_at = self._clock()
            if revokes:
                user.epoch += 1
            if user.disabled and revokes:
                await _end_sign_ins(session, user_id, self._clock())
            told = {field: value for field, value in changed.items() if field != "display_name"}
            await self._audit.record(
                session, actor, "user.change", "user", user_id, fields=",".join(sorted(changed)), **told
            )
            if revokes:
                seq = await self._audit.record(session, actor, "user.revoke", "user", user_id)
            self._live.on_commit(session, "users", "changed", user_id)
        if seq is not None:
            await self._revocations.tell(seq, user_id, None)
        return Profile.of(user)

    async def allow_recording(self, actor: Actor, yes: bool) -> Profile:
        """The actor says whether sound of his conversations may be kept. Raises Missing."""
        async with self._database.writing() as session:
            user = _there(await session.scalar(select(User).where(User.id == actor.principal.user).with_for_update()))
            user.recording, user.recording_at = yes, self._clock()
            user.version += 1
            user.updated_at = self._clock()
            await self._audit.record(session, actor, "consent.recording", "user", user.id, yes=yes)
            self._live.on_commit(session, "users", "changed", user.id)
            # For whoever records them at this moment, on whichever process.
            self._live.on_commit(session, "recording", "changed", user.id, owner=user.id)
        return Profile.of(user)

    async def delete(self, actor: Actor, user_id: str, version: int | None = None) -> None:
        """The user and everything of his; blobs are marked as gone for the sweeper.

        First he is kept out, and the journal of deletions names him; then go his things, which may take many
        transactions; he himself goes last. What a crash or an absent store stops in between, `finish_deletions` ends.

        Raises Missing, Conflict where `version` is not the one of today, Refused for the last administrator.
        """
        known(user_id, "user")
        async with self._database.writing() as session:
            await _hold_administrators(session)
            user = _there(await session.scalar(select(User).where(User.id == user_id).with_for_update()))
            if version is not None and version != user.version:
                raise Conflict("the user has been changed meanwhile")
            if user.role == "admin" and not user.disabled:
                await _not_the_last(session, user_id)
            user.disabled = True
            user.epoch += 1
            user.version += 1
            await _end_sign_ins(session, user_id, self._clock())
            session.add(Deletion(kind=USER, object_id=user_id, at=self._clock()))
            seq = await self._audit.record(session, actor, "user.revoke", "user", user_id)
        await self._revocations.tell(seq, user_id, None)
        await self._remove(actor, user_id)

    async def finish_deletions(self) -> None:
        """Go on with what was stopped in its middle. Raises StorageError when something is left for the next call."""
        # From the few who are kept out: the journal, which also names conversations, only grows.
        named = exists().where(Deletion.object_id == User.id, Deletion.kind == USER)
        begun = select(User.id).where(User.disabled, named).order_by(User.id)
        async with self._database.reading() as session:
            left = (await session.scalars(begun)).all()
        failure: StorageError | None = None
        for user_id in left:
            try:
                await self._remove(SYSTEM, user_id)
            except StorageError as error:  # one that cannot go just now keeps nobody else here
                failure = error
        if failure is not None:
            raise failure

    async def _remove(self, actor: Actor, user_id: str) -> None:
        for clearing in self._clearings:
            await clearing(actor, user_id)
        async with self._database.writing() as session:
            for removal in self._removals:
                await removal(session, user_id)
            await session.execute(update(Blob).where(Blob.owner_id == user_id).values(state="gone"))
            await session.execute(deleting(IdempotentAnswer).where(IdempotentAnswer.owner_id == user_id))
            gone = await session.scalars(deleting(User).where(User.id == user_id).returning(User.id))
            if gone.first() is None:  # somebody else has finished it
                return
            seq = await self._audit.record(session, actor, "user.delete", "user", user_id)
            self._live.on_commit(session, "users", "deleted", user_id)
        await self._revocations.tell(seq, user_id, None)


async def _hold_administrators(session: AsyncSession) -> None:
    """Whoever may change the number of administrators comes one after another, always in the same order of rows."""
    await session.execute(select(User.id).where(User.role == "admin").order_by(User.id).with_for_update())


async def _not_the_last(session: AsyncSession, user_id: str) -> None:
    others = select(func.count()).where(User.role == "admin", User.disabled.is_(False), User.id != user_id)
    if not await session.scalar(others):
        raise Refused("the last administrator cannot be removed, disabled or given another role", code="last_admin")


async def _end_sign_ins(session: AsyncSession, user_id: str, moment: int) -> None:
    await session.execute(
        update(SignIn).where(SignIn.user_id == user_id, SignIn.revoked_at.is_(None)).values(revoked_at=moment)
    )


def _changes(user: User, display_name: str | None, role: Role | None, disabled: bool | None) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        "display_name": None if display_name is None else _display_name(display_name),
        "role": None if role is None else _role(role),
        "disabled": disabled,
    }
    return {field: value for field, value in wanted.items() if value is not None and value != getattr(user, field)}


def _there(user: User | None) -> User:
    if user is None:
        raise missing("user")
    return user


def _name(name: str) -> str:
    lowered = spelled(name)
    if not lowered:
        raise BadInput("a name has 1 to 64 letters a–z, digits and . _ @ + - between them")
    return lowered


def _display_name(text: str) -> str:
    shown = text.strip()
    if len(shown) > DISPLAY_NAME or not all(one.isprintable() for one in shown):
        raise BadInput(f"a display name has at most {DISPLAY_NAME} characters and no control characters")
    return shown


def _role(role: str) -> str:
    if role not in ROLES:
        raise BadInput(f"a role is one of {', '.join(ROLES)}")
    return role
