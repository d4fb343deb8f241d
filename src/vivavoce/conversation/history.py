"""The history of a conversation: only what was said and what was heard.

The engine writes it; views read it when they prepare a reply. A reply enters when its turn is committed,
as long as nothing of it was heard it counts for nothing, and in the end it holds the words heard.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from vivavoce.inference.ports import ChatMessage

PICTURE_BYTES = 16 << 20
"""Pictures kept for the models, the newest first; older messages keep their words."""


@dataclass(slots=True)
class Turn:
    """What was said and what was heard of the reply. `open` until the reply is done."""

    said: str
    heard: str = ""
    interrupted: bool = False
    open: bool = True
    after: list[ChatMessage] = field(default_factory=list)
    """What the client added while the reply sounded."""


class History:
    """Bounded: the newest `limit` turns are kept for the models; the store keeps all."""

    def __init__(self, limit: int = 40) -> None:
        self._limit = limit
        self._prefix: list[ChatMessage] = []
        self._turns: dict[int, Turn] = {}

    def replace(self, messages: Iterable[ChatMessage]) -> None:
        """Forget everything and begin with `messages`."""
        self._prefix = _lighter(list(messages))
        self._turns.clear()

    def extend(self, messages: Iterable[ChatMessage]) -> None:
        """Messages given by the client (turn-based prefill), after all turns so far."""
        newest = next(reversed(self._turns.values()), None)
        if newest is not None and newest.open:  # what will be heard of its reply comes before them
            newest.after = [*newest.after, *messages][-2 * self._limit :]
            return
        self._prefix = _lighter([*self.messages(), *messages][-2 * self._limit :])
        self._turns.clear()

    def open(self, reply: int, said: str) -> None:
        """A turn is committed: `said` is history from now on."""
        self._turns[reply] = Turn(said)
        while len(self._turns) > self._limit:
            del self._turns[next(iter(self._turns))]

    def hear(self, reply: int, text: str) -> None:
        """So far `text` of that reply was heard, as far as one can know; `close` has the last word."""
        turn = self._turns.get(reply)
        if turn is not None and turn.open:
            turn.heard, turn.interrupted = text, True

    def close(self, reply: int, heard: str, *, interrupted: bool) -> None:
        """The reply is over; exactly `heard` of it is history."""
        if turn := self._turns.get(reply):
            turn.heard, turn.interrupted, turn.open = heard, interrupted, False

    def turns(self) -> tuple[Turn, ...]:
        return tuple(self._turns.values())

    def messages(self) -> tuple[ChatMessage, ...]:
        """As a language model reads it; cut replies end with a dash, as a cut sentence does."""
        out = list(self._prefix)
        for turn in self._turns.values():
            if turn.said:
                out.append(ChatMessage("user", turn.said))
            if turn.heard:
                out.append(ChatMessage("assistant", turn.heard + ("—" if turn.interrupted else "")))
            out += turn.after
        return tuple(out)


def _lighter(messages: list[ChatMessage]) -> list[ChatMessage]:
    """With the newest pictures only, as many as `PICTURE_BYTES` hold."""
    left = PICTURE_BYTES
    for index in range(len(messages) - 1, -1, -1):
        left -= sum(len(picture.data) for picture in messages[index].pictures)
        if left < 0 and messages[index].pictures:
            messages[index] = replace(messages[index], pictures=())
    return messages
