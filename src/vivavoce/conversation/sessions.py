"""All sessions of this process: opened, resumed, supervised, drained."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from types import TracebackType

from vivavoce import aio
from vivavoce.conversation.client import Outlet
from vivavoce.conversation.engine import House, Session
from vivavoce.conversation.outputs import Problem
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import Refused, VivavoceError

log = logging.getLogger(__name__)

MOST = 20_000
"""Sessions of a process, those that wait for their lost client among them. More than it may have sockets: only who
opens and drops connections by the thousand gets there."""


class Sessions:
    """The registry, an async context manager that owns every session's task. At most `most` live at a time."""

    def __init__(self, house: House, most: int = MOST) -> None:
        self._house = house
        self._most = most
        self._sessions: dict[str, Session] = {}
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

        With the resume token of a living session, that one goes on. Raises Refused (`draining`, `queue_full`,
        `overloaded`, `session_in_use`). Cancelling it gives the place in the queue back.
        """
        old = self._sessions.get(spec.session_id)
        if old is not None and resume and not old.over and old.spec.kind == spec.kind and _same(old.token, resume):
            old.attach(outlet)
            return old
        if self._draining:
            raise Refused("the server is shutting down; try again in a moment", code="draining", retry_after_s=2.0)
        if old is not None:
            if old.attached:
                raise Refused("this session is open in another place", code="session_in_use")
            old.end(Problem("replaced", "a new session took this id", fatal=True))
        elif len(self._sessions) >= self._most:
            raise Refused("too many conversations are kept at the moment", code="overloaded", retry_after_s=10.0)
        return await self._begin(spec, outlet)

    async def _begin(self, spec: SessionSpec, outlet: Outlet) -> Session:
        session = Session(spec, self._house, outlet)
        self._sessions[session.id] = session
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
            if not ready.done():
                ready.cancel()
            if self._sessions.get(session.id) is session:
                del self._sessions[session.id]

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


def _same(token: str, given: str) -> bool:
    """In constant time, for any text a stranger may send."""
    return hmac.compare_digest(token.encode(), given.encode(errors="replace"))
