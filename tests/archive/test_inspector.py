from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from archive.turns import turn
from vivavoce.archive.conversations_views import Sound, Stage, Word
from vivavoce.archive.inspector import Clip, inspect


def sound(name: str, from_ms: int, duration_ms: int, state: str = "ready") -> Sound:
    return Sound(name, state, from_ms, duration_ms, 1, 0)


def test_stages_get_their_texts() -> None:
    stages = [
        Stage("asr", -400, 0, "whisper", "sound", "said", ""),
        Stage("llm", 0, 300, "llama", "said", "reply", ""),
        Stage("tts", 200, 400, "espeak", "reply", "sound", "tts_failed"),
    ]
    steps = inspect(turn(said="how long", heard="three", unheard=" days", stages=stages), []).steps
    assert [(step.input, step.output) for step in steps] == [
        (None, "how long"),
        ("how long", "three days"),
        ("three days", None),
    ]
    assert steps[2].error == "tts_failed"


def test_without_words_there_is_neither_text_nor_sound() -> None:
    hidden = turn(
        said=None, heard=None, unheard=None, words=None, stages=[Stage("llm", 0, 1, "x", "said", "reply", "")]
    )
    found = inspect(hidden, [sound("a", 0, 10_000)])
    assert found.clips == []
    assert (found.steps[0].input, found.steps[0].output) == (None, None)


def test_a_reply_that_was_cut_has_a_longer_way_out_than_was_heard() -> None:
    words = [Word("three", 0, 2_500, True), Word("days", 6, 4_800, False)]
    clips = inspect(turn(said="x", heard="three", unheard=" days", words=words), [sound("a", 0, 60_000)]).clips
    assert clips == [Clip("in", "a", 0, 2_000), Clip("out", "a", 2_500, 4_800), Clip("heard", "a", 2_500, 4_000)]


def test_a_clip_may_lie_in_two_recordings() -> None:
    halves = [sound("b", 1_000, 5_000), sound("a", 0, 1_000), sound("c", 0, 9_000, "pending")]
    clips = [one for one in inspect(turn(said="x"), halves).clips if one.side == "in"]
    assert clips == [Clip("in", "a", 0, 1_000), Clip("in", "b", 0, 1_000)]


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 10_000))
def test_clips_lie_within_their_recording(start: int, length: int, begin: int, duration: int) -> None:
    told = turn(said="x", said_from_ms=start, said_to_ms=start + length)
    for clip in inspect(told, [sound("a", begin, duration)]).clips:
        assert 0 <= clip.from_ms < clip.to_ms <= duration
