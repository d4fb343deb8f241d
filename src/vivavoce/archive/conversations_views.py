"""What is shown of conversations: rows of the database, opened, with or without the words.

Where the words are not for whoever asks, every field that holds some is None, and stays None for the console to say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vivavoce.archive import layout
from vivavoce.storage.models import Conversation, Recording, Share, Turn
from vivavoce.storage.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Match:
    """A turn that was found. Texts are cut around the words that were looked for."""

    reply: int
    started_at: int
    said: str | None
    heard: str | None


@dataclass(frozen=True, slots=True)
class Summary:
    """A row of the list. `owner_name` is filled where others' are shown; times in ms since 1970."""

    id: str
    owner_id: str
    owner_name: str | None
    app_id: str
    app_version: int
    channel: str
    kind: str
    language: str
    state: str
    title: str | None
    turns: int
    cuts: int
    response_ms: int | None
    started_at: int
    last_at: int
    ended_at: int | None
    end_reason: str
    recorded: bool
    matches: list[Match] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording, without its bytes. `from_ms` on the sample clock; `pending` is not stored yet."""

    id: str
    state: str
    from_ms: int
    duration_ms: int
    size: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Shared:
    """A link that was given out, without its secret."""

    id: str
    created_at: int
    expires_at: int
    revoked_at: int | None
    views: int


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a reply, and when it begins on the sample clock; `heard` is False for what was cut off. `start` is its
    first character in `heard` followed by `unheard`.
    """

    text: str
    start: int
    from_ms: int
    heard: bool


@dataclass(frozen=True, slots=True)
class Stage:
    """`start` and `end` in ms from the end of speech."""

    name: str
    start: int
    end: int
    backend: str
    input: str
    output: str
    error: str


@dataclass(frozen=True, slots=True)
class TurnView:
    """A turn. Positions in ms on the conversation's sample clock, which its recordings share."""

    reply: int
    state: str
    reason: str
    language: str
    typed: bool
    said: str | None
    heard: str | None
    unheard: str | None
    started_at: int
    said_from_ms: int | None
    said_to_ms: int | None
    heard_from_ms: int | None
    heard_to_ms: int | None
    response_ms: int | None
    queue_ms: int | None
    stages: list[Stage]
    words: list[Word] | None
    errors: list[str]
    tokens: dict[str, int]
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Detail:
    """One conversation with what hangs on it. `shares` only for its owner."""

    summary: Summary
    sounds: list[Sound]
    shares: list[Shared]
    words: bool
    """Words are among what is shown."""


async def summary(
    row: Conversation, sealer: Sealer, *, words: bool, recorded: bool, owner_name: str | None = None
) -> Summary:
    return Summary(
        id=row.id,
        owner_id=row.owner_id,
        owner_name=owner_name,
        app_id=row.app_id,
        app_version=row.app_version,
        channel=row.channel,
        kind=row.kind,
        language=row.language,
        state=row.state,
        title=await opened(sealer, row.title, row.id, layout.title_place()) if words else None,
        turns=row.turns,
        cuts=row.cuts,
        response_ms=row.response_ms,
        started_at=row.started_at,
        last_at=row.last_at,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
        recorded=recorded,
    )


async def turn(row: Turn, sealer: Sealer, *, words: bool) -> TurnView:
    """With `words` its text; without, its numbers."""
    said = heard = unheard = None
    spelled: list[Word] | None = None
    kept: Mapping[str, Any] = row.stages
    if words:
        said, heard, unheard = await texts(row, sealer)
        length = len(heard)
        whole = heard + unheard
        spelled = [
            Word(whole[start:stop], start, from_ms, start < length) for start, stop, from_ms in kept.get("words", [])
        ]
    return TurnView(
        reply=row.reply,
        state=row.state,
        reason=row.reason,
        language=row.language,
        typed=row.typed,
        said=said,
        heard=heard,
        unheard=unheard,
        started_at=row.started_at,
        said_from_ms=row.said_from_ms,
        said_to_ms=row.said_to_ms,
        heard_from_ms=row.heard_from_ms,
        heard_to_ms=row.heard_to_ms,
        response_ms=row.response_ms,
        queue_ms=kept.get("queue_ms"),
        stages=[stage(one) for one in kept.get("stages", [])],
        words=spelled,
        errors=list(kept.get("errors", [])),
        tokens=dict(kept.get("tokens", {})),
        confidence=kept.get("confidence"),
    )


async def texts(row: Turn, sealer: Sealer) -> tuple[str, str, str]:
    """Said, heard, unheard; empty where there is nothing."""
    said = await opened(sealer, row.said, row.conversation_id, layout.turn_place(row.reply, "said"))
    heard = await opened(sealer, row.heard, row.conversation_id, layout.turn_place(row.reply, "heard"))
    unheard = await opened(sealer, row.unheard, row.conversation_id, layout.turn_place(row.reply, "unheard"))
    return said or "", heard or "", unheard or ""


async def opened(sealer: Sealer, stored: bytes | None, conversation: str, place: str) -> str | None:
    """The text of a sealed column. Raises StorageUnavailable without its key."""
    if stored is None:
        return None
    return (await sealer.unseal(stored, layout.scope(conversation), place)).decode()


def stage(kept: Mapping[str, Any]) -> Stage:
    name = kept["name"]
    given, made = layout.CARRIES.get(name, ("", ""))
    return Stage(
        name=name,
        start=kept["start"],
        end=kept["end"],
        backend=kept.get("backend", ""),
        input=kept.get("input", given),
        output=kept.get("output", made),
        error=kept.get("error", ""),
    )


def sound(row: Recording) -> Sound:
    return Sound(row.id, row.state, row.from_ms, row.duration_ms, row.size, row.expires_at)


def share(row: Share) -> Shared:
    return Shared(row.id, row.created_at, row.expires_at, row.revoked_at, row.views)
