"""Where words are in a text, as speech marks count them; pure."""

from __future__ import annotations

import re

_HAN = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_HAN}][，。！？、；：…”’）》」』]*|[^\s{_HAN}]+")
_CHINESE = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_CLAUSE_END = re.compile(r"[,.;:!?…](?=\s)|[，。！？、；：]|\n")


def spans(text: str) -> list[tuple[int, int]]:
    """Start and stop of each word of `text`, with the punctuation that belongs to it.

    A word is what stands between spaces, or one Chinese character or kana with what closes it.
    """
    return [match.span() for match in _WORD.finditer(text)]


def has_chinese(text: str) -> bool:
    return _CHINESE.search(text) is not None


def pieces(text: str, most: int) -> list[tuple[int, str]]:
    """`text` in pieces of at most `most` characters, each with the place where it begins.

    Cut behind a clause, else between words, else anywhere; pieces of blanks are left out.
    """
    cut: list[tuple[int, str]] = []
    start = 0
    while start < len(text):
        stop = min(len(text), start + most)
        if stop < len(text):
            stop = start + _last_break(text[start:stop])
        if text[start:stop].strip():
            cut.append((start, text[start:stop]))
        start = stop
    return cut


def _last_break(text: str) -> int:
    clauses = [match.end() for match in _CLAUSE_END.finditer(text)]
    if clauses:
        return clauses[-1]
    words = [start for start, _ in spans(text) if start]
    return words[-1] if words else len(text)
