"""Settings that an administrator changes in the console: rows over the defaults, under file, environment and flags.

What a value may be is the settings' own to say; this room is handed the `Rules`, which know all keys, and keeps the
rows, their version and the news of them.
"""

from __future__ import annotations

import asyncio
import difflib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.accounts.actor import Actor
from vivavoce.errors import BadInput, ConfigError, Conflict, StorageError
from vivavoce.registry.commons import Commons
from vivavoce.registry.news import LIVE
from vivavoce.registry.persona import ASSISTANT
from vivavoce.storage.bus import News
from vivavoce.storage.database import Database
from vivavoce.storage.models import Setting

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0
"""Without news the rows are looked at so often."""
VERSION: Final = ".version"
"""Key of the row that counts changes; no setting begins with a dot."""

Effect = Literal["now", "restart", "fixed"]


@dataclass(frozen=True, slots=True)
class Described:
    """One setting, as people see it. Values are JSON; `where` says what rules it, if it is not the default."""

    key: str
    value: Any
    saved: Any
    is_saved: bool
    default: Any
    type: str
    choices: list[str] | None
    minimum: float | None
    maximum: float | None
    text: str
    origin: Literal["default", "file", "environment", "flag", "console"]
    where: str
    effect: Effect

    @property
    def changeable(self) -> bool:
        return self.effect != "fixed" and self.origin in ("default", "console")


class Rules(Protocol):
    """What can be set (`app.settings.live.Live`)."""

    def describe(self, rows: Mapping[str, Any]) -> Sequence[Described]:
        """All settings with these rows saved; a row that does not fit (any more) counts as not saved."""
        ...

    def check(self, rows: Mapping[str, Any]) -> None:
        """Raises ConfigError, naming the key, when these rows do not fit."""
        ...


Apply = Callable[[Mapping[str, Any]], None]
"""Put these rows in force, as far as they can be now."""


class Overrides:
    """See the head of the module."""

    def __init__(self, commons: Commons, rules: Rules) -> None:
        self._database = commons.database
        self._audit = commons.audit
        self._news = commons.news
        self._clock = commons.clock
        self._bus = commons.bus
        self._rules = rules
        self._apply: Apply = lambda _: None
        self._applied = -1

    async def saved(self) -> tuple[dict[str, Any], int]:
        """The rows by key, and their version."""
        async with self._database.reading() as session:
            return await _rows(session)

    async def described(self) -> tuple[Sequence[Described], int]:
        """All settings, and the version of the rows."""
        rows, version = await self.saved()
        return self._rules.describe(rows), version

    async def change(self, actor: Actor, values: Mapping[str, Any], version: int) -> None:
        """Save these values, all or none; None takes a row away.

        Raises BadInput with the fields, Conflict (`changed`) when `version` is not the one of today.
        """
        async with self._database.writing() as session:
            counter = await session.get(Setting, VERSION, with_for_update=True)
            before, today = await _rows(session)
            if today != version:
                raise Conflict("the settings have changed since you read them; read them again", code="changed")
            after = self._after(before, values)
            await self._write(session, actor, {**dict.fromkeys(before.keys() - after.keys()), **values})
            if counter is None:
                counter = Setting(key=VERSION, value={"value": today}, updated_at=0, updated_by="")
                session.add(counter)
            counter.value = {"value": today + 1}
            counter.updated_at, counter.updated_by = self._clock(), actor.principal.user
            for key in sorted(values):
                await self._audit.record(session, actor, "settings.change", "setting", key)
        self._put(after, today + 1)
        await self._news.told("settings", "changed", "", {"version": today + 1, "keys": sorted(values)})
        if any(key.startswith("talk.") for key in values):  # the built-in app is made of these
            await self._news.told("apps", "changed", ASSISTANT, {"version": 0})

    def _after(self, before: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """The rows with the new values; old ones that do not fit any more go. Raises BadInput."""
        known = {one.key: one for one in self._rules.describe(before)}
        fields = {key: why for key in values if (why := _refusal(key, known))}
        kept = {key: value for key, value in before.items() if key in known and known[key].is_saved}
        after = {key: value for key, value in {**kept, **values}.items() if value is not None}
        if not fields:
            try:
                self._rules.check(after)
            except ConfigError as error:
                key = next((key for key in values if key in error.message), next(iter(values)))
                alone = f"{key} = " in error.message
                fields[key] = f"expected {known[key].type}" if alone else error.message
        if fields:
            raise BadInput("; ".join(f"{key}: {why}" for key, why in fields.items()), fields=fields)
        return after

    async def _write(self, session: AsyncSession, actor: Actor, values: Mapping[str, Any]) -> None:
        now, by = self._clock(), actor.principal.user
        for key, value in values.items():
            row = await session.get(Setting, key)
            if value is None:
                if row is not None:
                    await session.delete(row)
            elif row is None:
                session.add(Setting(key=key, value={"value": value}, updated_at=now, updated_by=by))
            else:
                row.value, row.updated_at, row.updated_by = {"value": value}, now, by

    # ── following ─────────────────────────────────────────────────────────────────────────────────

    async def follow(self, apply: Apply) -> None:
        """Call `apply` with the rows now and after each change by whichever process, until cancelled."""
        self._apply = apply
        changed = asyncio.Event()

        def heard(news: News) -> None:
            if _topic(news.payload) == "settings":
                changed.set()

        async with self._bus.subscribe(LIVE, heard):
            while True:
                changed.clear()
                try:
                    self._put(*await self.saved())
                except StorageError as error:
                    log.warning("the settings cannot be looked at: %s", error)
                try:
                    async with asyncio.timeout(LOOK_S):
                        await changed.wait()
                except TimeoutError:
                    continue

    def _put(self, rows: Mapping[str, Any], version: int) -> None:
        if version > self._applied:
            self._applied = version
            self._apply(rows)


async def saved(database: Database) -> dict[str, Any]:
    """The rows, for whoever needs them before there are services. Raises StorageUnavailable."""
    async with database.reading() as session:
        return (await _rows(session))[0]


def _refusal(key: str, known: Mapping[str, Described]) -> str:
    """Why this key cannot be changed here; empty for one that can."""
    one = known.get(key)
    if one is None:
        near = difflib.get_close_matches(key, known, 1)
        return "there is no such setting" + (f"; did you mean `{near[0]}`?" if near else "")
    if one.effect == "fixed":
        return "read before the database is there: set it in vivavoce.yaml, the environment or by a flag"
    return "" if one.changeable else f"ruled by {one.where}: change it there"


async def _rows(session: AsyncSession) -> tuple[dict[str, Any], int]:
    rows = {row.key: row.value["value"] for row in await session.scalars(select(Setting))}
    return rows, int(rows.pop(VERSION, 0))


def _topic(payload: bytes) -> str:
    try:
        news = msgspec.json.decode(payload)
        return str(news["topic"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return ""
