"""PostgreSQL: limits of its connections, and what becomes of them when the server was away."""

from __future__ import annotations

import time
from typing import Any, Final

from sqlalchemy import URL, Connection, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

CONNECTIONS: Final = 16
CONNECT_S: Final = 2.0
ACQUIRE_S: Final = 2.5
"""The wait for a free connection and its making together."""
STATEMENT_S: Final = 2.5
JOB_S: Final = 600.0
"""A statement of a migration or a backup."""
OLDEST_S: Final = 1800
"""An older connection is made anew: so the load finds its way to a server that has joined."""

SNAPSHOT: Final[dict[str, Any]] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
"""Execution options of a transaction that only reads, and sees one moment."""


class Doubt:
    """When the server was last seen not to answer. A connection that is older than that may be a line to nobody:
    a statement on it would hang until its limit. So it is made anew, unasked, when somebody wants it next; the
    usual remedy, a ping before each use, would hang just so.
    """

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since = float("-inf")

    def raise_(self) -> None:
        self._since = time.monotonic()

    def falls_on(self, made: float) -> bool:
        return made <= self._since


def engine(url: URL, doubt: Doubt) -> AsyncEngine:
    """For everything in the course of a request."""
    made = create_async_engine(
        _driver(url),
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=ACQUIRE_S,
        pool_recycle=OLDEST_S,
        connect_args=_arguments(url, STATEMENT_S),
        hide_parameters=True,
    )

    def connected(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["made"] = time.monotonic()

    def taken(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        if doubt.falls_on(record.info["made"]):
            connection.driver_connection.terminate()
            raise DisconnectionError

    def failed(context: ExceptionContext) -> None:
        error = context.original_exception
        if isinstance(error, TimeoutError | OSError) or context.is_disconnect:
            doubt.raise_()
            if context.connection is not None and not context.connection.invalidated:
                # Without a word to a server that may not listen: even a rollback would wait for it.
                _driver_of(context.connection).terminate()
                context.is_disconnect = True
            context.invalidate_pool_on_disconnect = False  # would part from each with a word, see Doubt

    event.listen(made.sync_engine, "handle_error", failed)
    event.listen(made.sync_engine, "connect", connected)
    event.listen(made.sync_engine, "checkout", taken)
    return made


def alone(url: URL) -> AsyncEngine:
    """For one long job."""
    return create_async_engine(
        _driver(url), poolclass=NullPool, connect_args=_arguments(url, JOB_S), hide_parameters=True
    )


def _driver(url: URL) -> URL:
    return url.set(drivername="postgresql+asyncpg").difference_update_query(["ssl", "sslmode"])


def _driver_of(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _encryption(url: URL) -> str:
    """What the address says as `sslmode` (libpq's words); else none within this machine, and beyond it always."""
    said = url.query.get("sslmode") or url.query.get("ssl")
    if isinstance(said, str):
        return said
    return "disable" if url.host in (None, "", "localhost", "127.0.0.1", "::1") else "require"


def _arguments(url: URL, statement_s: float) -> dict[str, Any]:
    return {
        "ssl": _encryption(url),
        "timeout": CONNECT_S,
        "command_timeout": statement_s + 0.3,  # the server has not even said that the statement took too long
        "server_settings": {
            "application_name": "vivavoce",
            "statement_timeout": f"{statement_s * 1000:.0f}ms",
            # For when we are the ones who have gone: what we hold is let go.
            "idle_in_transaction_session_timeout": f"{statement_s * 4:.0f}s",
        },
    }
