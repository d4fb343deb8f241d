"""The same client for scripts that are not asynchronous.

with Blocking(VivavoceClient("http://127.0.0.1:8006", token=…)) as server:
    me = server.run(server.client.me.get())
    for app in server.each(server.client.apps.list()):
        print(app.id)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

from vivavoce.client.client import VivavoceClient

T = TypeVar("T")


class Blocking:
    """Runs calls of a client one after another, on a loop of its own; for one thread."""

    def __init__(self, client: VivavoceClient) -> None:
        self.client = client
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self.run(self.client.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(self.client.__aexit__(kind, error, trace))
        self._runner.__exit__(kind, error, trace)

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        """The result of one call."""
        return self._runner.run(call)

    def each(self, items: AsyncIterator[T]) -> Iterator[T]:
        """Items, as they are asked for."""
        step: Callable[[], Coroutine[Any, Any, T]] = items.__anext__  # type: ignore[assignment]
        try:
            while True:
                try:
                    item = self.run(step())
                except StopAsyncIteration:
                    return
                yield item
        finally:
            if isinstance(items, AsyncGenerator):  # whoever stops early leaves no answer half read
                self.run(_closed(items))


async def _closed(items: AsyncGenerator[T, None]) -> None:
    await items.aclose()
