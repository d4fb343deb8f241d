"""Which words were heard: a ledger of one reply that joins its text to its sound.

Anchors say at which sample a stretch of text begins to sound: every word where the synthesizer tells word times,
every clause otherwise. Between anchors time is spread over the characters, of which some take longer than a letter:
a digit is read as a word, a 汉字 is a syllable, and a comma is a pause. A word counts as heard once half of it
was played, and only whole words count; in scripts without spaces every character is a word.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import Final

CHARACTERS_PER_SECOND: Final = 14.0
"""The pace of ordinary speech in letters, for text whose end in the sound is not known yet."""

_UNSPACED: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD: Final = re.compile(rf"[{_UNSPACED}][^\w\s]*|[^\s{_UNSPACED}]+")
"""A word with the punctuation that clings to it."""
_LONG: Final = re.compile(rf"(\d)|([{_UNSPACED}])|[,.;:!?…，。！？；：、—]")
_DIGIT, _SYLLABLE, _PAUSE = 4, 3, 4
"""How many letters one of them lasts."""


class HeardLedger:
    """The text of one reply and when each part of it sounds, in samples at `rate` Hz."""

    __slots__ = ("_ats", "_length", "_middles", "_rate", "_starts", "_stops", "_text", "_timed")

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._text = ""
        self._starts: list[int] = []
        """Anchors: characters, rising …"""
        self._ats: list[int] = []
        """… and the samples at which they begin to sound, not falling."""
        self._timed = 0
        """Text up to here has sound, or will have it."""
        self._length: int | None = None
        self._middles: list[float] | None = None
        """When half of each word was played; made anew when asked after a change."""
        self._stops: list[int] = []

    def text(self, delta: str) -> None:
        """More of the reply's text."""
        self._text += delta
        self._middles = None

    def timing(self, start: int, stop: int, at: int) -> None:
        """`text[start:stop]` begins at sample `at`: a word or a clause, told in any order, before or after its text.

        An anchor that contradicts those known (later text, earlier sound) is not used.
        """
        self._timed = max(self._timed, stop)
        self._middles = None
        place = bisect_left(self._starts, start)
        if place < len(self._starts) and self._starts[place] == start:
            return
        before = self._ats[place - 1] if place else 0
        after = self._ats[place] if place < len(self._ats) else None
        if start < 0 or at < before or (after is not None and at > after):
            return
        self._starts.insert(place, start)
        self._ats.insert(place, at)

    def end(self, length: int) -> None:
        """The reply's sound is `length` samples long, and its text is complete."""
        self._length = length
        self._middles = None

    @property
    def whole(self) -> str:
        """The text so far, heard or not."""
        return self._text

    def heard(self, ms: float) -> str:
        """The text up to the last word of which half was played when `ms` of the reply were."""
        return self._text[: self.heard_chars(ms)]

    def heard_chars(self, ms: float) -> int:
        """The same as a number of characters. Never falls as `ms` rises; all of the text at the end of the sound."""
        position = ms * self._rate / 1000 + 0.5  # half a sample: ms and back must not miss the end
        if self._length is not None and position >= self._length:
            return len(self._text)
        if self._middles is None:
            self._middles = self._measure()
        count = bisect_right(self._middles, position)
        return self._stops[count - 1] if count else 0

    def _measure(self) -> list[float]:
        """When half of each word was played, in samples. Words that have no sound yet are left out."""
        reach = len(self._text) if self._length is not None or not self._starts else self._timed
        letters = _letters(self._text)
        places, ats = self._curve(letters)
        middles: list[float] = []
        self._stops = []
        latest = 0.0
        for word in _WORD.finditer(self._text):
            if word.start() >= reach:
                break
            half = (_at(letters[word.start()], places, ats) + _at(letters[word.end()], places, ats)) / 2
            latest = max(latest, half)
            middles.append(latest)
            self._stops.append(word.end())
        return middles

    def _curve(self, letters: list[int]) -> tuple[list[int], list[float]]:
        """Points of the way from letters to samples, from the beginning of the text to its end."""
        known = len(letters) - 1
        # An anchor may be told before its text, which then is taken for plain letters.
        places = [letters[min(start, known)] + max(0, start - known) for start in self._starts]
        ats: list[float] = [*self._ats]
        if not places or places[0] > 0:
            places.insert(0, 0)
            ats.insert(0, 0.0)
        stop = max(letters[-1], places[-1] + 1)
        if self._length is not None:
            last = max(float(self._length), ats[-1])
        else:
            last = ats[-1] + (stop - places[-1]) / CHARACTERS_PER_SECOND * self._rate
        places.append(stop)
        ats.append(last)
        return places, ats


def _letters(text: str) -> list[int]:
    """How many letters' time each beginning of `text` takes, from the empty one to all of it."""
    lasts = [1] * len(text)
    for match in _LONG.finditer(text):
        lasts[match.start()] = _DIGIT if match[1] else _SYLLABLE if match[2] else _PAUSE
    return [*accumulate(lasts, initial=0)]


def _at(letter: int, places: list[int], ats: list[float]) -> float:
    """The sample at which so many letters are over on the curve."""
    place = min(max(bisect_right(places, letter), 1), len(places) - 1)
    low, high = places[place - 1], places[place]
    return ats[place - 1] + (ats[place] - ats[place - 1]) * (letter - low) / (high - low)
