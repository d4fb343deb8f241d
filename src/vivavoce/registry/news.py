"""Tells every process, and whoever looks on, that something has changed; after the change is durable."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from vivavoce.accounts.live import CHANNEL
from vivavoce.errors import StorageError
from vivavoce.storage.bus import Bus
from vivavoce.storage.cache import Cache

log = logging.getLogger(__name__)

LIVE: Final = CHANNEL
"""Where people's consoles listen."""


class News:
    """`told` never fails: the change is in the database already, and whoever hears nothing asks there in time."""

    def __init__(self, cache: Cache, bus: Bus) -> None:
        self._cache = cache
        self._bus = bus

    async def told(
        self,
        topic: Literal["apps", "settings"],
        kind: Literal["created", "changed", "deleted"],
        id: str,
        data: Mapping[str, Any],
    ) -> None:
        """Forget the kept answers tagged `topic`, then publish. `data` holds no words of people."""
        news = msgspec.json.encode({"topic": topic, "owner": "", "kind": kind, "id": id, "data": data})
        try:
            await self._cache.invalidate(topic)
        except StorageError as error:
            log.warning("%s %s: kept answers may be old for a minute: %s", topic, id, error)
        try:
            await self._bus.publish(LIVE, news)
        except StorageError as error:
            log.warning("%s %s: no news of it: %s", topic, id, error)
