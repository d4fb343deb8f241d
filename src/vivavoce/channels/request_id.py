"""The name of a request: made by us, in its answer, in every problem and in every log line about it."""

from __future__ import annotations

import logging
import secrets
from contextvars import ContextVar
from itertools import count
from typing import Final

HEADER: Final = "X-Request-Id"

current: ContextVar[str] = ContextVar("request", default="")
"""Of the request that this task answers; empty outside of one."""

_process: Final = secrets.token_hex(4)
_numbers: Final = count(1)


def name_request() -> str:
    """A fresh name, 16 hex digits: this process by chance, then a number. It becomes the current one."""
    name = f"{_process}{next(_numbers) & 0xFFFFFFFF:08x}"
    current.set(name)
    return name


class RequestIds(logging.Filter):
    """Gives each log record the `request` during which it was written, for a handler's format."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "request"):
            record.request = current.get()
        return True
