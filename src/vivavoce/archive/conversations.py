"""Conversations, read: lists, searches, single ones, their turns. Whose they are is part of every query."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.accounts.actor import Actor
from vivavoce.accounts.audit import Audit
from vivavoce.archive.conversations_sight import Sight, reach, sight_of_list, sight_of_one
from vivavoce.archive.conversations_views import Detail, Match, Summary, TurnView, share, sound, summary, texts, turn
from vivavoce.archive.inspector import Inspection, inspect
from vivavoce.archive.search import Hit, Search, Wanted
from vivavoce.archive.search_terms import asked, words
from vivavoce.errors import BadInput, Missing, StorageUnavailable
from vivavoce.storage.cache.port import Cache
from vivavoce.storage.clock import DAY
from vivavoce.storage.database import Database
from vivavoce.storage.ids import ID
from vivavoce.storage.models import Conversation, Recording, Share, Turn, User
from vivavoce.storage.paging import Keyset, Page
from vivavoce.storage.sealing import Sealer

NEWEST: Final = Keyset("conversations", Conversation.id, descending=True)
IN_ORDER: Final = Keyset("turns", Turn.reply)
SNIPPET: Final = 120
"""Characters of a match that are shown."""
LOOK_S: Final = 600
"""Looks at the same words of somebody else within so long are one row of the audit."""
_SKEW: Final = DAY
"""Ids hold the time they were made at; clocks differ by less than this."""
_PLACE: Final = re.compile(r"s[0-9a-f]{1,16}")
SHOWN: Final = ("done", "failed")
"""States of turns that are shown; one that is still open would be half a turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a list is asked for. `owner`: an id, `*` for everybody, None for oneself; `words`: also others' words."""

    owner: str | None = None
    query: str = ""
    app: str | None = None
    since: int | None = None
    until: int | None = None
    slow_ms: int | None = None
    cut: bool = False
    words: bool = False


