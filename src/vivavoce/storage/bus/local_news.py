"""Publish and subscribe within one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from vivavoce.storage.bus.port import News


class Subscribers:
    """Who wants the news of which channel. Each is called from the loop, not from within whoever publishes."""

    def __init__(self) -> None:
        self._by_channel: dict[str, dict[object, Callable[[News], None]]] = {}

    @property
    def channels(self) -> list[str]:
        return list(self._by_channel)

    def add(self, channel: str, take: Callable[[News], None]) -> tuple[object, bool]:
        """A token to remove it by, and whether it is the channel's first."""
        token = object()
        first = channel not in self._by_channel
        self._by_channel.setdefault(channel, {})[token] = take
        return token, first

    def remove(self, channel: str, token: object) -> bool:
        """Whether it was the channel's last."""
        others = self._by_channel[channel]
        del others[token]
        if others:
            return False
        del self._by_channel[channel]
        return True

    def tell(self, news: News) -> None:
        loop = asyncio.get_running_loop()
        for token in self._by_channel.get(news.channel, ()):
            loop.call_soon(self._call, token, news)

    def _call(self, token: object, news: News) -> None:
        take = self._by_channel.get(news.channel, {}).get(token)
        if take is not None:  # it may have left meanwhile
            take(news)


class LocalNews:
    """The half of a `Bus` that carries news, in this process: it is never silent and nothing is ever missed."""

    silent_s = 0.0

    def __init__(self) -> None:
        self._subscribers = Subscribers()

    async def publish(self, channel: str, payload: bytes) -> None:
        self._subscribers.tell(News(channel, payload))

    @asynccontextmanager
    async def subscribe(
        self, channel: str, take: Callable[[News], None], missed: Callable[[], None] | None = None
    ) -> AsyncIterator[None]:
        token, _ = self._subscribers.add(channel, take)
        try:
            yield
        finally:
            self._subscribers.remove(channel, token)
