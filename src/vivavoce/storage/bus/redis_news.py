"""Publish and subscribe through Redis, on one connection that is watched and remade.

Each second this process tells itself something through Redis. What it hears is the proof that news arrives
(`silent_s`); when nothing was heard for three seconds, or the line breaks, the connection is made anew, everything is
subscribed to again, and whoever subscribed is told that news may have been missed.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio.client import PubSub

from vivavoce import aio
from vivavoce.errors import StorageError, StorageUnavailable
from vivavoce.storage.bus.local_news import Subscribers
from vivavoce.storage.bus.port import News
from vivavoce.storage.redis_link import RedisLink, translated

BEAT_S: Final = 1.0
DEAF_S: Final = 3.0
"""Without a word of our own for so long the connection is given up."""
SUBSCRIBE_S: Final = 1.0
PAUSES_S: Final = (0.1, 0.2, 0.5, 1.0)
"""Between two tries to connect; the last one again and again."""

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Subscription:
    missed: Callable[[], None] | None
    entered: bool = False
    """What is published from now on should be heard."""


class RedisNews:
    """The half of a `Bus` that carries news. `run` has to be running, in the owner's task group."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._subscribers = Subscribers()
        self._subscriptions: dict[str, set[_Subscription]] = {}
        self._confirmed: dict[str, asyncio.Event] = {}
        self._pubsub: PubSub | None = None
        self._beat = self._name(f"beat.{secrets.token_hex(8)}")
        self._heard = aio.now()
        self._failures = 0

    @property
    def silent_s(self) -> float:
        return aio.now() - self._heard

    async def publish(self, channel: str, payload: bytes) -> None:
        async with self._link.limit():
            await self._link.client.publish(self._name(channel), payload)

    @asynccontextmanager
    async def subscribe(
        self, channel: str, take: Callable[[News], None], missed: Callable[[], None] | None = None
    ) -> AsyncIterator[None]:
        mine = _Subscription(missed)
        token, first = self._subscribers.add(channel, take)
        self._subscriptions.setdefault(channel, set()).add(mine)
        confirmed = self._confirmed.setdefault(channel, asyncio.Event())
        try:
            if first:
                await self._ask(channel)
            with suppress(TimeoutError):
                async with asyncio.timeout(SUBSCRIBE_S):
                    await confirmed.wait()
            mine.entered = True
            yield
        finally:
            self._subscriptions[channel].discard(mine)
            if self._subscribers.remove(channel, token):
                del self._subscriptions[channel], self._confirmed[channel]
                await self._leave(channel)

    async def run(self) -> None:
        """Keep the subscriptions, until cancelled."""
        while True:
            try:
                with translated():
                    await self._listen()
            except StorageError:
                pause = PAUSES_S[min(self._failures, len(PAUSES_S) - 1)]
                if self._failures == 0:
                    _log.warning("the bus is away")
                self._failures += 1
                await asyncio.sleep(pause)

    async def _listen(self) -> None:
        """One connection, until it breaks or falls silent."""
        async with self._link.client.pubsub() as pubsub:
            known = self._subscribers.channels
            async with asyncio.timeout(SUBSCRIBE_S):
                await pubsub.subscribe(self._beat, *map(self._name, known))
            self._pubsub = pubsub
            try:
                for channel in set(self._subscribers.channels).difference(known):
                    await self._ask(channel)  # came while the first ones were asked for
                await self._hear(pubsub)
            finally:
                self._pubsub = None
                for confirmed in self._confirmed.values():
                    confirmed.clear()

    async def _hear(self, pubsub: PubSub) -> None:
        began = aio.now()
        while aio.now() - max(began, self._heard) < DEAF_S:
            await self._tell_myself()
            until = aio.now() + BEAT_S
            while (left := until - aio.now()) > 0:
                self._take(await pubsub.get_message(timeout=left))
            if self._heard > began and self._failures:
                _log.warning("the bus is back")
                self._failures = 0
        raise StorageUnavailable("the bus has fallen silent")

    async def _tell_myself(self) -> None:
        with suppress(StorageUnavailable):  # the silence that follows is what tells
            async with self._link.limit():
                await self._link.client.publish(self._beat, b"")

    def _take(self, message: dict[str, Any] | None) -> None:
        if message is None:
            return
        name = message["channel"].decode()
        if name == self._beat:
            self._heard = aio.now()
            return
        channel = name.removeprefix(self._name(""))
        if message["type"] == "message":
            self._subscribers.tell(News(channel, message["data"]))
        elif message["type"] == "subscribe" and channel in self._confirmed:
            self._confirmed[channel].set()
            for one in tuple(self._subscriptions[channel]):
                if one.entered and one.missed is not None:
                    one.missed()  # it began to listen, or listens again, later than it was promised

    async def _ask(self, channel: str) -> None:
        """Subscribe if there is a connection; without one, `_listen` does it when there is."""
        if self._pubsub is not None:
            with suppress(StorageUnavailable), translated():
                async with asyncio.timeout(SUBSCRIBE_S):
                    await self._pubsub.subscribe(self._name(channel))

    async def _leave(self, channel: str) -> None:
        if self._pubsub is not None:
            with suppress(StorageUnavailable), translated():
                async with asyncio.timeout(SUBSCRIBE_S):
                    await self._pubsub.unsubscribe(self._name(channel))

    def _name(self, channel: str) -> str:
        return self._link.name("news", channel)