class Conversations:
    """See the head of the module. Raises Missing for what is not there or not for the viewer's eyes: both alike."""

    def __init__(self, database: Database, sealer: Sealer, search: Search, audit: Audit, cache: Cache) -> None:
        self._database = database
        self._sealer = sealer
        self._search = search
        self._audit = audit
        self._cache = cache

    @property
    def words_searchable(self) -> bool:
        """False where words are sealed at rest and not indexed."""
        return self._search.words

    async def page(self, actor: Actor, wanted: Asked, cursor: str | None = None, limit: int = 50) -> Page[Summary]:
        """Newest first. A page of a search may be shorter than `limit`, and there may still be a next one."""
        sight = sight_of_list(actor.principal, wanted.owner, wanted.words)
        if wanted.query.strip() and not sight.words:
            raise BadInput("searching somebody's words needs `words=1`", code="words_hidden")
        if wanted.query.strip() and sight.owner is None:
            raise BadInput("words are searched in one person's conversations: name the owner", code="owner_needed")
        if sight.words and not sight.own:
            await self._looked(actor, sight.owner or "*", "list", object_kind="user")
        terms = Wanted(
            owner=sight.owner,
            query=wanted.query,
            app=wanted.app,
            since=wanted.since,
            until=wanted.until,
            slow_ms=wanted.slow_ms,
            cut=wanted.cut,
        )
        async with self._database.reading() as session:
            if terms.by_turns:
                return await self._found(session, sight, terms, cursor, limit)
            statement = _listed(terms)
            rows = (await session.scalars(NEWEST.after(statement, cursor, limit))).all()
            page = NEWEST.page(rows, limit)
            return Page(await self._summaries(session, sight, page.items), page.next)

    async def get(self, actor: Actor, conversation: str, *, words: bool = False) -> Detail:
        """One conversation with its recordings and, for its owner, its links."""
        async with self._database.reading() as session:
            row, sight = await self._row(session, actor, conversation, words)
            shown = await self._detail(session, row, sight)
        await self._audited(actor, sight, conversation, "conversation")
        return shown

    async def turns(
        self, actor: Actor, conversation: str, cursor: str | None = None, limit: int = 50, *, words: bool = False
    ) -> Page[TurnView]:
        """Turns that are over, in their order."""
        async with self._database.reading() as session:
            row, sight = await self._row(session, actor, conversation, words)
            found = await _turns_after(session, row, cursor, limit)
        await self._audited(actor, sight, conversation, "turns")
        return Page([await turn(one, self._sealer, words=sight.words) for one in found.items], found.next)

    async def shared(self, conversation: str, owner: str) -> Detail:
        """What somebody sees who was given a link: the words, and nobody's name or other links."""
        async with self._database.reading() as session:
            row = await _owned(session, conversation, owner)
            shown = await self._detail(session, row, Sight(owner, True, True))
        return replace(shown, shares=[])

    async def shared_turns(
        self, conversation: str, owner: str, cursor: str | None = None, limit: int = 50
    ) -> Page[TurnView]:
        """Its turns, for the same."""
        async with self._database.reading() as session:
            row = await _owned(session, conversation, owner)
            found = await _turns_after(session, row, cursor, limit)
        return Page([await turn(one, self._sealer, words=True) for one in found.items], found.next)

    async def inspect(self, actor: Actor, conversation: str, reply: int, *, words: bool = False) -> Inspection:
        """One turn, opened."""
        async with self._database.reading() as session:
            row, sight = await self._row(session, actor, conversation, words)
            found = await session.scalar(_turns_of(row).where(Turn.reply == reply))
            if found is None:
                raise missing()
            sounds = [sound(one) for one in await _recordings(session, row)]
        await self._audited(actor, sight, conversation, "turn")
        return inspect(await turn(found, self._sealer, words=sight.words), sounds)

    async def for_words(self, actor: Actor, conversation: str, words: bool, what: str) -> Conversation:
        """The row of a conversation whose words or sound the viewer may have; audited where they are another's."""
        async with self._database.reading() as session:
            row, sight = await self._row(session, actor, conversation, words)
        if not sight.words:
            raise BadInput("what was said by others needs `words=1`", code="words_hidden")
        await self._audited(actor, sight, conversation, what)
        return row

    async def _row(
        self, session: AsyncSession, actor: Actor, conversation: str, words: bool
    ) -> tuple[Conversation, Sight]:
        statement = select(Conversation).where(Conversation.id == known(conversation))
        owner = reach(actor.principal)
        if owner is not None:
            statement = statement.where(Conversation.owner_id == owner)
        row = await session.scalar(statement)
        if row is None:
            raise missing()
        return row, sight_of_one(actor.principal, row.owner_id, words)

    async def _detail(self, session: AsyncSession, row: Conversation, sight: Sight) -> Detail:
        sounds = [sound(one) for one in await _recordings(session, row)]
        shares: Sequence[Share] = []
        if sight.own:
            links = select(Share).where(Share.owner_id == row.owner_id, Share.conversation_id == row.id)
            shares = (await session.scalars(links.order_by(Share.id.desc()))).all()
        [shown] = await self._summaries(session, sight, [row])
        return Detail(shown, sounds, [share(one) for one in shares], sight.words)

    async def _found(
        self, session: AsyncSession, sight: Sight, wanted: Wanted, cursor: str | None, limit: int
    ) -> Page[Summary]:
        found = await self._search.find(session, wanted, limit, _place(cursor))
        ids = [hit.conversation_id for hit in found.hits]
        statement = select(Conversation).where(Conversation.id.in_(ids))
        if sight.owner is not None:
            statement = statement.where(Conversation.owner_id == sight.owner)
        rows = {row.id: row for row in await session.scalars(statement)}
        summaries = await self._summaries(session, sight, [rows[one] for one in ids if one in rows])
        matches = await self._matches(session, sight, wanted, found.hits)
        items = [replace(one, matches=matches.get(one.id, [])) for one in summaries]
        return Page(items, None if found.next is None else f"s{found.next:x}")

    async def _matches(
        self, session: AsyncSession, sight: Sight, wanted: Wanted, hits: Sequence[Hit]
    ) -> dict[str, list[Match]]:
        ids = [one for hit in hits for one in hit.turns]
        rows = await session.scalars(select(Turn).where(Turn.id.in_(ids)).order_by(Turn.reply))
        found: dict[str, list[Match]] = {}
        sought = set(asked(wanted.query))
        for row in rows:
            said = heard = None
            if sight.words:
                plain, played, _ = await texts(row, self._sealer)
                said, heard = snippet(plain, sought), snippet(played, sought)
            found.setdefault(row.conversation_id, []).append(Match(row.reply, row.started_at, said, heard))
        return found

    async def _summaries(self, session: AsyncSession, sight: Sight, rows: Sequence[Conversation]) -> list[Summary]:
        ids = [row.id for row in rows]
        ready = select(Recording.conversation_id).where(Recording.conversation_id.in_(ids), Recording.state == "ready")
        recorded = set(await session.scalars(ready)) if ids else set()
        names: dict[str, str] = {}
        if not sight.own and rows:
            owners = {row.owner_id for row in rows}
            people = select(User.id, User.name).where(User.id.in_(owners))
            names = dict((await session.execute(people)).all())
        return [
            await summary(
                row,
                self._sealer,
                words=sight.words,
                recorded=row.id in recorded,
                owner_name=names.get(row.owner_id),
            )
            for row in rows
        ]

    async def _audited(self, actor: Actor, sight: Sight, conversation: str, what: str) -> None:
        if sight.words and not sight.own:
            await self._looked(actor, conversation, what)

    async def _looked(self, actor: Actor, object_id: str, what: str, object_kind: str = "conversation") -> None:
        """Before anything is shown: who has looked at somebody's words."""
        key = f"looked/{actor.principal.user}/{object_id}/{what}"
        with suppress(StorageUnavailable):  # without the cache each look is a row
            if await self._cache.get(key) is not None:
                return
        async with self._database.writing() as session:
            await self._audit.record(session, actor, "words.show", object_kind, object_id, what=what)
        with suppress(StorageUnavailable):
            await self._cache.put(key, b"1", LOOK_S)


