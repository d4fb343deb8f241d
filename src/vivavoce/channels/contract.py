"""What channels need of the sessions below them, and of the socket above them, as types."""

from __future__ import annotations

from typing import Protocol

from vivavoce.conversation.client import Outlet
from vivavoce.conversation.inputs import UserInput
from vivavoce.conversation.views import SessionSpec

__all__ = ["Channel", "Outlet", "Session", "Sessions", "Transport"]


class Session(Protocol):
    """One claim on a conversation."""

    def audio(self, pcm: bytes) -> None:
        """16 kHz PCM, whole samples."""
        ...

    def handle(self, event: UserInput) -> None:
        """May raise WrongOrder."""
        ...

    def detach(self, outlet: Outlet) -> None:
        """The socket is gone; the session is kept for a resume. Idempotent."""
        ...


class Sessions(Protocol):
    async def open(self, spec: SessionSpec, outlet: Outlet, resume: str | None = None) -> Session:
        """A new session, or the one that `resume` belongs to. Raises Refused. Cancelling gives the ticket back."""
        ...


class Channel(Protocol):
    """What a protocol does with whole messages. May raise VivavoceError; the connection answers with the error."""

    def text(self, data: bytes) -> None: ...

    def sound(self, data: bytes) -> None: ...

    def closed(self) -> None:
        """The socket is gone; called once."""
        ...


class Transport(Protocol):
    """A socket that frames messages. Nothing here waits or raises; after `close` only `cut` does anything."""

    def send_text(self, data: bytes) -> None: ...

    def send_binary(self, data: bytes) -> None: ...

    def close(self, code: int, reason: str) -> None:
        """Say goodbye and wait a bounded time for the other side's."""
        ...

    def cut(self) -> None:
        """At once, with whatever was not sent yet."""
        ...

    def buffered(self) -> int:
        """Bytes that the peer has not taken yet."""
        ...
