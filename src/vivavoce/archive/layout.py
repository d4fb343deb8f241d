"""How words lie in rows: the scope and place each is sealed with, and the JSON of a turn's stages.

No word of a person is in `turns.stages`, since that column is never sealed: it counts characters of the reply's text,
which is `heard` followed by `unheard`, and names where a stage's input and output are to be found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypedDict

Said = list[list[int]]
"""`[[start, stop, from_ms], …]`: characters of the reply's text, and when they begin to sound on the sample clock."""


class StageRow(TypedDict, total=False):
    """`start` and `end` in ms from the end of speech. `input` and `output` are `sound`, `said` or `reply`."""

    name: str
    start: int
    end: int
    backend: str
    input: str
    output: str
    error: str


class Stages(TypedDict, total=False):
    """What `turns.stages` holds."""

    stages: list[StageRow]
    queue_ms: int
    confidence: float
    tokens: dict[str, int]
    words: Said
    errors: list[str]
    """Codes of problems that belong to no stage that is known."""


CARRIES: Final[dict[str, tuple[str, str]]] = {
    "endpoint": ("sound", "sound"),
    "asr": ("sound", "said"),
    "llm": ("said", "reply"),
    "tts": ("reply", "sound"),
    "send": ("sound", "sound"),
}
"""What goes into a stage and what comes out of it."""


def scope(conversation: str) -> str:
    """Of everything written that belongs to a conversation."""
    return f"conversation:{conversation}"


def title_place() -> str:
    return "conversations/title"


def turn_place(reply: int, column: str) -> str:
    """`column` is `said`, `heard` or `unheard`; a turn is known by its conversation (the scope) and its reply."""
    return f"turns/{reply}/{column}"


def peaks_place(recording: str) -> str:
    return f"recordings/{recording}/peaks"


def spool_place(recording: str) -> str:
    """Of its sound, while it waits to be encoded."""
    return f"spool/{recording}"


def blob_scope(blob: str) -> str:
    return f"blob:{blob}"


def snapshot_place(session: str) -> str:
    return f"sessions/{session}/snapshot"


def spelled(words: Said, heard: str, unheard: str) -> list[tuple[str, int]]:
    """The words of a turn's stages with their times, as text."""
    text = heard + unheard
    return [(text[start:stop], from_ms) for start, stop, from_ms in words]


def response(stages: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How long each stage took, in ms."""
    return {stage["name"]: stage["end"] - stage["start"] for stage in stages}
