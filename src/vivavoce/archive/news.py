"""What the archive tells other processes and open pages, without a word of anybody: best effort, in order."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from vivavoce import aio
from vivavoce.accounts.live import CHANNEL
from vivavoce.errors import StorageError
from vivavoce.storage.bus.port import Bus

LIVE: Final = CHANNEL
"""Of what people watch."""
_WAITING: Final = 2_000
"""News that wait for a slow bus; the oldest are lost beyond that, and pages read again what they show."""


class News:
    """`tell` never waits; `run` publishes."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._box: aio.Mailbox[tuple[str, bytes]] = aio.Mailbox(_WAITING, "drop_oldest")

    def live(self, topic: str, owner: str, kind: str, id: str, data: dict[str, Any]) -> None:
        """To whoever has a page open that shows it."""
        self.tell(LIVE, {"topic": topic, "owner": owner, "kind": kind, "id": id, "data": data})

    def tell(self, channel: str, what: dict[str, Any]) -> None:
        self._box.post((channel, msgspec.json.encode(what)))

    async def run(self) -> None:
        """Until cancelled. While the bus is away news are lost: they are old when it is back."""
        while True:
            channel, payload = await self._box.get()
            try:
                await self._bus.publish(channel, payload)
            except StorageError:
                continue
