"""Turns as they are shown, for tests of what is made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from vivavoce.archive.conversations_views import TurnView

_TURN = TurnView(
    reply=1,
    state="done",
    reason="completed",
    language="en",
    typed=False,
    said="",
    heard="",
    unheard="",
    started_at=0,
    said_from_ms=0,
    said_to_ms=2_000,
    heard_from_ms=2_500,
    heard_to_ms=4_000,
    response_ms=500,
    queue_ms=None,
    stages=[],
    words=[],
    errors=[],
    tokens={},
    confidence=None,
)


def turn(**given: Any) -> TurnView:
    """One that was heard from 2.5 to 4 s, with these fields."""
    return replace(_TURN, **given)
