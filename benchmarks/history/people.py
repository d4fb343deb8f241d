"""A million turns of two hundred people over a year, the same at each run: one who talks all day, one of three turns.

Words follow Zipf's law over a vocabulary of made-up syllables, so a few are in most turns and most are rare; every
tenth turn is Chinese. Some words are planted, since their frequency decides what a search costs.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

YEAR_MS: Final = 365 * 86_400_000
END: Final = 1_764_000_000_000
"""24 November 2025."""
PEOPLE: Final = 200
PER_CONVERSATION: Final = 6
SPOKEN: Final = 24
"""Words of a turn, both sides."""

TALKER: Final = f"{1:032x}"
"""Has half of all turns."""
QUIET: Final = f"{2:032x}"
"""Has three."""
OTHER: Final = f"{3:032x}"
"""One of the rest."""

EVEN: Final = "evenword"
ODD: Final = "oddword"
"""In half of the turns each, and never in the same one."""
RARE: Final = "needle"
"""In a handful of the talker's turns."""
ONCE: Final = "longago"
"""In the talker's ten first turns, a year back."""
TEA: Final = "绿茶"
"""In every fiftieth turn that is Chinese."""

_SYLLABLES: Final = ("ba", "do", "ki", "lu", "me", "na", "po", "ri", "su", "te", "vo", "zi", "ga", "he", "wo", "ja")
VOCABULARY: Final = tuple("".join(parts) for parts in itertools.product(_SYLLABLES, repeat=3))
_HAN: Final = "天地人你我他日月水火山石田土风雨来去上下左右前后大小多少开关灯音乐时间明早晚安今年新茶叶吃饭走路书"


@dataclass(frozen=True, slots=True)
class Spoken:
    """One turn; `number` counts from 0 over all people, in the order of time."""

    number: int
    owner: str
    conversation: str
    reply: int
    at: int
    said: str
    heard: str
    response_ms: int
    cut: bool
    app: str


def spoken(turns: int) -> Iterator[Spoken]:
    """`turns` turns, oldest first."""
    random = np.random.default_rng(7)
    weights = 1 / np.arange(1, len(VOCABULARY) + 1)
    edges = np.cumsum(weights / weights.sum())
    step = YEAR_MS / turns
    quiet = {turns // 4, turns // 2, turns - 10}
    running: dict[str, tuple[str, int]] = {}
    for start in range(0, turns, 10_000):
        count = min(10_000, turns - start)
        ranks = np.searchsorted(edges, random.random((count, SPOKEN)))
        waits = random.lognormal(6.2, 0.35, count).astype(int)
        whose = random.integers(0, 2 * (PEOPLE - 2), count)
        cuts = random.random(count) < 0.08
        for at in range(count):
            number = start + at
            owner = TALKER if whose[at] < PEOPLE - 2 else f"{3 + whose[at] - (PEOPLE - 2):032x}"
            owner = QUIET if number in quiet else owner
            moment = END - YEAR_MS + int(number * step)
            conversation, reply = running.get(owner, ("", PER_CONVERSATION))
            if reply >= PER_CONVERSATION:
                conversation, reply = f"{moment:012x}7{number:019x}", 0
            running[owner] = (conversation, reply + 1)
            words = _words(number, turns, owner, ranks[at], random)
            half = len(words) // 2
            yield Spoken(
                number,
                owner,
                conversation,
                reply + 1,
                moment,
                " ".join(words[:half]),
                " ".join(words[half:]),
                int(waits[at]),
                bool(cuts[at]),
                ("kitchen", "hall", "car")[number % 3],
            )


def _words(number: int, turns: int, owner: str, ranks: np.ndarray, random: np.random.Generator) -> list[str]:
    if number % 10 == 3:
        picks = random.integers(0, len(_HAN), 16)
        text = "".join(_HAN[pick] for pick in picks)
        return [text[:8], TEA if number % 500 == 3 else text[8:]]
    words = [VOCABULARY[rank] for rank in ranks]
    words.append(EVEN if number % 2 == 0 else ODD)
    if number % (turns // 3) < 3 and owner == TALKER:
        words.append(RARE)
    if number < 40 and owner == TALKER:
        words.append(ONCE)
    return words
