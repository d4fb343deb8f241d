"""Pages of a list: «the next fifty after this row», by the values the list is ordered by.

    NEWEST = Keyset("conversations", Conversation.id, descending=True)

    statement = NEWEST.after(select(Conversation).where(Conversation.owner_id == owner), cursor, limit)
    page = NEWEST.page((await session.scalars(statement)).all(), limit)

What is added or goes between two pages shifts nothing, and the thousandth page costs no more than the first. A cursor
is opaque to whoever gets it, but no secret: it says where to go on, never what one may see.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec
from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from vivavoce.errors import BadInput

T = TypeVar("T")
Rows = TypeVar("Rows", bound=Select[Any])

LEAST: Final = 1
MOST: Final = 200
USUAL: Final = 50

_CHECK: Final = 6
"""Bytes of checksum: a cursor that was cut or comes from another list is told apart from one that fits."""
_LONGEST: Final = 2048
_INTEGER: Final = 1 << 63


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list; `next` is the cursor of the rows after them, None at the end."""

    items: list[T]
    next: str | None


class Keyset:
    """An order of rows. `columns` are of text or whole numbers, never NULL, and together unique; `name` keeps the
    cursors of two lists apart, which may mean different things by the same values.
    """

    def __init__(self, name: str, *columns: InstrumentedAttribute[Any], descending: bool = False) -> None:
        self._name = name.encode()
        self._columns = columns
        self._types = tuple(column.type.python_type for column in columns)
        self._descending = descending

    def after(self, statement: Rows, cursor: str | None, limit: int = USUAL) -> Rows:
        """`statement` for the rows after `cursor`, and one more than `limit`, which tells whether there are more.

        Raises BadInput for a limit outside 1–200, and for a cursor that is none of this list's.
        """
        if not LEAST <= limit <= MOST:
            raise BadInput(f"limit is {LEAST} to {MOST}, not {limit}")
        if cursor is not None:
            place = tuple_(*self._columns)
            values = tuple_(*self._read(cursor))
            statement = statement.where(place < values if self._descending else place > values)
        order = [column.desc() if self._descending else column.asc() for column in self._columns]
        return statement.order_by(*order).limit(limit + 1)

    def page(self, rows: Sequence[T], limit: int = USUAL) -> Page[T]:
        """What the statement of `after` has found, without the one more."""
        items = list(rows[:limit])
        return Page(items, self.cursor(items[-1]) if len(rows) > limit else None)

    def cursor(self, row: Any) -> str:
        """The cursor of the rows after this one, which has the columns as attributes."""
        body = msgspec.msgpack.encode([getattr(row, column.key) for column in self._columns])
        return base64.urlsafe_b64encode(self._check(body) + body).rstrip(b"=").decode()

    def _read(self, cursor: str) -> list[str | int]:
        problem = BadInput("this cursor is none of this list's", code="bad_input")
        if len(cursor) > _LONGEST:
            raise problem
        try:
            packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            check, body = packed[:_CHECK], packed[_CHECK:]
            values = msgspec.msgpack.decode(body, type=list[str | int])
        except (ValueError, binascii.Error, msgspec.DecodeError):
            raise problem from None
        if check != self._check(body) or not self._fit(values):
            raise problem
        return values

    def _fit(self, values: list[str | int]) -> bool:
        """The checksum can be made by anybody, so what it covers is looked at all the same."""
        if len(values) != len(self._types):
            return False
        for value, kind in zip(values, self._types, strict=True):
            if type(value) is not kind:
                return False
            if isinstance(value, str) and "\0" in value:  # PostgreSQL has no such text
                return False
            if isinstance(value, int) and not -_INTEGER <= value < _INTEGER:
                return False
        return True

    def _check(self, body: bytes) -> bytes:
        return hashlib.blake2s(
            body, digest_size=_CHECK, person=hashlib.blake2s(self._name, digest_size=8).digest()
        ).digest()
