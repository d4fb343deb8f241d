"""The pure parts of `script/bench conversation`: a benchmark that counts wrong is worse than none."""

from __future__ import annotations

import pytest
from benchmarks.conversation.ears import Words
from benchmarks.conversation.endpoints import Point, cut_at
from benchmarks.conversation.lag import quantile
from benchmarks.conversation.listener import Ledger
from benchmarks.conversation.pauses import hanging_borders, phrase_borders
from benchmarks.conversation.recital import Recital, Word, clauses, words_played
from benchmarks.conversation.voices import word_ends

from vivavoce.inference.ports import SpeechChunk, SynthesizerCapabilities, WordMark

SECOND = bytes(2 * 8_000)


def recital() -> Recital:
    capabilities = SynthesizerCapabilities("test", 8_000, (), word_times=True)
    spoken = {
        "Good morning.": [SpeechChunk(SECOND, (WordMark(0, 0, 4),)), SpeechChunk(SECOND, (WordMark(8_000, 5, 13),))],
        "Sit down.": [SpeechChunk(SECOND, (WordMark(0, 0, 3), WordMark(4_000, 4, 9)))],
    }
    return Recital(spoken, capabilities)


def test_words_sound_one_after_another_over_clauses() -> None:
    assert recital().words() == [
        Word("Good", 0.0, 1.0),
        Word("morning.", 1.0, 2.0),
        Word("Sit", 2.0, 2.5),
        Word("down.", 2.5, 3.0),
    ]


def test_a_word_is_played_when_half_of_it_was() -> None:
    words = recital().words()
    assert [words_played(words, seconds) for seconds in (0.0, 0.49, 0.5, 1.5, 2.0, 3.0)] == [0, 0, 1, 2, 2, 4]


def test_a_voice_robbed_of_its_word_times_sounds_the_same() -> None:
    whole, bare = recital(), recital().without_word_times()
    assert not bare.capabilities.word_times
    assert not bare.words()
    for text, chunks in whole.spoken.items():
        assert b"".join(chunk.pcm for chunk in chunks) == b"".join(chunk.pcm for chunk in bare.spoken[text])


def test_clauses_are_the_whole_reply() -> None:
    reply = "The lamp can be seen from far away. Nobody lives there any more, and nobody will."
    assert "".join(clauses(reply, "en")) == reply
    assert len(clauses(reply, "en")) > 1


def test_the_ledger_counts_samples_that_are_skipped_and_that_come_again() -> None:
    ledger = Ledger()
    ledger.take(1, 0, bytes(20))
    ledger.take(1, 10, bytes(20))
    assert (ledger.lost, ledger.doubled) == (0, 0)
    ledger.take(1, 25, bytes(10))
    assert (ledger.lost, ledger.doubled) == (5, 0)
    ledger.take(2, 0, b"\1\0\2\0\3\0")
    ledger.take(2, 1, b"\2\0\3\0\4\0")
    assert (ledger.lost, ledger.doubled) == (5, 2)
    assert bytes(ledger.sound[2]) == b"\1\0\2\0\3\0\4\0"


@pytest.mark.parametrize(
    ("sentence", "borders", "hanging"),
    [
        ("set a timer for five minutes", [3], [2, 4]),
        ("what time is it", [2], [3]),
        ("stop", [], []),
        ("call my mother", [], [2]),
    ],
)
def test_where_people_pause(sentence: str, borders: list[int], hanging: list[int]) -> None:
    words = sentence.split()
    assert (phrase_borders(words), hanging_borders(words)) == (borders, hanging)


def test_words_end_by_their_share_of_the_characters() -> None:
    assert word_ends("go on then", 100) == [20, 50, 100]


def test_words_are_understood_between_two_moments() -> None:
    words = Words(("set", "a", "timer"), (100, 200, 300))
    assert words.between(0, 250) == "set a"
    assert words.between(100, 300) == "a timer"
    assert Words().between(0, 1000) == ""


def test_a_curve_is_read_between_its_points_and_ends_at_them() -> None:
    curve = [Point("", cut, {}, delay, delay) for delay, cut in ((700.0, 0.1), (300.0, 0.3))]
    assert cut_at(curve, 500) == pytest.approx(0.2)
    assert cut_at(curve, 100) == pytest.approx(0.3)
    assert cut_at(curve, 900) == pytest.approx(0.1)


def test_a_quantile_lies_within_its_bucket() -> None:
    buckets = [(0.001, 90.0), (0.005, 98.0), (0.01, 100.0), (float("inf"), 100.0)]
    assert quantile(buckets, 0.99) == pytest.approx(0.0075)
    assert quantile(buckets, 0.45) == pytest.approx(0.0005)
    assert quantile([(0.001, 1.0), (float("inf"), 100.0)], 0.99) == pytest.approx(0.001)
