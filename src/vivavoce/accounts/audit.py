"""The audit: one row for each act, in the act's own transaction, chained to the row before it.

    async with database.writing() as session:
        …                                         # the act
        await audit.record(session, actor, "app.change", "app", app_id, version=3)   # last

The order of rows is the order of commits: from `record` to the end of the transaction nobody else can add one. SQLite
has one writer anyway; on PostgreSQL an advisory lock is held until the commit, so acts that are audited (a few a
second; turns and reads are none) come one after another. Therefore record last: what follows makes all others wait,
and a lock taken after it may deadlock with somebody who waits here.

Rows name people by id only. The name is looked up when the row is read, so a deleted user's is gone from here too,
without a row being changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import desc, event, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.accounts.actor import Actor
from vivavoce.accounts.chain import ORIGIN, link
from vivavoce.accounts.live import Live
from vivavoce.accounts.networks import network
from vivavoce.accounts.tally import Tally
from vivavoce.storage.clock import Clock, wall
from vivavoce.storage.database import Database
from vivavoce.storage.models import AuditCheckpoint, AuditEntry, User
from vivavoce.storage.paging import USUAL, Keyset, Page

Outcome = Literal["ok", "refused", "failed"]
Detail = str | int | bool | None

LOCK: Final = 0x7676_6175_6469_74
"""Of PostgreSQL's advisory locks: "vvaudit"."""
LONGEST: Final = 200
"""Characters of a detail; the rest is cut."""
_TABLE: Final = AuditEntry.metadata.tables[AuditEntry.__tablename__]
"""Rows are written past the object mapper, which would cost more than the rest of recording."""
NEWEST: Final = Keyset("audit", AuditEntry.seq, descending=True)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as people read it. `actor_name` is empty once the user is deleted."""

    seq: int
    at: int
    actor_id: str
    actor_name: str
    actor_role: str
    act: str
    object_kind: str
    object_id: str
    address: str
    outcome: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows. `who` is a user's id, `what` an act or, with a dot at its end, all that begin so (`user.`)."""

    who: str = ""
    what: str = ""
    from_at: int | None = None
    to_at: int | None = None
    object_id: str = ""


class Audit:
    """Records acts, and lists them."""

    def __init__(self, database: Database, live: Live, clock: Clock = wall, tally: Tally | None = None) -> None:
        self._tally = tally or Tally()
        self._database = database
        self._live = live
        self._clock = clock

    async def record(
        self,
        session: AsyncSession,
        actor: Actor,
        act: str,
        object_kind: str,
        object_id: str,
        outcome: Outcome = "ok",
        **detail: Detail,
    ) -> int:
        """Add a row to the transaction of `session`; its number. Never pass what people said, or a name."""
        await self.locked(session)
        seq, before = await head(session)
        who = actor.principal
        row = {
            "seq": seq + 1,
            "at": self._clock(),
            "actor_id": who.user,
            "actor_name": "" if who.user else who.name,
            "actor_role": who.role,
            "act": act,
            "object_kind": object_kind,
            "object_id": clean(object_id, 64),
            "address": network(actor.whence.address),
            "outcome": outcome,
            "detail": {key: clean(value) for key, value in detail.items()},
        }
        await session.execute(_TABLE.insert(), row | {"hash": link(before, row)})
        self._live.on_commit(session, "audit", "created", str(seq + 1))
        event.listen(session.sync_session, "after_commit", lambda _: self._count(act, outcome), once=True)
        return seq + 1

    def _count(self, act: str, outcome: Outcome) -> None:
        self._tally.audited[act, outcome] += 1

    async def locked(self, session: AsyncSession) -> None:
        """Until this transaction ends, no other one records: for acts that at most one process may carry out."""
        await session.flush()
        if self._database.dialect == "postgresql":
            await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})

    async def page(self, wanted: Filter, *, cursor: str | None = None, limit: int = USUAL) -> Page[Entry]:
        """Rows, newest first. Raises BadInput for a cursor that is none, or a limit outside 1–200."""
        query = NEWEST.after(_chosen(wanted), cursor, limit)
        async with self._database.reading() as session:
            found = [_entry(row, name) for row, name in await session.execute(query)]
        return NEWEST.page(found, limit)

    async def after(self, wanted: Filter, seq: int, count: int = 1000) -> Sequence[Entry]:
        """Rows after `seq`, oldest first: an export goes through all of them so, in short transactions."""
        async with self._database.reading() as session:
            query = _chosen(wanted).where(AuditEntry.seq > seq).order_by(AuditEntry.seq).limit(count)
            return [_entry(row, name) for row, name in await session.execute(query)]


async def head(session: AsyncSession) -> tuple[int, bytes]:
    """Number and hash of the last row; of the last pruned one where none is left; 0 and zeros at the very beginning."""
    last = (
        await session.execute(select(AuditEntry.seq, AuditEntry.hash).order_by(desc(AuditEntry.seq)).limit(1))
    ).first()
    if last is None:
        last = (
            await session.execute(
                select(AuditCheckpoint.seq, AuditCheckpoint.hash)
                .where(AuditCheckpoint.pruned)
                .order_by(desc(AuditCheckpoint.seq))
                .limit(1)
            )
        ).first()
    return (last[0], last[1]) if last is not None else (0, ORIGIN)


def clean(value: Any, longest: int = LONGEST) -> Any:
    """Text without control characters or halves of surrogate pairs, cut: both databases give it back as it was."""
    if not isinstance(value, str):
        return value
    return "".join(one if one.isprintable() else "�" for one in value[:longest])


def _chosen(wanted: Filter) -> Any:
    query = select(AuditEntry, User.name).outerjoin(User, User.id == AuditEntry.actor_id)
    if wanted.who:
        query = query.where(AuditEntry.actor_id == clean(wanted.who))
    if wanted.what.endswith("."):
        query = query.where(AuditEntry.act.startswith(clean(wanted.what), autoescape=True))
    elif wanted.what:
        query = query.where(AuditEntry.act == clean(wanted.what))
    if wanted.object_id:
        query = query.where(AuditEntry.object_id == clean(wanted.object_id))
    if wanted.from_at is not None:
        query = query.where(AuditEntry.at >= wanted.from_at)
    if wanted.to_at is not None:
        query = query.where(AuditEntry.at < wanted.to_at)
    return query


def _entry(row: AuditEntry, name: str | None) -> Entry:
    return Entry(
        row.seq, row.at, row.actor_id, row.actor_name or name or "", row.actor_role, row.act, row.object_kind,
        row.object_id, row.address, row.outcome, row.detail,
    )  # fmt: skip
