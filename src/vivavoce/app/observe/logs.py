"""Log lines: as text for people, or one JSON object each for collectors. On standard error, as services do.

What people said is never logged; a logger is given ids (`extra={"session": …}`), times and counts. Line ends inside
a message are written as `\\n`, so that nobody can forge a line.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final, Literal, TextIO

from vivavoce.channels.request_id import RequestIds

IDS: Final = ("session", "conversation", "user", "request", "worker")
"""What a line may be found by: set with `extra` where it is known."""
_NOISY: Final = ("uvicorn", "httpx", "asyncio", "alembic", "sqlalchemy", "aiosqlite", "opentelemetry", "urllib3")
"""Libraries that are heard only when it matters."""


def configure(level: str, form: Literal["text", "json"], stream: TextIO = sys.stderr) -> None:
    """Set up logging for this process. Call it once, first."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if form == "json" else Lines())
    handler.addFilter(RequestIds())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    at_least(level)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def at_least(level: str) -> None:
    """Write lines from this level on; may be changed while the server runs."""
    logging.getLogger().setLevel(level.upper())


class Lines(logging.Formatter):
    """`2026-11-26T07:00:00.123Z INFO vivavoce.app.server: message session=…`"""

    def format(self, record: logging.LogRecord) -> str:
        ids = "".join(f" {name}={value}" for name, value in _ids(record).items())
        line = f"{_moment(record)} {record.levelname} {record.name}: {_message(record)}{ids}"
        trace = _trace(self, record)
        return f"{line}\n{trace}" if trace else line


class JsonLines(logging.Formatter):
    """`{"time": …, "level": …, "logger": …, "message": …, "session": …, "error": …}`"""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
            **_ids(record),
        }
        if trace := _trace(self, record):
            line["error"] = trace
        return json.dumps(line, ensure_ascii=False)


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    return record.getMessage().replace("\r", "\\r").replace("\n", "\\n")


def _ids(record: logging.LogRecord) -> dict[str, str]:
    return {name: str(value) for name in IDS if (value := getattr(record, name, None))}


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.formatException(record.exc_info) if record.exc_info else ""
