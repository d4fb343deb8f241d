"""All sessions of this process: opened, resumed, supervised, drained."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from dataclasses import replace
from types import TracebackType

from vivavoce import aio
from vivavoce.conversation.client import Outlet
from vivavoce.conversation.engine import House, Session
from vivavoce.conversation.outputs import Problem, Stopped
from vivavoce.conversation.snapshot import Snapshot
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import Missing, Refused, VivavoceError

log = logging.getLogger(__name__)

Key = tuple[str, str]
"""Owner and session id: nobody comes by an id to somebody else's session."""
MOST = 20_000
"""Sessions of a process, those that wait for their lost client among them. More than it may have sockets: only who
opens and drops connections by the thousand gets there."""


class Sessions:
    """The registry, an async context manager that owns every session's task. At most `most` live at a time."""

    def __init__(self, house: House, most: int = MOST) -> None:
        self._house = house
        self._most = most
        self._sessions: dict[Key, Session] = {}
        self._draining = False
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Sessions:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_all()
        await self._group.__aexit__(kind, error, trace)

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def draining(self) -> bool:
        return self._draining

    async def open(self, spec: SessionSpec, outlet: Outlet, resume: str | None = None) -> Session:
        """A session for this client; what it has to say, `Prepared` first, goes through `outlet`.

        With the resume token of a living session, that one goes on, also when it lived in another process. Raises
        Refused (`draining`, `queue_full`, `overloaded`, `session_in_use`), Missing, StorageUnavailable. Cancelling
        it gives the place in the queue back.
        """
        old = self._sessions.get(_key(spec))
        if old is not None and self.resumable(spec, resume):
            old.attach(outlet)
            return old
        if self._draining:
            raise Refused("the server is shutting down; try again in a moment", code="draining", retry_after_s=2.0)
        if old is None and len(self._sessions) >= self._most:
            raise Refused("too many conversations are kept at the moment", code="overloaded", retry_after_s=10.0)
        spec, snapshot = await self._elsewhere(spec, resume if old is None else None)
        old = self._sessions.get(_key(spec))  # looking elsewhere took a while
        if old is not None:
            if old.attached:
                raise Refused("this session is open in another place", code="session_in_use")
            old.end(Problem("replaced", "a new session took this id", fatal=True))
        try:
            return await self._begin(spec, outlet, snapshot)
        except (VivavoceError, asyncio.CancelledError):
            if snapshot is not None and not spec.conversation:
                self._house.resumes.keep(snapshot)  # it was taken in vain: the next try must find it
            raise

    async def _elsewhere(self, spec: SessionSpec, resume: str | None) -> tuple[SessionSpec, Snapshot | None]:
        """The session that another process held, or the stored conversation that is to go on; else a new one."""
        resumes = self._house.resumes
        if not spec.owner:
            return spec, None
        if resume and (found := await resumes.take(spec.owner, spec.session_id, spec.kind, resume)):
            goes_on = replace(found.spec, output_rate=spec.output_rate, sign_in=spec.sign_in, conversation="")
            return goes_on, found
        if spec.conversation:
            if stored := await resumes.recall(spec.owner, spec.conversation):
                return spec, stored
            raise Missing("there is no such conversation")
        return spec, None

    async def _begin(self, spec: SessionSpec, outlet: Outlet, snapshot: Snapshot | None) -> Session:
        session = Session(spec, self._house, outlet, snapshot)
        self._sessions[_key(spec)] = session
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = aio.spawn(self._group, self._supervise(session, ready), f"session {session.id}")
        try:
            await ready
        except asyncio.CancelledError:
            task.cancel()
            raise
        return session

    async def _supervise(self, session: Session, ready: asyncio.Future[None]) -> None:
        """A fault in one session ends that session, with a word to its client, and no other."""
        try:
            await session.run(ready)
        except Exception as error:
            log.exception("session %s failed", session.id)
            problem = Problem(
                "internal", "Something broke on our side, and this conversation with it. Start a new one.", True, True
            )
            session.end(problem)
            if not ready.done():
                ready.set_exception(error if isinstance(error, VivavoceError) else VivavoceError(problem.message))
        finally:
            session.farewell(Stopped("gone"))
            if not ready.done():
                ready.cancel()
            if self._sessions.get(_key(session.spec)) is session:
                del self._sessions[_key(session.spec)]

    def get(self, owner: str, session_id: str) -> Session | None:
        """That owner's session, while it lives here."""
        return self._sessions.get((owner, session_id))

    def stop(self, owner: str, session_id: str) -> bool:
        """End it as its own client would. False when it does not live here."""
        session = self._sessions.get((owner, session_id))
        if session is None:
            return False
        session.end(Stopped("stopped"))
        return True

    def resumable(self, spec: SessionSpec, resume: str | None) -> bool:
        """That session lives here and goes on with this token."""
        old = self._sessions.get(_key(spec))
        return bool(old and resume and not old.over and old.spec.kind == spec.kind and _same(old.token, resume))

    def release(self, owner: str, session_id: str) -> None:
        """Another process goes on with it."""
        if session := self._sessions.get((owner, session_id)):
            session.end(Problem("replaced", "This conversation goes on in another place.", fatal=True))

    def expel(self, owner: str, sign_in: str | None = None) -> None:
        """That person, or that one sign-in of theirs, may not talk any more."""
        for session in tuple(self._sessions.values()):
            if session.spec.owner == owner and sign_in in (None, session.spec.sign_in):
                session.end(Problem("token_revoked", "You were signed out.", fatal=True))

    async def drain(self, grace_s: float) -> None:
        """Refuse new sessions, let running replies finish for at most `grace_s`, then tell everybody."""
        self._draining = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                for session in tuple(self._sessions.values()):
                    await session.silent()
        self._end_all()

    def _end_all(self) -> None:
        for session in tuple(self._sessions.values()):
            session.end(Problem("restarting", "The server restarts; connect again in a moment.", True, True))


def _key(spec: SessionSpec) -> Key:
    return spec.owner, spec.session_id


def _same(token: str, given: str) -> bool:
    """In constant time, for any text a stranger may send."""
    return hmac.compare_digest(token.encode(), given.encode(errors="replace"))
