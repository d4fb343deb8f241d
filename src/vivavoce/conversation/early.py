"""What a turn-based client sends while its turn waits for a slot: kept in order, bounded in number and size."""

from __future__ import annotations

from collections import deque

from vivavoce.audio.pcm import INPUT_RATE, SAMPLE_BYTES
from vivavoce.conversation.inputs import Prefill, UserInput
from vivavoce.errors import BadInput

SOUND_BYTES = 60 * INPUT_RATE * SAMPLE_BYTES
"""A minute, as long as an utterance may be; of more, the oldest goes."""
EVENTS = 64
"""More than a turn is made of."""
EVENT_BYTES = 16 << 20
"""Two messages of the largest size that a channel takes."""


class Early:
    """Sound and inputs in the order they came."""

    __slots__ = ("_events", "_items", "_sound", "_weight")

    def __init__(self) -> None:
        self._items: deque[bytes | UserInput] = deque()
        self._sound = self._events = self._weight = 0

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: bytes | UserInput) -> None:
        """Raises BadInput `too_fast` for an input that does not fit; of sound the oldest is forgotten instead."""
        if isinstance(item, bytes):
            self._items.append(item)
            self._sound += len(item)
            while self._sound > SOUND_BYTES:
                self._forget_oldest_sound()
            return
        weight = _weight(item)
        if self._events == EVENTS or self._weight + weight > EVENT_BYTES:
            raise BadInput("too much was sent while the turn waits for a free place", code="too_fast")
        self._events += 1
        self._weight += weight
        self._items.append(item)

    def take(self) -> list[bytes | UserInput]:
        """All of it; nothing is left."""
        items = list(self._items)
        self._items.clear()
        self._sound = self._events = self._weight = 0
        return items

    def _forget_oldest_sound(self) -> None:
        place = next(index for index, item in enumerate(self._items) if isinstance(item, bytes))
        self._sound -= len(self._items[place])  # type: ignore[arg-type]
        del self._items[place]


def _weight(event: UserInput) -> int:
    """Bytes that it keeps in memory, the small ones aside."""
    if not isinstance(event, Prefill):
        return 0
    pictures = sum(len(picture.data) for message in event.messages for picture in message.pictures)
    return pictures + sum(map(len, event.sounds)) + sum(len(message.text) for message in event.messages)
