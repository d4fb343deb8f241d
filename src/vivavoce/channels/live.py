"""`/ws`: what changes, for pages that show it. Each event goes only to those who may know of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vivavoce.accounts.permissions import Permission
from vivavoce.accounts.principal import Principal
from vivavoce.aio import now
from vivavoce.channels.connection import Connection
from vivavoce.channels.feed import Entry, LiveFeed
from vivavoce.channels.limits import LIVE, Allowance, ChannelLimits
from vivavoce.errors import BadInput
from vivavoce.wire.live import Ping, Pong, SnapshotNeeded, Subscribe, Subscribed, Topic, decode_client

# Topic → the permission to see one's own, and the permission to see everybody's.
TOPICS: Final[Mapping[Topic, tuple[Permission | None, Permission]]] = {
    "users": (None, "users"),
    "sign_ins": ("self", "users"),
    "apps": (None, "apps.read"),
    "settings": (None, "settings"),
    "audit": (None, "audit"),
    "conversations": ("history.own", "history.timings"),
    "sessions": ("talk", "live"),
    "recording": ("talk", "live"),
}

_REPLAYED: Final = 500
_REPLAYED_BYTES: Final = 128 << 10
"""Of more than this a fresh look costs both sides less, and the send buffer would take it for a client that sleeps."""


def sees(principal: Principal, topic: Topic, owner: str) -> bool:
    """Whether this person may know of an event of that owner (empty: nobody's in particular)."""
    own, everybodys = TOPICS[topic]
    if principal.may(everybodys):
        return True
    return own is not None and principal.may(own) and owner != "" and owner == principal.user


def offered(principal: Principal, topic: Topic) -> bool:
    """Whether there can be anything in this topic for this person."""
    return any(permission is not None and principal.may(permission) for permission in TOPICS[topic])


class LiveChannel:
    """One page that watches. What it may see is settled by its principal, which lasts as long as the connection:
    whoever is demoted or signed out is cut off, and comes back as what they are then."""

    def __init__(self, connection: Connection, feed: LiveFeed, limits: ChannelLimits = LIVE) -> None:
        self._connection = connection
        self._principal = connection.caller.principal
        self._feed = feed
        self._bytes = Allowance(limits.bytes_per_s, limits.burst_bytes, now())
        self._topics: frozenset[Topic] = frozenset()

    # ── from the client ───────────────────────────────────────────────────────────────────────────

    def text(self, data: bytes) -> None:
        # A `subscribe` may cost a look through the whole ring, so each message counts as a kilobyte at least.
        if not self._bytes.take(max(len(data), 1_024), now()):
            raise BadInput("more than may come at a time; this message was dropped", code="too_fast")
        match decode_client(data):
            case Subscribe(topics=topics, cursor=cursor):
                self._subscribe(topics, cursor)
            case Ping():
                self._connection.send(Pong(self._feed.cursor))

    def sound(self, data: bytes) -> None:
        raise BadInput("there is nothing to be heard here")

    def closed(self) -> None:
        self._feed.leave(self)

    def _subscribe(self, topics: tuple[Topic, ...], cursor: str | None) -> None:
        principal = self._principal
        self._topics = frozenset(topic for topic in topics if principal and offered(principal, topic))
        self._feed.join(self)
        granted = tuple(sorted(self._topics))
        if cursor is None:
            self._connection.send(Subscribed(granted, self._feed.cursor))
            return
        missed = self._feed.since(cursor)
        mine = [entry for entry in missed or () if self._sees(entry)]
        if missed is None or len(mine) > _REPLAYED or sum(len(entry.message) for entry in mine) > _REPLAYED_BYTES:
            self._connection.send(Subscribed(granted, self._feed.cursor))
            self._connection.send(SnapshotNeeded(self._feed.cursor))
            return
        self._connection.send(Subscribed(granted, cursor))
        for entry in mine:
            self._connection.send_encoded(entry.message)

    # ── from the feed ─────────────────────────────────────────────────────────────────────────────

    def take(self, entry: Entry) -> None:
        if self._sees(entry):
            self._connection.send_encoded(entry.message)

    def lost_track(self, cursor: str) -> None:
        self._connection.send(SnapshotNeeded(cursor))

    def _sees(self, entry: Entry) -> bool:
        return (
            entry.topic in self._topics
            and self._principal is not None
            and sees(self._principal, entry.topic, entry.owner)
        )
