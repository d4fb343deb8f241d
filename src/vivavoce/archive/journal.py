"""The journal: conversations and turns as they grow, and which of them the writer has to write.

The observers change drafts and say so; nothing is made into a row before the writer asks. However often a draft
changes between two writings, it is written once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from vivavoce.archive.clock import RATE
from vivavoce.archive.layout import Said, Stages
from vivavoce.archive.placing import Placing
from vivavoce.archive.rows import Batch, ConversationRow, RecordingRow, TurnRow

TITLE: Final = 80
"""Characters of a title."""
RESPONSES: Final = 500
"""Of so many turns the median of the response times is taken."""
WORDS: Final = 5_000
"""Of one reply, whose place is kept; a reply is five minutes at most."""


@dataclass(slots=True, kw_only=True)
class ConversationDraft:
    id: str
    owner: str
    app: str
    app_version: int
    channel: str
    kind: str
    language: str
    started_at: int
    last_at: int
    title: str = ""
    turns: int = 0
    cuts: int = 0
    responses: deque[int] = field(default_factory=lambda: deque(maxlen=RESPONSES))
    state: str = "open"
    ended_at: int | None = None
    end_reason: str = ""
    new: bool = True
    """It has no row yet."""
    gone: bool = False
    """Its row was deleted: nothing of it is written any more."""

    def row(self) -> ConversationRow:
        return ConversationRow(
            id=self.id,
            owner_id=self.owner,
            app_id=self.app,
            app_version=self.app_version,
            channel=self.channel,
            kind=self.kind,
            language=self.language,
            state=self.state,
            title=self.title,
            turns=self.turns,
            cuts=self.cuts,
            response_ms=round(median(self.responses)) if self.responses else None,
            started_at=self.started_at,
            last_at=self.last_at,
            ended_at=self.ended_at,
            end_reason=self.end_reason,
            new=self.new,
        )


@dataclass(slots=True, kw_only=True)
class TurnDraft:
    """`text` is all that was made of the reply, `heard` its beginning that was played."""

    conversation: ConversationDraft
    reply: int
    turn: int
    said: str
    typed: bool
    started_at: int
    said_from: int | None = None
    said_to: int | None = None
    """Positions."""
    state: str = "open"
    reason: str = ""
    text: str = ""
    heard: str = ""
    marks: list[tuple[int, int, int]] = field(default_factory=list)
    """Characters of the text, and the sample of the reply with which they begin to sound."""
    placing: Placing | None = None
    heard_to: int | None = None
    response_ms: int | None = None
    stages: Stages = field(default_factory=Stages)

    def row(self) -> TurnRow:
        conversation, placing = self.conversation, self.placing
        stages = self.stages
        if self.state != "open":
            stages = Stages(**stages, words=self._words())
        return TurnRow(
            conversation_id=conversation.id,
            owner_id=conversation.owner,
            reply=self.reply,
            state=self.state,
            reason=self.reason,
            language=conversation.language,
            said=self.said,
            heard=self.heard,
            unheard=self.text[len(self.heard) :],
            typed=self.typed,
            started_at=self.started_at,
            said_from_ms=_ms(self.said_from),
            said_to_ms=_ms(self.said_to),
            heard_from_ms=_ms(placing.began if placing is not None else None),
            heard_to_ms=_ms(self.heard_to),
            response_ms=self.response_ms,
            stages=dict(stages),
            app_id=conversation.app,
        )

    def _words(self) -> Said:
        placing = self.placing
        if placing is None:
            return []
        return [[start, stop, placing.place(at) * 1000 // RATE] for start, stop, at in self.marks if at < placing.came]


@dataclass(slots=True, kw_only=True)
class RecordingDraft:
    id: str
    conversation: ConversationDraft
    gateway: str
    start: int
    """Position."""
    created_at: int
    expires_at: int
    state: str = "spooling"
    stop: int = 0

    def row(self) -> RecordingRow:
        return RecordingRow(
            id=self.id,
            conversation_id=self.conversation.id,
            owner_id=self.conversation.owner,
            state=self.state,
            gateway=self.gateway,
            from_ms=self.start * 1000 // RATE,
            duration_ms=max(0, self.stop - self.start) * 1000 // RATE,
            created_at=self.created_at,
            expires_at=self.expires_at,
        )


class Journal:
    """What has changed. `wake` is called when something has that must be durable soon."""

    def __init__(self) -> None:
        self.wake: Callable[[], None] = lambda: None
        self._conversations: dict[str, ConversationDraft] = {}
        self._turns: dict[tuple[str, int], TurnDraft] = {}
        self._progress: dict[tuple[str, int], TurnDraft] = {}
        self._recordings: dict[str, RecordingDraft] = {}

    def conversation(self, draft: ConversationDraft) -> None:
        self._conversations[draft.id] = draft
        self.wake()

    def forget(self, draft: ConversationDraft) -> None:
        """It is written by somebody else now."""
        self._conversations.pop(draft.id, None)

    def turn(self, draft: TurnDraft) -> None:
        """It was committed, or is over."""
        key = draft.conversation.id, draft.reply
        self._turns[key] = draft
        self._progress.pop(key, None)
        self.wake()

    def progress(self, draft: TurnDraft) -> None:
        """More of it was heard. That is written when something is written anyway, or within the second."""
        key = draft.conversation.id, draft.reply
        if key not in self._turns:
            self._progress[key] = draft

    def recording(self, draft: RecordingDraft) -> None:
        self._recordings[draft.id] = draft
        self.wake()

    def take(self, *, progress: bool = True) -> tuple[Batch, list[ConversationDraft]]:
        """Everything that has changed, as rows, and the conversations among it. Progress waits if it is not wanted."""
        turns, self._turns = self._turns, {}
        if progress:
            turns.update(self._progress)
            self._progress = {}
        conversations, self._conversations = self._conversations, {}
        recordings, self._recordings = self._recordings, {}
        drafts = {id: draft for id, draft in conversations.items() if not draft.gone}
        batch = Batch(
            [draft.row() for draft in drafts.values()],
            [draft.row() for draft in turns.values() if not draft.conversation.gone],
            [draft.row() for draft in recordings.values() if not draft.conversation.gone],
        )
        for turn in turns.values():
            drafts.setdefault(turn.conversation.id, turn.conversation)
        return batch, [draft for draft in drafts.values() if not draft.gone]


def title(said: str) -> str:
    """The first words, not cut within one."""
    words = " ".join(said.split())
    if len(words) <= TITLE:
        return words
    head = words[:TITLE]
    return (head.rpartition(" ")[0] if " " in head else head) + "…"


def _ms(position: int | None) -> int | None:
    return None if position is None else position * 1000 // RATE
