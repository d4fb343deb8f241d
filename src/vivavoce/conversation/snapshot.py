"""What a session needs to go on in another process: kept at every turn, taken by whoever the client comes back to.

Only words survive, as history has them; a reply that sounded when its process died is not made again, it ends at the
last second that is known to have been heard.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Protocol

from vivavoce.conversation.skills import Timer
from vivavoce.conversation.views import Conversation, SessionSpec
from vivavoce.inference.ports import ChatMessage


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`messages` is the history without pictures; `replies` the number of the newest reply."""

    spec: SessionSpec
    conversation: str
    """Id of the stored conversation."""
    token_hash: bytes
    """Of the resume token that the client holds."""
    messages: tuple[ChatMessage, ...] = ()
    replies: int = 0
    volume: int = 100
    facts: tuple[str, ...] = ()
    timers: tuple[Timer, ...] = ()
    last_reply: str = ""

    @classmethod
    def of(cls, spec: SessionSpec, conversation: str, token: str, kept: Conversation, heard: str = "") -> Snapshot:
        """`heard`: so far, of the newest reply while it sounds. It ends there for whoever goes on from here."""
        memory = kept.memory
        sounding = (ChatMessage("assistant", f"{heard}—"),) if heard else ()
        return cls(
            spec,
            conversation,
            digest(token),
            (*(replace(m, pictures=()) if m.pictures else m for m in kept.history.messages()), *sounding),
            kept.replies,
            memory.volume,
            tuple(memory.facts),
            tuple(memory.timers.values()),
            heard or memory.last_reply,
        )

    def restore(self, into: Conversation) -> None:
        """Make a fresh conversation go on where this one was."""
        into.history.replace(self.messages)
        into.replies = self.replies
        into.memory.recall(self.volume, self.facts, self.timers, self.last_reply)


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


class Resumes(Protocol):
    """Where snapshots are. Only those of people who have signed in are kept."""

    def keep(self, snapshot: Snapshot) -> None:
        """Store it soon, in place of the older one of its session. Never blocks, never raises."""
        ...

    async def take(self, owner: str, session_id: str, kind: str, token: str) -> Snapshot | None:
        """The snapshot of that session, if the token is its own: nobody else gets it any more, and the process that
        held the session lets go of it. Raises StorageUnavailable.
        """
        ...

    async def recall(self, owner: str, conversation: str) -> Snapshot | None:
        """A stored conversation of that owner, to go on with in a new session. Raises StorageUnavailable."""
        ...

    def drop(self, owner: str, session_id: str) -> None:
        """The session has ended for good."""
        ...


class NoResumes:
    """Nothing outlives this process."""

    def keep(self, snapshot: Snapshot) -> None:
        pass

    async def take(self, owner: str, session_id: str, kind: str, token: str) -> Snapshot | None:
        return None

    async def recall(self, owner: str, conversation: str) -> Snapshot | None:
        return None

    def drop(self, owner: str, session_id: str) -> None:
        pass
