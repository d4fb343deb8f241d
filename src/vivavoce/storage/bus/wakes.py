"""Waking those who wait for a stream, within one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Wakes:
    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}

    @asynccontextmanager
    async def waking(self, stream: str) -> AsyncIterator[asyncio.Event]:
        event = asyncio.Event()
        self._waiting.setdefault(stream, set()).add(event)
        try:
            yield event
        finally:
            others = self._waiting[stream]
            others.discard(event)
            if not others:
                del self._waiting[stream]

    def wake(self, stream: str) -> None:
        for event in self._waiting.get(stream, ()):
            event.set()
