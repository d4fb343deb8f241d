"""Facts told in a conversation: said back from the other side, and found again by what is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ENGLISH_SIDES = {
    "i am": "you are",
    "i'm": "you are",
    "you are": "I am",
    "you're": "I am",
    "i was": "you were",
    "i": "you",
    "me": "you",
    "my": "your",
    "mine": "yours",
    "myself": "yourself",
    "your": "my",
    "yours": "mine",
    "yourself": "myself",
    "you": "me",
}
_ENGLISH_SIDE = re.compile(
    r"\b(" + "|".join(sorted(map(re.escape, _ENGLISH_SIDES), key=len, reverse=True)) + r")\b", re.IGNORECASE
)
_CHINESE_SIDES = str.maketrans({"我": "你", "你": "我", "您": "我"})
_COMMON_WORDS = (
    "a an and are at did do does for from have i in is it last me my next of on our put said tell that the their "
    "this to was what when where who will with you your"
)
_COMMON = frozenset(_COMMON_WORDS.split())


def from_my_side(fact: str, language: str) -> str:
    """ "my keys are in the drawer" → "your keys are in the drawer"; 我的… → 你的…."""
    if language == "zh":
        return fact.translate(_CHINESE_SIDES)
    return _ENGLISH_SIDE.sub(lambda match: _ENGLISH_SIDES[match[1].lower()], fact)


def about(thing: str, facts: Sequence[str], language: str) -> list[str]:
    """The facts that speak of `thing`: of those with most of its words in them, all."""
    wanted = _words(thing, language)
    scores = [len(wanted & _words(fact, language)) for fact in facts]
    best = max(scores, default=0)
    return [fact for fact, score in zip(facts, scores, strict=True) if score == best] if best else []


def _words(text: str, language: str) -> set[str]:
    """Words that carry meaning; in Chinese, which writes none, pairs of characters."""
    if language == "zh":
        han = re.sub(r"[^\w]|[我你您的]", "", text)
        return {han[at : at + 2] for at in range(len(han) - 1)} or set(han)
    return {_singular(word) for word in re.findall(r"[\w']+", text.lower())} - _COMMON


def _singular(word: str) -> str:
    """Enough to let "keys" find "key"."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
