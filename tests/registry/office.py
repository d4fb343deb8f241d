"""The registry on a database of its own, with whatever news it spreads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from vivavoce.accounts.actor import LOCAL_OPERATOR
from vivavoce.accounts.audit import Audit, Filter
from vivavoce.accounts.live import Live
from vivavoce.errors import ConfigError
from vivavoce.registry.commons import Commons
from vivavoce.registry.overrides import Described
from vivavoce.registry.persona import Persona
from vivavoce.registry.registry import Registry
from vivavoce.storage.bus import News, open_bus
from vivavoce.storage.cache.memory import MemoryCache
from vivavoce.storage.database import Database

ADMIN = LOCAL_OPERATOR
SKILLS = ("time", "timer_set")


@dataclass
class Office:
    database: Database
    commons: Commons
    registry: Registry
    persona: Persona
    now: int = 1_795_676_400_000
    arriving: asyncio.Queue[News] = field(default_factory=asyncio.Queue)

    async def told(self, topic: str, count: int) -> list[dict[str, Any]]:
        """The news of a topic, once so many have come."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            news = json.loads((await self.arriving.get()).payload)
            found += [news] if news["topic"] == topic else []
        return found

    async def acts(self) -> list[str]:
        """What was audited, oldest first."""
        return [entry.act for entry in reversed((await self.commons.audit.page(Filter())).items)]


class Rules:
    """Two numbers that may change, and two that may not."""

    def describe(self, rows: Mapping[str, Any]) -> Sequence[Described]:
        known = ("turn.patience", "talk.loudness")
        fits = {key: value for key, value in rows.items() if key in known and _fits(value)}
        return [
            _setting("turn.patience", fits, "default", "now"),
            _setting("talk.loudness", fits, "default", "now"),
            _setting("talk.voice", fits, "file", "now"),
            _setting("server.port", fits, "default", "fixed"),
        ]

    def check(self, rows: Mapping[str, Any]) -> None:
        for key, value in rows.items():
            if not _fits(value):
                raise ConfigError(f"{key} = {value!r}: expected a number from 0.5 to 3")


def _fits(value: Any) -> bool:
    return isinstance(value, int | float) and 0.5 <= value <= 3


def _setting(key: str, rows: Mapping[str, Any], origin: Any, effect: Any) -> Described:
    return Described(
        key=key, value=None, saved=rows.get(key), is_saved=key in rows, default=1.0, type="number", choices=None,
        minimum=None, maximum=None, text="…", origin=origin, where="vivavoce.yaml:3", effect=effect,
    )  # fmt: skip


@asynccontextmanager
async def office(url: str) -> AsyncIterator[Office]:
    """A registry on the (migrated) database at `url`."""
    async with Database.open(url) as database, open_bus(None, database) as bus:
        clock = lambda: here.now  # noqa: E731
        commons = Commons(database, MemoryCache(), bus, Audit(database, Live(bus), clock), clock)
        registry = Registry.make(commons, Rules(), lambda: here.persona, SKILLS)
        here = Office(database, commons, registry, Persona(name="Assistant", prompt="Be kind.", patience=1.5))
        async with bus.subscribe("live", here.arriving.put_nowait):
            yield here
