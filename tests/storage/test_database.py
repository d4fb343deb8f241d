"""Both twins keep the same promises."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from vivavoce.errors import Conflict
from vivavoce.storage.database import Database
from vivavoce.storage.models import User

pytestmark = pytest.mark.real


def somebody(name: str = "ada") -> User:
    return User(id=name.ljust(32, "0"), name=name, role="user", created_at=1, updated_at=1)


async def names(database: Database) -> list[str]:
    async with database.reading() as session:
        return list(await session.scalars(select(User.name).order_by(User.name)))


async def test_what_is_written_is_read(database: Database) -> None:
    async with database.writing() as session:
        session.add(somebody())
    assert await names(database) == ["ada"]


async def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    async def half_done() -> None:
        async with database.writing() as session:
            session.add(somebody())
            await session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        await half_done()
    assert await names(database) == []


async def test_what_is_there_already_is_a_conflict(database: Database) -> None:
    async with database.writing() as session:
        session.add(somebody())
    with pytest.raises(Conflict):
        async with database.writing() as session:
            session.add(User(id="1" * 32, name="ada", role="user", created_at=1, updated_at=1))
    assert await names(database) == ["ada"]
