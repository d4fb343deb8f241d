"""News for whoever watches: what changed, never anybody's words. They go out after the commit, by the bus.

Whoever misses some sees a stale page until it asks again, so they may be lost: 1,000 wait, then the oldest go, and
with the bus away they are dropped.
"""

from __future__ import annotations

import json
import logging
from typing import Final, Literal

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.aio import Mailbox
from vivavoce.errors import StorageError
from vivavoce.storage.bus.port import Bus

log = logging.getLogger(__name__)

CHANNEL: Final = "live"
WAITING: Final = 1_000

Topic = Literal["users", "sign_ins", "audit", "recording"]
Kind = Literal["created", "changed", "deleted"]


class Live:
    """Posts are quick and never fail; `run` carries them out."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._box: Mailbox[bytes] = Mailbox(WAITING, "drop_oldest")

    def on_commit(self, session: AsyncSession, topic: Topic, kind: Kind, object_id: str, *, owner: str = "") -> None:
        """Tell of it when, and only if, the transaction of `session` is committed."""
        news = {"topic": topic, "owner": owner, "kind": kind, "id": object_id, "data": {}}
        payload = json.dumps(news).encode()
        event.listen(session.sync_session, "after_commit", lambda _: self._box.post(payload), once=True)

    async def run(self) -> None:
        """Until cancelled."""
        async for payload in self._box:
            await self._send(payload)

    async def flush(self) -> None:
        """Send what waits: for a command, which does not run."""
        while len(self._box):
            await self._send(await self._box.get())

    async def _send(self, payload: bytes) -> None:
        try:
            await self._bus.publish(CHANNEL, payload)
        except StorageError:
            log.debug("the bus is away: live news are dropped")
