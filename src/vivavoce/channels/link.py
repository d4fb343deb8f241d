"""One connection's way to its session: opening it, keeping what comes early, letting go of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from vivavoce.channels.connection import Connection
from vivavoce.channels.contract import Outlet, Session, Sessions
from vivavoce.conversation.inputs import UserInput
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import BadInput, VivavoceError

EARLY_INPUTS: Final = 64
"""Inputs kept while the session is opened; more are answered with `too_fast`."""


Act = Callable[[Session], None]
"""Something done to the session; may raise VivavoceError."""


class Link:
    """`open` once; then sound and inputs go through, in their order, as soon as the session is there."""

    def __init__(self, connection: Connection, sessions: Sessions, outlet: Outlet, early_bytes: int) -> None:
        self._connection = connection
        self._sessions = sessions
        self._outlet = outlet
        self._early: deque[bytes | Act] = deque()
        self._early_room = early_bytes
        self._early_inputs = 0
        self._opening: asyncio.Task[None] | None = None
        self._session: Session | None = None
        self._closed = False

    @property
    def opened(self) -> bool:
        """`open` has been called."""
        return self._opening is not None

    @property
    def session(self) -> Session | None:
        return self._session

    def open(self, spec: SessionSpec, resume: str | None = None) -> None:
        """Begin to open the session; the session itself tells of the queue and of being prepared."""
        self._opening = self._connection.spawn(lambda: self._open(spec, resume), f"open {spec.kind} session")

    def audio(self, pcm: bytes) -> None:
        """The user's sound, 16 kHz PCM. Before the session is there the newest is kept, bounded."""
        if not pcm:
            return
        if self._session is not None:
            self._connection.metrics.sound_in_bytes += len(pcm)
            self._session.audio(pcm)
            return
        self._early.append(pcm)
        self._early_room -= len(pcm)
        while self._early_room < 0:
            self._drop_oldest_sound()

    def handle(self, event: UserInput, weight: int = 0) -> None:
        """What the user does, `weight` bytes of it. Raises WrongOrder, or BadInput `too_fast` when too much waits."""
        self.do(lambda session: session.handle(event), weight)

    def do(self, act: Act, weight: int = 0) -> None:
        """The same for what is more than one input, now or once the session is there."""
        if self._session is not None:
            act(self._session)
            return
        if self._early_inputs == EARLY_INPUTS or weight > self._early_room:
            raise BadInput("too much was sent before the session was there", code="too_fast")
        self._early_inputs += 1
        self._early_room -= weight
        self._early.append(act)

    def close(self) -> None:
        """The socket is gone. A session stays for a resume; one that is being opened is given up."""
        self._closed = True
        self._early.clear()
        if self._session is not None:
            self._session.detach(self._outlet)
        elif self._opening is not None:
            self._opening.cancel()

    async def _open(self, spec: SessionSpec, resume: str | None) -> None:
        session = await self._sessions.open(spec, self._outlet, resume)
        if self._closed:
            session.detach(self._outlet)
            return
        self._session = session
        # Nothing is awaited from here on, so nothing can come between what was early and what is next.
        while self._early:
            item = self._early.popleft()
            try:
                if isinstance(item, bytes):
                    self.audio(item)
                else:
                    item(session)
            except VivavoceError as error:
                self._connection.fail_with(error)

    def _drop_oldest_sound(self) -> None:
        for index, item in enumerate(self._early):
            if isinstance(item, bytes):
                self._early_room += len(item)
                del self._early[index]
                return
