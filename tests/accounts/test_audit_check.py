"""Whatever is done to the chain behind our back, the first row that is wrong is named."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.house import NOON, Watch, accounts
from accounts.house import history as rows
from vivavoce.accounts.accounts import Accounts
from vivavoce.accounts.actor import LOCAL_OPERATOR
from vivavoce.accounts.audit_check import Verdict
from vivavoce.accounts.chain import COLUMNS, ORIGIN, link
from vivavoce.accounts.checkpoints import Checkpoint
from vivavoce.aio import spawn
from vivavoce.storage.clock import HOUR
from vivavoce.storage.database import Database
from vivavoce.storage.models import AuditCheckpoint, AuditEntry

pytestmark = pytest.mark.real

Harm = Callable[[AsyncSession], Awaitable[None]]


async def history(house: Accounts, watch: Watch, upto: int, last: int) -> Checkpoint:
    """Rows 1 to `last`, with a checkpoint at `upto`."""
    await rows(house, upto)
    watch.on(HOUR)
    checkpoint = (await house.checkpoints.make_due())[-1]
    await rows(house, last - upto, upto + 1)
    return checkpoint


async def harmed(house: Accounts, harm: Harm) -> Verdict:
    """What the check says after somebody with the database in their hands has been there."""
    database = house.commons.database
    async with database.writing() as session:
        if database.dialect == "sqlite":
            for name in ("audit_no_update", "audit_no_delete"):
                await session.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        else:
            await session.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        await harm(session)
    return await house.audit_check.run()


async def rewritten(session: AsyncSession, start: int) -> None:
    """The chain from row `start` on, hashed anew by somebody who knows how."""
    before = await session.scalar(select(AuditEntry.hash).where(AuditEntry.seq == start - 1)) or ORIGIN
    columns = [getattr(AuditEntry, column) for column in COLUMNS]
    found = (await session.execute(select(*columns).where(AuditEntry.seq >= start).order_by(AuditEntry.seq))).mappings()
    for row in found.all():
        before = link(before, dict(row))
        await session.execute(update(AuditEntry).where(AuditEntry.seq == row["seq"]).values(hash=before))


async def test_a_whole_chain_is_whole_and_tells_how_far_it_is(database: Database) -> None:
    watch = Watch()
    house = accounts(database, watch)
    await history(house, watch, 700, 1203)
    steps: list[tuple[int, int]] = []
    verdict = await house.audit_check.run(lambda done, last: steps.append((done, last)))
    assert (verdict.whole, verdict.rows, verdict.vouched_to, verdict.broken_at) == (True, 1203, 700, None)
    assert steps == [(500, 1203), (1000, 1203), (1203, 1203)]


async def test_an_empty_audit_is_whole(sqlite: Database) -> None:
    assert (await accounts(sqlite, Watch()).audit_check.run()).whole


@pytest.mark.parametrize("seed", range(12))
async def test_one_changed_byte_names_its_row(sqlite: Database, seed: int) -> None:
    chance = random.Random(seed)
    watch = Watch()
    house = accounts(sqlite, watch)
    await history(house, watch, 10, 20)
    seq = chance.randint(1, 20)
    column = chance.choice([name for name in COLUMNS if name not in ("seq", "detail")])
    changed: dict[str, Any] = {column: NOON - 1 if column == "at" else "x"}
    if chance.random() < 0.3:
        changed = {"detail": {"n": -1}}

    async def harm(session: AsyncSession) -> None:
        await session.execute(update(AuditEntry).where(AuditEntry.seq == seq).values(**changed))

    verdict = await harmed(house, harm)
    assert (verdict.whole, verdict.broken_at, verdict.rows) == (False, seq, seq - 1)
    assert f"row {seq}" in verdict.detail


async def test_a_row_taken_out_is_named_wherever_it_was(database: Database) -> None:
    watch = Watch()
    house = accounts(database, watch)
    await history(house, watch, 10, 20)

    async def harm(session: AsyncSession) -> None:
        await session.execute(delete(AuditEntry).where(AuditEntry.seq == 13))

    assert (await harmed(house, harm)).broken_at == 13


async def test_the_first_row_taken_out_is_named(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    await history(house, watch, 5, 8)

    async def harm(session: AsyncSession) -> None:
        await session.execute(delete(AuditEntry).where(AuditEntry.seq == 1))

    assert (await harmed(house, harm)).broken_at == 1


async def test_two_rows_that_changed_places_are_named(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    await history(house, watch, 10, 20)

    async def harm(session: AsyncSession) -> None:
        for was, becomes in ((4, 99), (5, 4), (99, 5)):
            await session.execute(update(AuditEntry).where(AuditEntry.seq == was).values(seq=becomes))

    assert (await harmed(house, harm)).broken_at == 4


async def test_a_history_written_anew_does_not_match_its_checkpoint(database: Database) -> None:
    watch = Watch()
    house = accounts(database, watch)
    await history(house, watch, 10, 20)

    async def harm(session: AsyncSession) -> None:
        await session.execute(update(AuditEntry).where(AuditEntry.seq == 7).values(act="innocent"))
        await rewritten(session, 7)

    verdict = await harmed(house, harm)
    assert verdict.broken_at == 1
    assert "to 10" in verdict.detail  # somewhere in the rows that this checkpoint vouches for


async def test_an_end_that_was_cut_off_is_missed(database: Database) -> None:
    watch = Watch()
    house = accounts(database, watch)
    await history(house, watch, 10, 20)

    async def harm(session: AsyncSession) -> None:
        await session.execute(delete(AuditEntry).where(AuditEntry.seq > 8))

    assert (await harmed(house, harm)).broken_at == 9


async def test_an_end_cut_off_with_its_checkpoints_shows_by_the_log(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    logged = await history(house, watch, 10, 20)

    async def harm(session: AsyncSession) -> None:
        await session.execute(delete(AuditEntry).where(AuditEntry.seq > 8))
        await session.execute(delete(AuditCheckpoint))

    assert (await harmed(house, harm)).whole  # nothing in the database knows of them any more
    verdict = await house.audit_check.run(logged=[logged])
    assert (verdict.whole, verdict.broken_at) == (False, 9)
    await rows(house, 5, 9)
    assert not (await house.audit_check.run(logged=[logged])).whole


async def test_checkpoints_of_another_key_are_none(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    await history(house, watch, 10, 20)

    async def harm(session: AsyncSession) -> None:
        await session.execute(update(AuditCheckpoint).values(mac=bytes(32)))

    assert not (await harmed(house, harm)).whole


async def test_a_checkpoint_that_is_due_and_missing_shows(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    await rows(house, 2001)
    await house.checkpoints.make_due()

    async def harm(session: AsyncSession) -> None:
        await session.execute(delete(AuditCheckpoint).where(AuditCheckpoint.seq == 1000))

    assert (await harmed(house, harm)).broken_at == 1000


async def test_what_was_pruned_may_only_be_vouched_for_by_ourselves(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    await history(house, watch, 10, 20)

    async def harm(session: AsyncSession) -> None:
        """Drop what is inconvenient, and say that it was pruned."""
        digest = await session.scalar(select(AuditEntry.hash).where(AuditEntry.seq == 15))
        await session.execute(delete(AuditEntry).where(AuditEntry.seq <= 15))
        await session.execute(delete(AuditCheckpoint))
        await session.execute(insert(AuditCheckpoint).values(seq=15, at=NOON, hash=digest, mac=bytes(32), pruned=True))

    verdict = await harmed(house, harm)
    assert (verdict.whole, verdict.broken_at) == (False, 15)


async def test_pruning_while_it_is_looked_through_is_no_fault(sqlite: Database) -> None:
    watch = Watch()
    house = accounts(sqlite, watch)
    await history(house, watch, 1200, 1300)
    waiting = asyncio.Event()

    async def prune() -> None:
        await waiting.wait()
        assert await house.checkpoints.prune(LOCAL_OPERATOR, NOON + 1) == 1200

    async with asyncio.TaskGroup() as group:
        spawn(group, prune(), "prune")
        checking = spawn(group, house.audit_check.run(lambda done, last: waiting.set()), "check")
    assert checking.result().whole
