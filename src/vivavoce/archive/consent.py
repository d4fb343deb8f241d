"""Whose sound may be kept: nobody's before they said yes, and no longer than until they say no.

The answer is in `users.recording`, for all of a person's conversations, running ones too. It is read when a session
begins and whenever news say that it has changed; while news may be missed it is read again every few seconds.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Final, Protocol

import msgspec
from sqlalchemy import select

from vivavoce import aio
from vivavoce.archive.news import LIVE
from vivavoce.conversation.outputs import Recorded
from vivavoce.errors import StorageError
from vivavoce.storage.bus.port import Bus, News
from vivavoce.storage.database import Database
from vivavoce.storage.models import User

LOOK_S: Final = 5.0
"""With the bus gone everybody who talks is looked up this often."""
SILENT_S: Final = 5.0
TRY_AGAIN_S: Final = 1.0
_TOPIC: Final = "recording"
_AT_ONCE: Final = 500


class Recordable(Protocol):
    """A session whose sound could be kept."""

    def record(self, state: Recorded, reason: str = "") -> None: ...


class _Said(msgspec.Struct):
    topic: str = ""
    owner: str = ""


class Consents:
    """Everybody who talks is watched. `days` are those that sound is kept; with 0 nobody is asked."""

    def __init__(self, database: Database, bus: Bus, days: int) -> None:
        self._database = database
        self._bus = bus
        self._days = days
        self._watched: defaultdict[str, set[Recordable]] = defaultdict(set)
        self._answers: dict[str, bool | None] = {}
        """Of people who talk now."""
        self._asked: set[str] = set()
        self._due = asyncio.Event()
        self._full = ""

    @property
    def full(self) -> str:
        """Why nothing can be recorded at the moment, or empty."""
        return self._full

    def watch(self, owner: str, session: Recordable) -> None:
        """Tell `session` whether to record, as soon as it is known and at every change."""
        self._watched[owner].add(session)
        if owner in self._answers:
            self._apply(owner, session)
        else:
            self._ask(owner)

    def leave(self, owner: str, session: Recordable) -> None:
        self._watched[owner].discard(session)
        if not self._watched[owner]:
            del self._watched[owner]
            self._answers.pop(owner, None)

    def state(self, owner: str) -> tuple[Recorded, str]:
        """Whether that person's sound is kept now, and why not where they want it."""
        if self._days == 0:
            return "off", ""
        answer = self._answers.get(owner, False)
        if answer is None:
            return "ask", ""
        if not answer:
            return "off", ""
        return ("paused", self._full) if self._full else ("on", "")

    def room(self, full: str) -> None:
        """There is no room for sound any more (`full` says why), or there is again."""
        if full != self._full:
            self._full = full
            for owner in self._answers:
                self._tell(owner)

    def changed(self, owner: str) -> None:
        """They have answered; read it."""
        if owner in self._watched:
            self._ask(owner)

    async def run(self) -> None:
        """Until cancelled."""
        async with self._bus.subscribe(LIVE, self._heard, self._missed), asyncio.TaskGroup() as group:
            aio.spawn(group, self._looking(), "archive: consents")
            while True:
                await self._due.wait()
                self._due.clear()
                await self._read()

    async def _read(self) -> None:
        asked, self._asked = list(self._asked), set()
        try:
            for start in range(0, len(asked), _AT_ONCE):
                await self._look_up(asked[start : start + _AT_ONCE])
        except StorageError:  # they stay as they were: nobody is recorded who has not said yes
            self._asked.update(asked)
            await asyncio.sleep(TRY_AGAIN_S)
            self._due.set()

    async def _look_up(self, owners: list[str]) -> None:
        async with self._database.reading() as session:
            found = await session.execute(select(User.id, User.recording).where(User.id.in_(owners)))
            answers = {row.id: row.recording for row in found}
        for owner in owners:
            if owner in self._watched:
                self._answers[owner] = answers.get(owner, False)
                self._tell(owner)

    def _ask(self, owner: str) -> None:
        if self._days:
            self._asked.add(owner)
            self._due.set()

    def _tell(self, owner: str) -> None:
        for session in tuple(self._watched.get(owner, ())):
            self._apply(owner, session)

    def _apply(self, owner: str, session: Recordable) -> None:
        session.record(*self.state(owner))

    def _heard(self, news: News) -> None:
        if b'"recording"' not in news.payload:
            return
        try:
            said = msgspec.json.decode(news.payload, type=_Said)
        except msgspec.DecodeError:
            return
        if said.topic == _TOPIC:
            self.changed(said.owner)

    def _missed(self) -> None:
        for owner in self._watched:
            self._ask(owner)

    async def _looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            if self._bus.silent_s > SILENT_S:
                self._missed()
