from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.app.talk.loudspeaker import Loudspeaker
from vivavoce.audio.pcm import view
from vivavoce.wire.base import AudioFrame

RATE = 24_000


def sound(count: int, start: int = 1) -> bytes:
    return np.arange(start, start + count).astype("<i2").tobytes()


def test_plays_what_came_and_silence_after_it() -> None:
    speaker = Loudspeaker(RATE)
    speaker.take(AudioFrame(1, 0, sound(30)))
    assert speaker.play(20) == sound(20)
    assert speaker.play(20) == sound(10, 21) + bytes(20)
    assert speaker.played == 30
    assert speaker.played_ms == 30 / 24
    assert not speaker.sounding


def test_ducks_holds_and_releases_without_losing_a_sample() -> None:
    speaker = Loudspeaker(RATE)
    speaker.take(AudioFrame(1, 0, sound(100, 1000)))
    speaker.duck(1, 0.5)
    assert view(speaker.play(10)).tolist() == [value // 2 for value in range(1000, 1010)]
    speaker.hold(1)
    assert speaker.play(10) == bytes(20)
    assert speaker.held
    assert not speaker.sounding
    speaker.release(1)
    assert speaker.play(90) == sound(90, 1010)


def test_nothing_of_a_flushed_reply_or_an_older_one_comes_out() -> None:
    speaker = Loudspeaker(RATE)
    speaker.take(AudioFrame(2, 0, sound(50)))
    speaker.play(10)
    speaker.flush(2)
    speaker.take(AudioFrame(2, 50, sound(50)))
    speaker.take(AudioFrame(1, 0, sound(50)))
    assert speaker.play(10) == bytes(20)
    speaker.take(AudioFrame(3, 0, sound(5)))
    assert speaker.play(5) == sound(5)
    assert (speaker.reply, speaker.played) == (3, 5)


def test_commands_for_another_reply_change_nothing() -> None:
    speaker = Loudspeaker(RATE)
    speaker.take(AudioFrame(2, 0, sound(50)))
    speaker.hold(1)
    speaker.duck(3, 0.1)
    speaker.flush(1)
    assert speaker.play(50) == sound(50)


def test_sound_sent_again_after_a_resume_is_played_once() -> None:
    speaker = Loudspeaker(RATE)
    speaker.take(AudioFrame(1, 0, sound(40)))
    speaker.play(10)
    speaker.take(AudioFrame(1, 20, sound(40, 21)))
    assert speaker.play(50) == sound(50, 11)


def test_a_reply_that_runs_dry_is_a_gap_and_its_end_is_none() -> None:
    speaker = Loudspeaker(RATE)
    speaker.play(10)
    assert speaker.gaps == 0
    speaker.take(AudioFrame(1, 0, sound(10)))
    speaker.play(10)
    speaker.play(10)
    speaker.play(10)
    assert speaker.gaps == 1
    speaker.take(AudioFrame(1, 10, sound(10)))
    speaker.play(10)
    speaker.end(1)
    speaker.play(10)
    assert speaker.gaps == 1


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20), st.lists(st.integers(1, 50), max_size=60))
def test_samples_come_out_once_and_in_order(pieces: list[int], plays: list[int]) -> None:
    speaker = Loudspeaker(RATE)
    whole = sound(sum(pieces))
    offset, out = 0, b""
    for index in range(max(len(pieces), len(plays))):
        if index < len(pieces):
            speaker.take(AudioFrame(1, offset, whole[offset * 2 : (offset + pieces[index]) * 2]))
            offset += pieces[index]
        if index < len(plays):
            out += speaker.play(plays[index])
    heard = bytes(view(out)[view(out) != 0].tobytes())
    assert heard == whole[: speaker.played * 2]
