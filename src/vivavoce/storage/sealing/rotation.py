"""Changing the key of keys: all data keys are wrapped anew, in small steps that can be broken off anywhere.

Envelopes stay as they are. One whose own wrapping is of a key that has gone is opened by its scope's row in
`data_keys`; so an old key may go once no row there is wrapped by it, though backups of that time still need it. What
is sealed from now on has new data keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select, update

from vivavoce.errors import ConfigError
from vivavoce.storage.database import Database
from vivavoce.storage.models import DataKey
from vivavoce.storage.sealing import envelope
from vivavoce.storage.sealing.envelope import Head
from vivavoce.storage.sealing.keys import MOST_SEALS
from vivavoce.storage.sealing.ring import KeyRing

STEP: Final = 200
"""Rows in one transaction: short enough that a server beside it does not wait."""


@dataclass(frozen=True, slots=True)
class Use:
    """A key of keys, how many data keys it wraps, and whether it is here."""

    kek: str
    data_keys: int
    here: bool


async def uses(database: Database, ring: KeyRing | None) -> list[Use]:
    """All keys that are here or needed; those here first, in their order."""
    async with database.reading() as session:
        rows = await session.execute(select(DataKey.kek, func.count()).group_by(DataKey.kek))
        counts: dict[str, int] = {kek: count for kek, count in rows}  # noqa: C416 — rows are no pairs to mypy
    here = [key.id for key in ring] if ring is not None else []
    return [
        *(Use(kek, counts.get(kek, 0), here=True) for kek in here),
        *(Use(kek, count, here=False) for kek, count in sorted(counts.items()) if kek not in here),
    ]


async def check(database: Database, ring: KeyRing | None) -> None:
    """Raises ConfigError, with their ids, when keys are needed that are not here."""
    absent = [use for use in await uses(database, ring) if not use.here]
    if absent:
        names = ", ".join(f"{use.kek} ({use.data_keys} data keys)" for use in absent)
        where = "data.keys or VIVAVOCE_KEYS" if ring is None else ring.where
        raise ConfigError(f"sealed data needs keys that are not in {where}: {names}")


async def unfinished(database: Database, ring: KeyRing) -> bool:
    """A rotation was broken off: another key than the first one still wraps something."""
    return any(use.data_keys for use in await uses(database, ring) if use.kek != ring.first.id)


async def rewrap(
    database: Database, ring: KeyRing, progress: Callable[[int], None] = lambda _: None, step: int = STEP
) -> int:
    """Wrap with the first key whatever another one wraps; how many it were. `progress` is told after each step of
    so many.

    May be repeated: what is done stays done. Servers may go on meanwhile.
    """
    await check(database, ring)
    first, total = ring.first, 0
    others = select(DataKey).where(DataKey.kek != first.id).order_by(DataKey.id).limit(step)
    while True:
        async with database.writing() as session:
            rows = list(await session.scalars(others))
            for row in rows:
                old = ring.get(row.kek)
                if old is None:
                    raise ConfigError(f"the key {row.kek} is not in {ring.where}")
                dek = envelope.unwrap(old.cipher, Head(old.id_bytes, row.wrapped), row.scope)
                head = envelope.wrap(first.cipher, first.id_bytes, dek, row.scope)
                same = update(DataKey).where(DataKey.id == row.id, DataKey.kek == row.kek)
                await session.execute(same.values(kek=first.id, wrapped=head.wrapped, seals=MOST_SEALS))
        if not rows:
            return total
        total += len(rows)
        progress(total)
