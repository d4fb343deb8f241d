"""From a sentence to an intent: tidy the text, put numbers in digits, drop politeness, ask hassil.

Sentences with closed words are tried first, on text with digits. Those with free words ("remember that …") come
second, on the text as it was written, so that a fact is kept in the person's own words and capitals.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from hassil.intents import Intents
from hassil.recognize import RecognizeResult, recognize_all

from vivavoce.conversation.skills import numbers
from vivavoce.conversation.skills.definition import DECIMAL_BASE, MAX_DECIMALS, Definition
from vivavoce.conversation.skills.values import Intent, Slot

MAX_TEXT = 400
"""Longer is no command. Free talk comes here on every turn and must cost little."""
MAX_CANDIDATES = 20
"""Bound on the combinations of politeness dropped in front and behind."""

_NOISE = re.compile(r"[^\w\s'.,%+\-*/×÷]|_")
_LONE_POINT = re.compile(r"(?<!\d)[.,]|[.,](?!\d)")
_PERCENT = re.compile(r"(-?\d+(?:\.\d+)?)\s*%")
_LONE_SIGN = re.compile(r"[+*/×÷%]|-(?!\d)|(?<=\w)-")
_DECIMAL = re.compile(r"-?\d+\.\d+")


class Matcher:
    """Matches sentences of one language. Stateless after its making; a match is about a millisecond."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._gap = r"\s+" if definition.spaced else r"\s*"
        signs = "|".join(re.escape(sign) for sign in definition.signs)
        self._sign = re.compile(rf"(?<=\d)\s*({signs})\s*(?=-?\d)")
        polite = definition.polite
        self._before = self._edge(polite.before, "^(?:{}){gap}(?=\\S)")
        self._after = self._edge(polite.after, "(?<=\\S){gap}(?:{})$")
        self._after_free = self._edge(polite.after_free, "(?<=\\S){gap}(?:{})$")

    def _edge(self, words: tuple[str, ...], pattern: str) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(pattern.format(re.escape(w), gap=self._gap), re.IGNORECASE) for w in words)

    def match(self, text: str) -> Intent | None:
        """The intent of `text`, or None."""
        if len(text) > MAX_TEXT:
            return None
        plain = unicodedata.normalize("NFKC", text).replace("’", "'")
        tidy, decimals = self._tidy(plain)
        for candidate in self._candidates(tidy, self._after):
            if found := self._best(candidate, self._definition.closed):
                return Intent(found.intent.name, _slots(found, decimals), text)
        for candidate in self._candidates(self._written(plain), ()):
            if found := self._best(candidate, self._definition.free):
                return Intent(found.intent.name, _slots(found, []), text, free=True)
        return None

    def _tidy(self, text: str) -> tuple[str, list[str]]:
        """Lower-case words and digits only, and the decimals that were taken out."""
        text = _NOISE.sub(" ", text.lower())
        text = _LONE_POINT.sub(" ", numbers.digits(_LONE_POINT.sub(" ", text), self._definition.language))
        text = _PERCENT.sub(lambda m: self._definition.percent_sign.format(m[1]), text)
        text = self._sign.sub(lambda m: f" {self._definition.signs[m[1]]} ", text)
        text = " ".join(_LONE_SIGN.sub(" ", text).split())
        if not self._definition.spaced:
            text = re.sub(r"(?<=\d) (?=\D)|(?<=\D) (?=\S)", "", text)
        decimals: list[str] = []

        def take(match: re.Match[str]) -> str:
            if len(decimals) >= MAX_DECIMALS:
                return match.group()
            decimals.append(match.group())
            return str(DECIMAL_BASE + len(decimals) - 1)

        return _DECIMAL.sub(take, text), decimals

    def _written(self, text: str) -> str:
        """The text as it was written, without the marks and the "please" at its end."""
        text, longer = " ".join(text.split()), ""
        while text != longer:
            longer = text
            text = text.rstrip(" .,!?，。！？")
            for edge in self._after_free:
                text = edge.sub("", text)
        return text

    def _candidates(self, text: str, after: tuple[re.Pattern[str], ...]) -> Iterator[str]:
        """`text`, then with less and less politeness; what was really said is tried first."""
        queue = [text] if text else []
        for candidate in queue:
            yield candidate
            for edge in (*self._before, *after):
                shorter = edge.sub("", candidate)
                if shorter not in queue and len(queue) < MAX_CANDIDATES:
                    queue.append(shorter)

    def _best(self, text: str, intents: Intents) -> RecognizeResult | None:
        """The result with the most literal text: free words get as little as possible."""
        results: Any = recognize_all(text, intents)
        return max(results, key=lambda result: result.text_chunks_matched, default=None)


def _slots(result: RecognizeResult, decimals: list[str]) -> dict[str, Slot]:
    return {entity.name: _value(entity.value, decimals) for entity in result.entities_list}


def _value(value: Slot, decimals: list[str]) -> Slot:
    if isinstance(value, str):
        return value
    index = int(value) - DECIMAL_BASE
    if 0 <= index < len(decimals):
        return float(decimals[index])
    return int(value) if value == int(value) else value
