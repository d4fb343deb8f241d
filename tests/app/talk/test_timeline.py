from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vivavoce.app.talk import timeline
from vivavoce.app.talk.person import Tracks
from vivavoce.app.talk.record import Mark, Record, Turn
from vivavoce.audio.pcm import INPUT_RATE
from vivavoce.errors import ConfigError
from vivavoce.wire import duplex

RATE = 24_000
SECONDS = 8


def sound(rate: int, *spans: tuple[int, int]) -> bytearray:
    pcm = np.zeros(rate * SECONDS, "<i2")
    for begin, end in spans:
        pcm[rate * begin // 1000 : rate * end // 1000] = 20_000
    return bytearray(pcm.tobytes())


def conversation(text: str = "Five minutes, starting now.", heard: str = "Five minutes,") -> Record:
    stages = (duplex.Stage("endpoint", 0, 300), duplex.Stage("asr", -900, 250), duplex.Stage("tts", 300, 380))
    turn = Turn(
        1, "set a timer", 1500, 1, text, heard, "interrupted", 1700, 2000, 3700, duplex.Metrics(1, 400, 0, stages)
    )
    marks = [Mark(3500, "duck", 1), Mark(3600, "hold", 1), Mark(3800, "flush", 1)]
    return Record(turns=[turn], marks=marks, speech=[(500, 1500)])


def drawn(record: Record, tracks: Tracks) -> Image.Image:
    return timeline.render(record, tracks, RATE)


def columns_of(picture: Image.Image, colour: str) -> list[int]:
    """Milliseconds at which something of that colour stands."""
    wanted = tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))
    found = np.flatnonzero((np.asarray(picture) == wanted).all(axis=2).any(axis=0))
    inner = picture.width - (timeline.GUTTER + timeline.MARGIN) * timeline.SCALE
    places = (found - timeline.GUTTER * timeline.SCALE) / inner * SECONDS * 1000
    return [round(place) for place in places if place >= 0]


def test_both_sides_stand_where_they_sounded() -> None:
    tracks = Tracks(sound(INPUT_RATE, (500, 1500)), sound(RATE, (2000, 3700)))
    picture = drawn(Record(), tracks)
    you, reply = columns_of(picture, timeline.YOU), columns_of(picture, timeline.REPLY)
    assert (min(you), max(you)) == pytest.approx((500, 1500), abs=10)
    assert (min(reply), max(reply)) == pytest.approx((2000, 3700), abs=10)


def test_cuts_and_stages_are_marked() -> None:
    tracks = Tracks(sound(INPUT_RATE, (500, 1500)), sound(RATE, (2000, 3700)))
    whole, cut = drawn(Record(), tracks), drawn(conversation(), tracks)
    assert columns_of(whole, timeline.CUT) == []
    assert min(abs(place - 3800) for place in columns_of(cut, timeline.CUT)) <= 10
    endpoint = [place for place in columns_of(cut, timeline.STAGES["endpoint"]) if place > 0]
    assert (min(endpoint), max(endpoint)) == pytest.approx((1500, 1800), abs=15)


def test_a_long_conversation_is_drawn_closer_instead_of_wider() -> None:
    minutes = Tracks(bytearray(2 * INPUT_RATE * 600), bytearray(2 * RATE * 600))
    picture = drawn(Record(), minutes)
    assert picture.width <= (timeline.WIDTH[1] + timeline.GUTTER + timeline.MARGIN) * timeline.SCALE


@pytest.mark.parametrize("tracks", [Tracks(), Tracks(bytearray(2), bytearray(2))])
def test_nothing_happened_and_there_still_is_a_picture(tracks: Tracks) -> None:
    assert drawn(Record(), tracks).width > 0
    assert drawn(Record(turns=[Turn(1)]), tracks).width > 0


def test_chinese_and_very_long_words_stay_inside() -> None:
    record = conversation("五分钟，现在开始。" * 40, "五分钟，" * 40)
    assert drawn(record, Tracks(sound(INPUT_RATE), sound(RATE))).width > 0


def test_it_is_a_png_file(tmp_path: Path) -> None:
    file = tmp_path / "timeline.png"
    timeline.draw(file, conversation(), Tracks(), RATE)
    with Image.open(file) as picture:
        assert picture.format == "PNG"
    with pytest.raises(ConfigError, match="cannot be written"):
        timeline.draw(tmp_path / "missing" / "timeline.png", conversation(), Tracks(), RATE)
