"""The bus of one process: news in memory, streams in the database."""

from __future__ import annotations

from vivavoce.storage.bus.heap import HeapStreams
from vivavoce.storage.bus.ledger import Ledger
from vivavoce.storage.bus.local_news import LocalNews
from vivavoce.storage.bus.rows import RowStreams
from vivavoce.storage.bus.streams import Streams
from vivavoce.storage.clock import Clock, wall
from vivavoce.storage.database import Database


class MemoryBus(LocalNews, Streams):
    """`Bus` in this process. Without a database its streams end with it."""

    def __init__(self, database: Database | None = None, clock: Clock = wall) -> None:
        ledger: Ledger = HeapStreams() if database is None else RowStreams(database, clock)
        LocalNews.__init__(self)
        Streams.__init__(self, ledger)
