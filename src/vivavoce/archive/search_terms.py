"""What the search index holds of a turn: terms, each a number made from who said it, when, and one word.

One definition of a word serves both databases, so neither their tokenizers nor their dictionaries matter. Text is
compared without case, accents and English plural endings. Where a script has no spaces between words (Chinese,
Japanese, Korean, Thai …) every character and every pair of neighbours is a word, so a word of two characters is found
and a longer one is found by its pairs.

A term is 48 bits of a hash over owner, span of time and word: the owner is part of what is looked up and not a
condition afterwards, so one person's million turns cost another one nothing, and a query holds nothing but numbers,
whatever somebody typed. Whoever looks something up still names the owner; a collision is met once in 2⁴⁸.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import pairwise
from typing import Final

EVERYBODY: Final = "*"
"""The owner under which marks (never words) of all people are found."""
QUERY_CHARACTERS: Final = 200
QUERY_WORDS: Final = 16
"""Of a query that has more, the first ones count."""
TURN_WORDS: Final = 2_000
"""Different words of one turn that are indexed: more than ten minutes of speech."""
WORD_CHARACTERS: Final = 64
SLOW_MS: Final = (0, 300, 500, 700, 1_000, 1_500, 2_000, 3_000, 5_000)
"""Steps of slowness that have a mark; what lies between two is asked of the row."""

_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"  # CJK
)
_RUN: Final = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+(?:['’][^\W_{_UNSPACED}]+)*")
_ACCENTS: Final = re.compile("[\u0300-\u036f]+")
_FIRST_UNSPACED: Final = re.compile(rf"[{_UNSPACED}]")


def words(text: str) -> Iterator[str]:
    """The words of `text` as they are indexed, in order, repetitions and all."""
    for run in _RUN.findall(_folded(text)):
        if _FIRST_UNSPACED.match(run):
            yield from run
            yield from map("".join, pairwise(run))
        else:
            yield _singular(run.replace("'", "").replace("’", ""))[:WORD_CHARACTERS]


def asked(query: str) -> list[str]:
    """The words a query looks for, each once. Quotes, operators and markup are no more than text between words."""
    found: list[str] = []
    for run in _RUN.findall(_folded(query[:QUERY_CHARACTERS])):
        pairs = [run[at : at + 2] for at in range(len(run) - 1)] if _FIRST_UNSPACED.match(run) else []
        # A pair says all that its two characters would.
        found += pairs or words(run)
    return list(dict.fromkeys(found))[:QUERY_WORDS]


def spoken(*texts: str) -> set[str]:
    """The different words of a turn."""
    found: set[str] = set()
    for text in texts:
        for word in words(text):
            found.add(word)
            if len(found) >= TURN_WORDS:
                return found
    return found


def cut_mark() -> str:
    """Of turns whose reply was cut."""
    return ":cut"


def app_mark(app: str) -> str:
    return f":app:{app}"


def slow_marks(response_ms: int) -> list[str]:
    """Of a turn that took so long to answer: one for every step it reached."""
    return [f":slow:{step}" for step in SLOW_MS if response_ms >= step]


def slow_mark(slow_ms: int) -> str:
    """The mark that every turn of at least `slow_ms` carries, and as few others as may be."""
    return slow_marks(max(slow_ms, 0))[-1]


def terms(owner: str, span: int, of: Iterable[str]) -> list[int]:
    """The numbers of words and marks of `owner` in one span of time (see search_index.py), sorted."""
    start = blake2b(f"{owner}\n{span}\n".encode(), digest_size=6)
    found = set()
    for word in of:
        state = start.copy()
        state.update(word.encode())
        found.add(int.from_bytes(state.digest(), "big"))
    return sorted(found)


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", plain))


def _singular(word: str) -> str:
    """Without an English plural ending: the three rules of Harman's S stemmer (1991)."""
    if len(word) < 4 or not word.endswith("s") or not word.isascii():
        return word
    if word.endswith("ies") and word[-4] not in "ae":
        return word[:-3] + "y"
    if word.endswith("es") and word[-3] not in "aeo":
        return word[:-1]
    return word if word[-2] in "us" else word[:-1]
