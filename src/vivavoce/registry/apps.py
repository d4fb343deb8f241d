"""The apps: kept with all their versions, switched on and off while the server runs.

A conversation takes the version that is in force when it begins, and keeps it to its end; switching an app off stops
new ones only. The built-in app is made of the settings: it has no body of its own in the database, and a row only
while it is switched off.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.accounts.actor import Actor
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import Conflict, LimitReached, Missing, Refused, StorageUnavailable
from vivavoce.registry.commons import Commons
from vivavoce.registry.persona import ASSISTANT, Mode, Persona, checked, loaded, slug, stored
from vivavoce.storage.models import App, AppVersion

MOST: Final = 200
"""Apps of a server; one more is refused."""
VERSIONS: Final = 100
"""Versions of an app that are kept; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class Offered:
    """An app as it is now. `version` is the body's; 0 for the built-in one."""

    id: str
    persona: Persona
    version: int
    enabled: bool
    created_at: int
    updated_at: int
    built_in: bool = False

    @property
    def state(self) -> int:
        """Differs whenever anything of it differs: what an ETag is made of."""
        return self.version * 2 + self.enabled


@dataclass(frozen=True, slots=True)
class Kept:
    """One version of an app."""

    version: int
    persona: Persona
    created_at: int
    created_by: str


