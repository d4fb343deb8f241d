"""How long statements take, for whoever counts them: their kind and their seconds, never their text."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

Timed = Callable[[str, float], None]
"""Called on the loop with a word and seconds."""

KINDS: Final = frozenset({"select", "insert", "update", "delete", "with"})
"""Other statements are `other`."""


def time_statements(engine: AsyncEngine, timed: Timed) -> None:
    """Tell `timed` of each statement that the database has answered. One that fails is not timed."""

    def before(connection: Any, *_: object) -> None:
        connection.info["began"] = time.perf_counter()

    def after(connection: Any, _cursor: object, statement: str, *_: object) -> None:
        word = statement.lstrip()[:6].split(maxsplit=1)[0].lower() if statement else ""
        began = connection.info.pop("began", None)
        if began is not None:  # else it was under way when the timing began
            timed(word if word in KINDS else "other", time.perf_counter() - began)

    event.listen(engine.sync_engine, "before_cursor_execute", before)
    event.listen(engine.sync_engine, "after_cursor_execute", after)
