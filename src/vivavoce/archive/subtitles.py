"""Subtitles of a conversation, as WebVTT and as SubRip: what was said, and of the replies what was heard.

Words of a reply that were cut off are shown and marked, in the cue in which they would have been heard.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from vivavoce.archive.conversations_views import TurnView

Speaker = Literal["user", "reply"]
LONGEST_MS: Final = 6_000
MOST_CHARACTERS: Final = 84
"""Two lines of the usual 42."""
SHORTEST_MS: Final = 700


@dataclass(frozen=True, slots=True)
class Cue:
    """`text` was heard, `cut` was not; times in ms from the beginning of the file that it goes with."""

    start: int
    stop: int
    speaker: Speaker
    text: str
    cut: str = ""


async def cues(turns: AsyncIterable[TurnView], begin: int = 0, end: int | None = None) -> AsyncIterator[Cue]:
    """Of the turns between two places of the sample clock, counted from `begin`."""
    async for turn in turns:
        for cue in of_turn(turn):
            if cue.stop > begin and (end is None or cue.start < end):
                yield Cue(max(0, cue.start - begin), cue.stop - begin, cue.speaker, cue.text, cue.cut)


def of_turn(turn: TurnView) -> Iterator[Cue]:
    """On the sample clock. What was typed was not spoken and has no place."""
    if turn.said and turn.said_from_ms is not None and turn.said_to_ms is not None:
        yield Cue(turn.said_from_ms, max(turn.said_to_ms, turn.said_from_ms + SHORTEST_MS), "user", _line(turn.said))
    heard, unheard = turn.heard or "", turn.unheard or ""
    if not heard + unheard or turn.heard_from_ms is None:
        return
    end = turn.heard_to_ms if turn.heard_to_ms is not None else turn.heard_from_ms
    starts = [(0, turn.heard_from_ms)]
    for word in turn.words or ():
        begun, since = starts[-1]
        if word.heard and (word.from_ms - since >= LONGEST_MS or word.start - begun >= MOST_CHARACTERS):
            starts.append((word.start, word.from_ms))
    for at, (begun, since) in enumerate(starts):
        last = at + 1 == len(starts)
        stop, until = (len(heard), end) if last else starts[at + 1]
        yield Cue(
            since, max(until, since + SHORTEST_MS), "reply", _line(heard[begun:stop]), _line(unheard) if last else ""
        )


async def webvtt(found: AsyncIterable[Cue]) -> AsyncIterator[str]:
    """The file, piece by piece."""
    yield "WEBVTT\n"
    async for cue in found:
        text = _escaped(cue.text)
        if cue.cut:
            text = f"{text} <c.cut>{_escaped(cue.cut)}</c>".strip()
        yield f"\n{_clock(cue.start, '.')} --> {_clock(cue.stop, '.')}\n<v {cue.speaker}>{text}\n"


async def subrip(found: AsyncIterable[Cue]) -> AsyncIterator[str]:
    """The file, piece by piece. SubRip has no marks, so what was cut stands in brackets."""
    number = 0
    async for cue in found:
        number += 1
        sign = "– " if cue.speaker == "reply" else ""
        text = f"{cue.text} [{cue.cut}]".strip() if cue.cut else cue.text
        yield f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.stop, ',')}\n{sign}{_no_arrow(text)}\n\n"


def _line(text: str) -> str:
    """In one line: an empty one would end the cue."""
    return " ".join(text.split())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _no_arrow(text: str) -> str:
    return text.replace("-->", "→")


def _clock(ms: int, point: str) -> str:
    seconds, rest = divmod(ms, 1_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{rest:03d}"