def missing() -> Missing:
    """One answer for what is not there and for what is somebody else's."""
    return Missing("there is no such conversation")


def known(conversation: str) -> str:
    """Raises Missing for what cannot be an id."""
    if not ID.fullmatch(conversation):
        raise missing()
    return conversation


def snippet(text: str, sought: set[str]) -> str:
    """A piece of `text` around the first of the words."""
    if len(text) <= SNIPPET:
        return text
    at = _first(text, sought) if sought else 0
    start = max(0, min(at - SNIPPET // 3, len(text) - SNIPPET))
    piece = text[start : start + SNIPPET].strip()
    return ("… " if start else "") + piece + (" …" if start + SNIPPET < len(text) else "")


def _first(text: str, sought: set[str]) -> int:
    """Where the first of the words is; the text is walked word by word as the index was."""
    for found in re.finditer(r"\S+", text):
        if sought & set(words(found[0])):
            inside: Callable[[str], int] = found[0].lower().find
            return found.start() + max(0, min((at for at in map(inside, sought) if at >= 0), default=0))
    return 0


def _listed(wanted: Wanted) -> Select[Conversation]:
    statement = select(Conversation)
    if wanted.owner is not None:
        statement = statement.where(Conversation.owner_id == wanted.owner)
    if wanted.app is not None:
        statement = statement.where(Conversation.app_id == wanted.app)
    if wanted.since is not None:
        # Ids are in the order of time, so the list begins where the range does; the rows are asked for its exact ends.
        first = f"{max(0, wanted.since - _SKEW):012x}"
        statement = statement.where(Conversation.started_at >= wanted.since, Conversation.id >= first)
    if wanted.until is not None:
        last = f"{wanted.until + _SKEW:012x}"
        statement = statement.where(Conversation.started_at < wanted.until, Conversation.id < last)
    return statement


def _turns_of(row: Conversation) -> Select[Turn]:
    return select(Turn).where(Turn.conversation_id == row.id, Turn.owner_id == row.owner_id, Turn.state.in_(SHOWN))


async def _turns_after(session: AsyncSession, row: Conversation, cursor: str | None, limit: int) -> Page[Turn]:
    statement = IN_ORDER.after(_turns_of(row), cursor, limit)
    return IN_ORDER.page((await session.scalars(statement)).all(), limit)


async def _owned(session: AsyncSession, conversation: str, owner: str) -> Conversation:
    statement = select(Conversation).where(Conversation.id == conversation, Conversation.owner_id == owner)
    row = await session.scalar(statement)
    if row is None:
        raise missing()
    return row


async def _recordings(session: AsyncSession, row: Conversation) -> Sequence[Recording]:
    return (
        await session.scalars(
            select(Recording)
            .where(Recording.conversation_id == row.id, Recording.owner_id == row.owner_id)
            .order_by(Recording.from_ms, Recording.id)
        )
    ).all()


def _place(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not _PLACE.fullmatch(cursor):
        raise BadInput("this cursor is none of this list's")
    return min(int(cursor[1:], 16), (1 << 62) - 1)
