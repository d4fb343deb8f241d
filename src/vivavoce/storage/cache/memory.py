"""The cache in this process: bounded in entries and bytes, the least recently used goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from vivavoce import aio
from vivavoce.errors import StorageError
from vivavoce.storage.cache.flights import Flights
from vivavoce.storage.cache.limits import check, checked, fits, life

ENTRIES = 100_000
BYTES = 64 << 20
OVERHEAD = 200
"""Bytes that an entry takes besides its key and value, roughly."""


@dataclass(slots=True)
class _Entry:
    value: bytes
    ends: float
    tags: tuple[str, ...]


@dataclass(slots=True)
class _Making:
    """A value under way. `spoilt`: what it is made of has changed meanwhile, so it must not be kept."""

    tags: tuple[str, ...]
    spoilt: bool = False


class MemoryCache:
    """`Cache` for one process. It is never away, and never waits but in `once`."""

    def __init__(self, entries: int = ENTRIES, size: int = BYTES) -> None:
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._by_tag: dict[str, set[str]] = {}
        self._makings: dict[str, _Making] = {}
        self._flights = Flights[bytes]()
        self._limits = (entries, size)
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """Bytes in use, as far as they are counted."""
        return self._bytes

    def peek(self, key: str) -> bytes | None:
        """`get` without waiting."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.ends <= aio.now():
            self._remove(key)
            return None
        self._entries.move_to_end(key)
        return entry.value

    async def get(self, key: str) -> bytes | None:
        return self.peek(key)

    async def put(self, key: str, value: bytes, ttl_s: float, *, tags: Sequence[str] = ()) -> None:
        check(key, value, tags)
        self._spoil(key)
        self._keep(key, _Entry(value, aio.now() + life(ttl_s), tuple(tags)))

    async def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        check(key, value)
        if self.peek(key) is not None:
            return False
        self._spoil(key)
        self._keep(key, _Entry(value, aio.now() + life(ttl_s), ()))
        return True

    async def take(self, key: str) -> bytes | None:
        value = self.peek(key)
        self._spoil(key)
        self._remove(key)
        return value

    async def drop(self, *keys: str) -> None:
        self.forget(keys=keys)

    async def invalidate(self, *tags: str) -> None:
        self.forget(tags=tags)

    def forget(self, *, keys: Sequence[str] = (), tags: Sequence[str] = ()) -> None:
        """`drop` and `invalidate` without waiting."""
        for key in keys:
            self._spoil(key)
            self._remove(key)
        for key, making in list(self._makings.items()):
            if not set(tags).isdisjoint(making.tags):
                self._spoil(key)
        for tag in tags:
            for key in self._by_tag.get(tag, set()).copy():
                self._remove(key)

    def clear(self) -> None:
        """Forget everything; what is being made is handed out, but not kept."""
        for key in list(self._makings):
            self._spoil(key)
        self._entries.clear()
        self._by_tag.clear()
        self._bytes = 0

    async def count(self, key: str, by: int, ttl_s: float) -> int:
        so_far = self.peek(checked(key))
        try:
            total = int(so_far or b"0") + by
        except ValueError:
            raise StorageError("that key holds a value, not a counter") from None
        ends = aio.now() + life(ttl_s) if so_far is None else self._entries[key].ends
        self._keep(key, _Entry(b"%d" % total, ends, ()))
        return total

    async def once(
        self, key: str, ttl_s: float, make: Callable[[], Awaitable[bytes]], tags: Sequence[str] = ()
    ) -> bytes:
        value = self.peek(key)
        if value is not None:
            return value
        check(key, b"", tags)
        return await self._flights.share(key, lambda: self._made(key, ttl_s, make, tuple(tags)))

    async def _made(self, key: str, ttl_s: float, make: Callable[[], Awaitable[bytes]], tags: tuple[str, ...]) -> bytes:
        making = self._makings[key] = _Making(tags)
        try:
            value = await make()
        finally:
            if self._makings.get(key) is making:
                del self._makings[key]
        if not making.spoilt and fits(value):
            self._keep(key, _Entry(value, aio.now() + life(ttl_s), tags))
        return value

    def _spoil(self, key: str) -> None:
        """What is being made under that key is old already: not kept, and nobody else waits for it."""
        making = self._makings.pop(key, None)
        if making is not None:
            making.spoilt = True
            self._flights.forget(key)

    def _keep(self, key: str, entry: _Entry) -> None:
        self._remove(key)
        self._entries[key] = entry
        self._bytes += _size(key, entry)
        for tag in entry.tags:
            self._by_tag.setdefault(tag, set()).add(key)
        most, size = self._limits
        while len(self._entries) > most or self._bytes > size:
            self._remove(next(iter(self._entries)))

    def _remove(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self._bytes -= _size(key, entry)
        for tag in entry.tags:
            keys = self._by_tag.get(tag)
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del self._by_tag[tag]


def _size(key: str, entry: _Entry) -> int:
    return OVERHEAD + len(key) + len(entry.value) + sum(map(len, entry.tags))