class Apps:
    """See the head of the module. `assistant` gives the built-in persona of the settings in force; `skills` are the
    names that an app may allow.
    """

    def __init__(
        self,
        commons: Commons,
        assistant: Callable[[], Persona],
        skills: Collection[str],
        *,
        most: int = MOST,
        versions: int = VERSIONS,
    ) -> None:
        self._database = commons.database
        self._audit = commons.audit
        self._news = commons.news
        self._clock = commons.clock
        self._assistant = assistant
        self._skills = frozenset(skills)
        self._most = most
        self._versions = versions
        self._known: dict[str, Offered] = {}
        """What was read last, for when the database is away; at most `most`."""

    # ── reading ───────────────────────────────────────────────────────────────────────────────────

    async def every(self) -> list[Offered]:
        """All of them, the built-in one first, then by id."""
        async with self._database.reading() as session:
            rows = (await session.execute(select(App).order_by(App.id).limit(self._most + 1))).scalars().all()
        found = {row.id: self._offered(row) for row in rows}
        built_in = found.pop(ASSISTANT, self._built_in())
        self._known = {built_in.id: built_in, **found}
        return [built_in, *found.values()]

    async def get(self, id: str) -> Offered:
        """Raises Missing."""
        async with self._database.reading() as session:
            return await self._in(session, id)

    async def versions(self, id: str) -> list[Kept]:
        """The newest first; the built-in app has none. Raises Missing."""
        async with self._database.reading() as session:
            await self._in(session, id)
            wanted = select(AppVersion).where(AppVersion.app_id == id).order_by(AppVersion.version.desc())
            rows = (await session.execute(wanted.limit(self._versions))).scalars().all()
        return [Kept(row.version, loaded(row.body), row.created_at, row.created_by) for row in rows if row.body]

    # ── changing ──────────────────────────────────────────────────────────────────────────────────

    async def create(self, actor: Actor, id: str, persona: Persona) -> Offered:
        """Raises Conflict when the id is taken, BadInput, LimitReached."""
        persona = checked(persona, self._skills)
        if slug(id) == ASSISTANT:
            raise Conflict(f"`{ASSISTANT}` is the built-in app; give the copy another id")
        now = self._clock()
        async with self._database.writing() as session:
            if (await session.execute(select(func.count()).select_from(App))).scalar_one() >= self._most:
                raise LimitReached(f"there are {self._most} apps already; delete one first", code="too_many")
            if await session.get(App, id) is not None:
                raise Conflict(f"there is an app `{id}` already")
            row = App(id=id, version=1, enabled=True, body=stored(persona), created_at=now, updated_at=now)
            session.add(row)
            await session.flush()
            await self._keep(session, row, actor)
            await self._audit.record(session, actor, "app.create", "app", id)
        return await self._told("created", self._offered(row))

    async def change(self, actor: Actor, id: str, persona: Persona, state: int) -> Offered:
        """A new version. Raises Missing, Conflict (`changed` when its state is another one now), BadInput."""
        persona = checked(persona, self._skills)
        async with self._database.writing() as session:
            row = await self._own(session, id, state)
            await self._renew(session, row, persona, actor)
            await self._audit.record(session, actor, "app.change", "app", id, version=row.version)
        return await self._told("changed", self._offered(row))

    async def revert(self, actor: Actor, id: str, version: int, state: int) -> Offered:
        """A new version with the body of an old one. Raises Missing, Conflict (`changed`)."""
        async with self._database.writing() as session:
            row = await self._own(session, id, state)
            old = await session.get(AppVersion, (id, version))
            if old is None:
                raise Missing(f"`{id}` has no version {version} any more")
            await self._renew(session, row, loaded(old.body), actor)
            await self._audit.record(session, actor, "app.revert", "app", id, version=row.version, to=version)
        return await self._told("changed", self._offered(row))

    async def switch(self, actor: Actor, id: str, enabled: bool, state: int) -> Offered:
        """On or off, for conversations that begin from now on. Raises Missing, Conflict (`changed`)."""
        async with self._database.writing() as session:
            row = await self._row(session, id, state)
            if row is None:
                now = self._clock()
                row = App(id=ASSISTANT, version=0, enabled=enabled, body={}, created_at=now, updated_at=now)
                session.add(row)
            row.enabled = enabled
            row.updated_at = self._clock()
            await self._audit.record(session, actor, "app.enable" if enabled else "app.disable", "app", id)
        return await self._told("changed", self._offered(row))

    async def delete(self, actor: Actor, id: str) -> None:
        """With all its versions; conversations that were had with it stay. Raises Missing, Refused."""
        if id == ASSISTANT:
            raise Refused("the built-in app cannot be deleted; it can be switched off")
        async with self._database.writing() as session:
            offered = await self._in(session, id)
            await session.execute(delete(AppVersion).where(AppVersion.app_id == id))
            await session.execute(delete(App).where(App.id == id))
            await self._audit.record(session, actor, "app.delete", "app", id, version=offered.version)
        self._known.pop(id, None)
        await self._news.told("apps", "deleted", id, {})

    # ── beginning a conversation ──────────────────────────────────────────────────────────────────

    async def resolve(self, spec: SessionSpec) -> SessionSpec:
        """What the client left open, filled in from the app it named (or the built-in one).

        What the client asks for itself wins: whoever tries a draft speaks with the draft. Raises Refused
        (`app_disabled`) for an app that is off, unknown, or not offered in this mode. While the database is away the
        app is taken as it was last.
        """
        app = await self._latest(spec.app or ASSISTANT)
        if not app.enabled:
            raise Refused(f"the app `{app.id}` is switched off", code="app_disabled")
        wanted = mode(spec)
        if wanted not in app.persona.modes:
            raise Refused(f"the app `{app.id}` is not offered in this mode ({wanted})", code="app_disabled")
        server, persona = self._assistant(), app.persona
        return replace(
            spec,
            app=app.id,
            app_version=app.version,
            language=spec.language or persona.language or server.language or "en",
            voice=spec.voice or persona.voice or server.voice,
            patience=spec.patience * persona.patience * (1.0 if app.built_in else server.patience),
            system_prompt=spec.system_prompt or persona.prompt or server.prompt,
            skills=None if persona.tools is None else frozenset(persona.tools),
            model=persona.model or server.model,
        )

    async def _latest(self, id: str) -> Offered:
        try:
            app = await self.get(id)
        except Missing as error:
            self._known.pop(id, None)
            raise Refused(f"there is no app `{id[:48]}`", code="app_disabled") from error
        except StorageUnavailable:
            known = self._known.get(id)
            if known is not None:
                return known
            if id == ASSISTANT:
                return self._built_in()
            raise
        if id in self._known or len(self._known) < self._most:
            self._known[id] = app
        return app

    # ── rows ──────────────────────────────────────────────────────────────────────────────────────

    async def _in(self, session: AsyncSession, id: str) -> Offered:
        row = await session.get(App, id) if len(id) <= 48 else None
        if row is not None:
            return self._offered(row)
        if id == ASSISTANT:
            return self._built_in()
        raise Missing(f"there is no app `{id[:48]}`")

    async def _row(self, session: AsyncSession, id: str, state: int) -> App | None:
        """Held for this transaction; None for the built-in app without a row."""
        row = await session.get(App, id, with_for_update=True)
        now = self._offered(row) if row is not None else await self._in(session, id)
        if now.state != state:
            raise Conflict("the app has changed since you read it; read it again", code="changed")
        return row

    async def _own(self, session: AsyncSession, id: str, state: int) -> App:
        row = await self._row(session, id, state)
        if id == ASSISTANT or row is None:
            raise Refused("the built-in app follows the settings; change a copy of it")
        return row

    async def _renew(self, session: AsyncSession, row: App, persona: Persona, actor: Actor) -> None:
        row.body = stored(persona)
        row.version += 1
        row.updated_at = self._clock()
        await self._keep(session, row, actor)

    async def _keep(self, session: AsyncSession, row: App, actor: Actor) -> None:
        session.add(
            AppVersion(
                app_id=row.id,
                version=row.version,
                body=row.body,
                created_at=row.updated_at,
                created_by=actor.principal.user,
            )
        )
        too_old = AppVersion.version <= row.version - self._versions
        await session.execute(delete(AppVersion).where(AppVersion.app_id == row.id, too_old))

    def _offered(self, row: App) -> Offered:
        if row.id == ASSISTANT:
            return replace(self._built_in(), enabled=row.enabled, updated_at=row.updated_at)
        return Offered(row.id, loaded(row.body), row.version, row.enabled, row.created_at, row.updated_at)

    def _built_in(self) -> Offered:
        return Offered(ASSISTANT, self._assistant(), 0, True, 0, 0, built_in=True)

    async def _told(self, kind: str, app: Offered) -> Offered:
        self._known[app.id] = app
        data = {"version": app.version, "enabled": app.enabled}
        await self._news.told("apps", "created" if kind == "created" else "changed", app.id, data)
        return app


def mode(spec: SessionSpec) -> Mode:
    """The mode that a client's `prepare` asks for."""
    if spec.kind == "streaming":
        return "turns"
    return "camera" if spec.video else "hands_free"
