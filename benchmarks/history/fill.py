"""Writes the million turns as fast as the database takes them: past the ORM, indexes last. The schema is the migrated
one, and so are the rows of the search index: made by the product's own SearchIndex.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

import asyncpg
from sqlalchemy import make_url

from benchmarks.history.people import END, OTHER, PEOPLE, QUIET, TALKER, Spoken
from vivavoce.archive.search_index import Indexed, SearchIndex
from vivavoce.storage.models import term_words

Item = TypeVar("Item")
BATCH: Final = 20_000
_STAGES: Final = (
    '{"stages": [{"name": "asr", "start": -400, "end": 20, "backend": "whisper small"}, '
    '{"name": "llm", "start": 21, "end": 310, "backend": "llama"}, '
    '{"name": "tts", "start": 240, "end": 480, "backend": "espeak"}], "words": [], "queue_ms": 1}'
)

USERS: Final = ("id", "name", "display_name", "role", "epoch", "disabled", "version", "created_at", "updated_at")
CONVERSATIONS: Final = (
    "id", "owner_id", "app_id", "app_version", "channel", "kind", "language", "state", "title", "turns", "cuts",
    "response_ms", "started_at", "last_at", "ended_at", "end_reason",
)  # fmt: skip
TURNS: Final = (
    "id", "conversation_id", "owner_id", "reply", "state", "reason", "language", "said", "heard", "typed", "started_at",
    "said_from_ms", "said_to_ms", "heard_from_ms", "heard_to_ms", "response_ms", "stages",
)  # fmt: skip
INDEX: Final = ("position", "turn_id", "conversation_id", "owner_id", "response_ms", "terms")

Rows = list[tuple[Any, ...]]


def users() -> Rows:
    owners = [TALKER, QUIET, *(f"{3 + number:032x}" for number in range(PEOPLE - 2))]
    assert OTHER in owners
    return [(one, f"person{at}", "", "user", 0, False, 1, END, END) for at, one in enumerate(owners)]


def batches(turns: Iterable[Spoken], index: SearchIndex) -> Iterator[tuple[Rows, Rows, Rows]]:
    """Rows of conversations, turns and the index, a batch at a time."""
    for batch in _chunks(turns, BATCH):
        begun = [one for one in batch if one.reply == 1]
        yield [_conversation(one) for one in begun], [_turn(one) for one in batch], [_row(one, index) for one in batch]


def _conversation(one: Spoken) -> tuple[Any, ...]:
    return (
        one.conversation, one.owner, one.app, 1, "web", "duplex", "en", "ended", one.said.encode(), 6, int(one.cut),
        one.response_ms, one.at, one.at + 60_000, one.at + 60_000, "bye",
    )  # fmt: skip


def _turn(one: Spoken) -> tuple[Any, ...]:
    reason = "interrupted" if one.cut else "completed"
    return (
        one.number + 1, one.conversation, one.owner, one.reply, "done", reason, "en", one.said.encode(),
        one.heard.encode(), False, one.at, 0, 1_500, 2_000, 4_000, one.response_ms, _STAGES,
    )  # fmt: skip


def _row(one: Spoken, index: SearchIndex) -> tuple[Any, ...]:
    row = index.row(
        Indexed(
            turn_id=one.number + 1,
            conversation_id=one.conversation,
            owner_id=one.owner,
            app_id=one.app,
            started_at=one.at,
            said=one.said,
            heard=one.heard,
            response_ms=one.response_ms,
            cut=one.cut,
        )
    )
    return tuple(row[name] for name in INDEX)


def fill_sqlite(url: str, turns: Iterable[Spoken], index: SearchIndex, tell: Callable[[int], None]) -> None:
    with sqlite3.connect(str(make_url(url).database)) as connection:
        connection.executescript("PRAGMA synchronous=OFF; PRAGMA cache_size=-200000")
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE name LIKE 'turn_index_%' AND type='trigger'"
        )
        made = triggers.fetchall()
        for name, _ in made:
            connection.execute(f"DROP TRIGGER {name}")
        connection.executemany(_insert("users", USERS), users())
        done = 0
        for conversations, spoken, found in batches(turns, index):
            connection.executemany(_insert("conversations", CONVERSATIONS), conversations)
            connection.executemany(_insert("turns", TURNS), spoken)
            connection.executemany(_insert("turn_index", INDEX), [(*row[:-1], term_words(row[-1])) for row in found])
            done += len(spoken)
            tell(done)
        connection.execute("INSERT INTO turn_search(turn_search) VALUES ('rebuild')")
        for _, sql in made:
            connection.execute(sql)
    with sqlite3.connect(str(make_url(url).database)) as connection:
        connection.execute("ANALYZE")


async def fill_postgres(url: str, turns: Iterable[Spoken], index: SearchIndex, tell: Callable[[int], None]) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '512MB'")
    later = await connection.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('turns', 'turn_index', 'conversations') "
        "AND indexdef NOT LIKE '%UNIQUE%'"
    )
    for one in later:
        await connection.execute(f"DROP INDEX {one['indexname']}")
    await connection.copy_records_to_table("users", records=users(), columns=USERS)
    done = 0
    for conversations, spoken, found in batches(turns, index):
        await connection.copy_records_to_table("conversations", records=conversations, columns=CONVERSATIONS)
        await connection.copy_records_to_table("turns", records=spoken, columns=TURNS)
        await connection.copy_records_to_table("turn_index", records=found, columns=INDEX)
        done += len(spoken)
        tell(done)
    for one in later:
        await connection.execute(one["indexdef"])
    await connection.execute("SELECT setval(pg_get_serial_sequence('turns', 'id'), (SELECT max(id) FROM turns))")
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk
