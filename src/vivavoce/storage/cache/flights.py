"""Single flight: of all who want the same thing at once, one makes it and the others wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Flights(Generic[V]):
    """Makings under way, by key. The one who makes it does so in its own task, so no task is left behind; when that
    one is cancelled, one of the others begins anew.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Future[V]] = {}

    async def share(self, key: Hashable, make: Callable[[], Awaitable[V]]) -> V:
        """What `make` gives, or what somebody is just making; what it raises goes to all of them."""
        while (flight := self._under_way.get(key)) is not None:
            # Waiting does not shield: of a waiter that is cancelled only its own wait ends.
            await asyncio.wait([flight])
            if not flight.cancelled():
                return flight.result()
        return await self._make(key, make)

    def forget(self, key: Hashable) -> None:
        """Whoever asks from now on does not get what is being made."""
        self._under_way.pop(key, None)

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[V]]) -> V:
        flight = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            value = await make()
        except asyncio.CancelledError:
            flight.cancel()
            raise
        except BaseException as error:
            flight.set_exception(error)
            flight.exception()  # nobody may have waited for it
            raise
        else:
            flight.set_result(value)
            return value
        finally:
            if self._under_way.get(key) is flight:
                del self._under_way[key]
