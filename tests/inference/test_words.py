"""Words and pieces: nothing is lost, nothing is cut inside a word that need not be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.inference.words import has_chinese, pieces, spans


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's noon, isn't it?", ["It's", "noon,", "isn't", "it?"]),
        ("你好，世界。", ["你", "好，", "世", "界。"]),
        ("音量 80% 了", ["音", "量", "80%", "了"]),
        ("see https://example.org/a?b now", ["see", "https://example.org/a?b", "now"]),
        ("  \n ", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert [text[start:stop] for start, stop in spans(text)] == words


def test_chinese_is_seen() -> None:
    assert has_chinese("OK 好")
    assert not has_chinese("naïve, ひらがな")


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("Short.", ["Short."]),
        ("One two, three four five", ["One two,", " three four five"]),
        ("It is 3.14159 and more", ["It is 3.14159 ", "and more"]),
        ("一二三四五，六七八九十一二三四五六七", ["一二三四五，", "六七八九十一二三四五六七"]),
        ("abcdefghijklmnopqrstuvwxyz", ["abcdefghijklmnop", "qrstuvwxyz"]),
    ],
)
def test_pieces_end_at_clauses_then_words_then_anywhere(text: str, cut: list[str]) -> None:
    assert [piece for _, piece in pieces(text, 16)] == cut


@given(st.text(alphabet="ab, .。，你好\n", max_size=200), st.integers(1, 30))
def test_pieces_are_short_and_lose_nothing_but_blanks(text: str, most: int) -> None:
    cut = pieces(text, most)
    assert all(0 < len(piece) <= most and text[start : start + len(piece)] == piece for start, piece in cut)
    assert "".join("".join(piece for _, piece in cut).split()) == "".join(text.split())
