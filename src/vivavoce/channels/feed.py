"""What changed lately, for `/ws`: news from the bus, kept for ten minutes, so that who comes back misses nothing.

Every gateway keeps its own ring of the same news, since the bus brings one channel to all of them in one order. A
cursor names the news itself (the hash of its text, and which of several equal ones it is), so one gateway's cursor
means the same on the other. Two cases have no answer, and the client is told to ask for everything again: a cursor
that has left the ring, and news that this gateway may have missed because the bus was away.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from vivavoce.accounts.live import CHANNEL
from vivavoce.storage.bus.port import Bus, News
from vivavoce.storage.clock import MINUTE, SECOND, Clock, wall
from vivavoce.wire.base import encode
from vivavoce.wire.live import Event, Topic

LARGEST: Final = 16 << 10
"""Bytes of one piece of news."""
_SKEW: Final = 5 * SECOND
"""How far the clocks of two gateways may be apart."""

_log = logging.getLogger(__name__)


class _Published(msgspec.Struct, frozen=True):
    """As it travels on the bus; `owner` is the user whose it is, or empty."""

    topic: Topic
    kind: str
    id: str
    owner: str = ""
    data: dict[str, Any] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RingLimits:
    """What is kept, whichever is less."""

    ms: int = 10 * MINUTE
    entries: int = 10_000
    bytes: int = 8 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of news, ready to be sent."""

    number: int
    at: int
    cursor: str
    name: str
    """The part of the cursor that is the same on every gateway."""
    topic: Topic
    owner: str
    message: bytes


class Reader(Protocol):
    """A connection that listens. Neither method may raise."""

    def take(self, entry: Entry) -> None: ...

    def lost_track(self, cursor: str) -> None:
        """News may have been missed."""
        ...


class LiveFeed:
    """The ring of this process. `run` keeps it filled."""

    def __init__(self, bus: Bus, *, clock: Clock = wall, limits: RingLimits = RingLimits()) -> None:
        self._bus = bus
        self._clock = clock
        self._limits = limits
        self._decode = msgspec.json.Decoder(_Published).decode
        self._readers: set[Reader] = set()
        self._count = 0
        self._begin()

    async def run(self) -> None:
        """Listen to the bus until cancelled."""
        async with self._bus.subscribe(CHANNEL, self._heard, self._missed):
            await asyncio.get_running_loop().create_future()

    @property
    def cursor(self) -> str:
        """The newest there is."""
        return self._ring[-1].cursor if self._ring else self._floor

    def join(self, reader: Reader) -> None:
        self._readers.add(reader)

    def leave(self, reader: Reader) -> None:
        self._readers.discard(reader)

    def since(self, cursor: str) -> Sequence[Entry] | None:
        """What came after that cursor, of whichever gateway it is; None when that cannot be known."""
        self._forget_old()
        if cursor == self._floor:
            return list(self._ring)
        entry = self._names.get(self._name_in(cursor))
        if entry is None:
            return None
        first = self._ring[0].number
        return [self._ring[index] for index in range(entry.number - first + 1, len(self._ring))]

    # ── inside ────────────────────────────────────────────────────────────────────────────────────

    def _begin(self) -> None:
        """An empty ring: nothing before this moment is known."""
        self._id = secrets.token_hex(4)
        self._began = self._clock()
        self._ring: deque[Entry] = deque()
        self._bytes = 0
        self._names: dict[str, Entry] = {}
        self._equal: dict[str, int] = {}
        """Of each text in the ring the number of its newest occurrence."""
        self._floor = f"{self._id}.{self._began:x}.start"
        """The cursor just before the oldest entry."""

    def _name_in(self, cursor: str) -> str:
        ring, _, rest = cursor.partition(".")
        moment, _, name = rest.partition(".")
        try:
            at = int(moment[:16], 16)
        except ValueError:
            return ""
        # Equal texts are counted from where a ring begins, so another gateway's count holds only well after that.
        known = ring == self._id or at >= self._began + _SKEW
        return name if known else ""

    def _heard(self, news: News) -> None:
        try:
            if len(news.payload) > LARGEST:
                raise ValueError("too large")
            published = self._decode(news.payload)
        except (msgspec.MsgspecError, ValueError) as error:
            # A fault of whoever published it; the others' pages must not suffer.
            _log.error("news that nobody can read: %s", type(error).__name__)
            return
        digest = hashlib.blake2b(news.payload, digest_size=9).hexdigest()
        nth = self._equal.get(digest, -1) + 1
        self._equal[digest] = nth
        at, name = self._clock(), f"{digest}.{nth}"
        cursor = f"{self._id}.{at:x}.{name}"
        message = encode(Event(cursor, published.topic, published.kind, published.id, published.data))
        entry = Entry(self._count, at, cursor, name, published.topic, published.owner, message)
        self._count += 1
        self._ring.append(entry)
        self._names[name] = entry
        self._bytes += len(message)
        self._forget_old()
        for reader in tuple(self._readers):
            reader.take(entry)

    def _missed(self) -> None:
        self._begin()
        for reader in tuple(self._readers):
            reader.lost_track(self._floor)

    def _forget_old(self) -> None:
        limits, ring = self._limits, self._ring
        oldest = self._clock() - limits.ms
        while ring and (ring[0].at < oldest or len(ring) > limits.entries or self._bytes > limits.bytes):
            gone = ring.popleft()
            self._bytes -= len(gone.message)
            del self._names[gone.name]
            digest, _, nth = gone.name.partition(".")
            if self._equal[digest] == int(nth):
                del self._equal[digest]
            self._floor = gone.cursor
