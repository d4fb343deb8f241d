"""News of what changes, for pages that show it: events by topic, each with a cursor to go on from.

An event says that something changed and which; it never carries what people said. After a reconnect the last cursor
brings what came meanwhile, exactly once; where that is not known any more `snapshot_needed` says so, and the client
asks for everything again.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, field

from vivavoce.wire.base import Decoder, Error, Message

MAX_MESSAGE: Final = 64 << 10

Topic = Literal["users", "sign_ins", "apps", "settings", "audit", "conversations", "sessions", "recording"]
Cursor = Annotated[str, Meta(max_length=120)]


class Subscribe(Message, frozen=True, tag="subscribe"):
    """The topics from now on, instead of those before. With the `cursor` of a former connection, from there on."""

    topics: Annotated[tuple[Topic, ...], Meta(max_length=16)]
    cursor: Cursor | None = None


class Ping(Message, frozen=True, tag="ping"):
    """Are you there? A page cannot see the socket's own pings."""


class Subscribed(Message, frozen=True, tag="subscribed"):
    """The topics of those asked for that this caller may see, and the cursor to which all is known."""

    topics: tuple[Topic, ...]
    cursor: Cursor


class SnapshotNeeded(Message, frozen=True, tag="snapshot_needed"):
    """What came since the client's cursor is not known any more: ask for everything again, then go on from here."""

    cursor: Cursor


class Event(Message, frozen=True, tag="event"):
    """Something changed. `kind` is `created`, `changed`, `deleted` or the topic's own."""

    cursor: Cursor
    topic: Topic
    kind: str
    id: str
    data: dict[str, Any] = field(default_factory=dict)


class Pong(Message, frozen=True, tag="pong"):
    """Yes. All up to `cursor` has been sent."""

    cursor: Cursor


ClientMessage = Subscribe | Ping
ServerMessage = Subscribed | SnapshotNeeded | Event | Pong | Error

decode_client: Decoder[ClientMessage] = Decoder(ClientMessage)
decode_server: Decoder[ServerMessage] = Decoder(ServerMessage)
