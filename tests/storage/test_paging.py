"""Pages follow each other without a gap and without a row twice, and a cursor is believed only where it fits."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from vivavoce.errors import BadInput
from vivavoce.storage.database import Database
from vivavoce.storage.models import Conversation, Setting, User
from vivavoce.storage.paging import Keyset, Page

BY_ROLE = Keyset("users", User.role, User.name)
NEWEST = Keyset("conversations", Conversation.started_at, Conversation.id, descending=True)

ROLES = ("admin", "device", "user")


async def fill(database: Database, count: int) -> None:
    async with database.writing() as session:
        for number in range(count):
            name = f"n{number:03}"
            session.add(User(id=f"{number:032x}", name=name, role=ROLES[number % 3], created_at=1, updated_at=1))


async def page(database: Database, cursor: str | None, limit: int) -> Page[User]:
    async with database.reading() as session:
        return BY_ROLE.page((await session.scalars(BY_ROLE.after(select(User), cursor, limit))).all(), limit)


@pytest.mark.real
@pytest.mark.parametrize("limit", [1, 3, 7, 8, 200])
async def test_pages_are_the_whole_list_in_order(database: Database, limit: int) -> None:
    await fill(database, 8)
    seen: list[tuple[str, str]] = []
    cursor = None
    for _ in range(9):
        one = await page(database, cursor, limit)
        assert 0 < len(one.items) <= limit
        seen += [(user.role, user.name) for user in one.items]
        cursor = one.next
        if cursor is None:
            break
    assert seen == sorted(seen)
    assert len(set(seen)) == len(seen) == 8


@pytest.mark.real
async def test_what_is_added_before_the_cursor_shifts_nothing(database: Database) -> None:
    await fill(database, 6)
    first = await page(database, None, 3)
    async with database.writing() as session:
        session.add(User(id="f" * 32, name="a-first", role="admin", created_at=1, updated_at=1))
    second = await page(database, first.next, 3)
    assert [user.name for user in second.items] == ["n004", "n002", "n005"]


@pytest.mark.parametrize("limit", [0, -1, 201, 1 << 70])
def test_a_limit_out_of_bounds_is_refused(limit: int) -> None:
    with pytest.raises(BadInput):
        BY_ROLE.after(select(User), None, limit)


def test_a_cursor_of_another_list_is_refused() -> None:
    foreign = Keyset("others", User.role, User.name).cursor(User(role="user", name="ada"))
    with pytest.raises(BadInput):
        BY_ROLE.after(select(User), foreign)


@given(st.text())
def test_no_text_is_a_cursor(text: str) -> None:
    with pytest.raises(BadInput):
        BY_ROLE.after(select(User), text)


@given(st.text(max_size=64), st.text(max_size=64), st.data())
def test_a_changed_cursor_is_refused(role: str, name: str, data: st.DataObject) -> None:
    cursor = BY_ROLE.cursor(User(role=role, name=name))
    place = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.sampled_from("ABCxyz019-_").filter(lambda one: one != cursor[place]))
    changed = cursor[:place] + letter + cursor[place + 1 :]
    if _bytes(changed) == _bytes(cursor):
        return  # the unused bits of the last letter
    with pytest.raises(BadInput):
        BY_ROLE.after(select(User), changed)


@pytest.mark.parametrize(
    "values", [["user"], ["user", 5], ["user", "a\0b"], ["user", None], ["user", "a", "b"], [1, 2]]
)
def test_a_forged_cursor_of_the_wrong_shape_is_refused(values: list[object]) -> None:
    body = msgspec.msgpack.encode(values)
    forged = base64.urlsafe_b64encode(BY_ROLE._check(body) + body).rstrip(b"=").decode()
    with pytest.raises(BadInput):
        BY_ROLE.after(select(User), forged)


def test_a_number_beyond_the_columns_range_is_refused() -> None:
    body = msgspec.msgpack.encode([1 << 63, "0" * 32])
    forged = base64.urlsafe_b64encode(NEWEST._check(body) + body).rstrip(b"=").decode()
    with pytest.raises(BadInput):
        NEWEST.after(select(Conversation), forged)


def test_a_list_may_be_of_one_column() -> None:
    keys = Keyset("settings", Setting.key)
    assert keys.page([Setting(key="a"), Setting(key="b")], 1).next == keys.cursor(Setting(key="a"))


def _bytes(cursor: str) -> bytes:
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
