"""News of what must be refused from now on, to every process within a second.

The truth is in the database: `epoch` of users, `revoked_at` of sign-ins and tokens. This carries only the news of it,
two ways: over the bus, at once; and from the audit, where every revocation is a row, by looking once a second for new
ones. So nothing is lost with the bus, and what the command line does reaches a server that has no bus to it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from sqlalchemy import func, select

from vivavoce.errors import StorageError
from vivavoce.storage.bus.port import Bus, News
from vivavoce.storage.database import Database
from vivavoce.storage.models import AuditEntry

log = logging.getLogger(__name__)

CHANNEL: Final = "accounts.revoked"
SILENT_S: Final = 5.0
"""With a bus that has proved nothing for so long, the database is asked each time."""
LOOK_S: Final = 1.0
ACTS: Final = ("sign_in.end", "sign_in.reuse", "token.revoke", "user.revoke", "user.delete")
"""Acts that revoke: their rows carry the user, and the sign-in or token where it is only that one."""

Callback = Callable[[str, str | None], None]
"""Called with a user's id and a sign-in's (or API token's) id; None: all of the user's."""


class Revocations:
    """A server runs `listen`; whoever wants to be told, `watch`es."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus
        self._watchers: list[Callback] = []
        self._missed: list[Callable[[], None]] = []
        self._told: deque[int] = deque(maxlen=1024)
        self._seen: int | None = None

    def watch(self, callback: Callback, missed: Callable[[], None] | None = None) -> Callable[[], None]:
        """`callback` on the loop for each revocation by whichever process; it must neither block nor raise.

        `missed` when the bus may have lost some: whoever keeps answers forgets them all. Whoever holds something open
        needs it not, since the next look tells of what was missed. Returns what ends it.
        """
        self._watchers.append(callback)
        if missed is not None:
            self._missed.append(missed)

        def end() -> None:
            self._watchers.remove(callback)
            if missed is not None:
                self._missed.remove(missed)

        return end

    @property
    def reliable_s(self) -> float:
        """Seconds for which the news may still be relied on without another proof; below 0 they may not."""
        return SILENT_S - self._bus.silent_s

    async def tell(self, seq: int, user: str, sign_in: str | None) -> None:
        """After the commit of audit row `seq`: here at once, everywhere else by the bus (or, without it, a look)."""
        self._hear(seq, user, sign_in)
        try:
            await self._bus.publish(CHANNEL, json.dumps({"seq": seq, "user": user, "sign_in": sign_in}).encode())
        except StorageError:
            log.warning("the bus is away; other processes learn of this revocation by looking")

    async def listen(self) -> None:
        """Hear of revocations until cancelled."""
        blind = False
        async with self._bus.subscribe(CHANNEL, self._news, self._lost):
            while True:
                try:
                    await self.look()
                    blind = False
                except StorageError:
                    if not blind:
                        log.warning("cannot look for revocations: the database is away")
                    blind = True
                await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Pass on what the audit has since the last look. Rows come in the order of their commits: none is missed."""
        async with self._database.reading() as session:
            if self._seen is None:
                self._seen = await session.scalar(select(func.max(AuditEntry.seq))) or 0
                return
            rows = await session.execute(
                select(AuditEntry.seq, AuditEntry.object_id, AuditEntry.detail)
                .where(AuditEntry.seq > self._seen, AuditEntry.act.in_(ACTS))
                .order_by(AuditEntry.seq)
            )
            found = [(seq, detail.get("user") or object_id, detail.get("sign_in")) for seq, object_id, detail in rows]
        for seq, user, sign_in in found:
            self._seen = seq
            self._hear(seq, user, sign_in)

    def _news(self, news: News) -> None:
        try:
            told = json.loads(news.payload)
            seq, user, sign_in = int(told["seq"]), str(told["user"]), told["sign_in"]
        except (ValueError, KeyError, TypeError):
            log.warning("news of a revocation that cannot be read")
            return
        self._hear(seq, user, None if sign_in is None else str(sign_in))

    def _lost(self) -> None:
        for missed in tuple(self._missed):
            missed()

    def _hear(self, seq: int, user: str, sign_in: str | None) -> None:
        if seq in self._told:
            return
        self._told.append(seq)
        for callback in tuple(self._watchers):
            callback(user, sign_in)
