from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.turns import turn
from vivavoce.archive.conversations_views import TurnView, Word
from vivavoce.archive.subtitles import Cue, cues, of_turn, subrip, webvtt


async def once(*turns: TurnView) -> AsyncIterator[TurnView]:
    for one in turns:
        yield one


async def joined(pieces: AsyncIterator[str]) -> str:
    return "".join([piece async for piece in pieces])


def test_what_was_said_and_what_was_heard_have_their_places() -> None:
    said, heard = of_turn(turn(said="How long?", heard="Three days."))
    assert said == Cue(0, 2_000, "user", "How long?")
    assert heard == Cue(2_500, 4_000, "reply", "Three days.")


def test_what_was_cut_stands_in_the_last_cue() -> None:
    [cue] = of_turn(turn(heard="Three", unheard=" days."))
    assert (cue.text, cue.cut) == ("Three", "days.")


def test_what_was_typed_has_no_place() -> None:
    assert list(of_turn(turn(said="hi", said_from_ms=None, said_to_ms=None, heard="", heard_from_ms=None))) == []


def test_long_replies_are_parted_between_words() -> None:
    text = " ".join(f"word{number:02d}" for number in range(40))
    words = [Word(f"word{number:02d}", number * 7, 2_500 + number * 400, True) for number in range(40)]
    found = [cue for cue in of_turn(turn(heard=text, words=words, heard_to_ms=20_000)) if cue.speaker == "reply"]
    assert " ".join(cue.text for cue in found) == text
    assert all(cue.stop - cue.start <= 6_400 for cue in found)
    assert [cue.stop for cue in found[:-1]] == [cue.start for cue in found[1:]]


async def test_times_count_from_the_beginning_of_the_recording() -> None:
    found = [cue async for cue in cues(once(turn(said="How long?", heard="Three days.")), 1_000, 3_000)]
    assert [(cue.start, cue.stop) for cue in found] == [(0, 1_000), (1_500, 3_000)]
    assert [cue async for cue in cues(once(turn(heard="x")), 5_000)] == []


async def test_both_files_say_the_same() -> None:
    told = once(turn(said="How long?", heard="Three", unheard=" days."))
    assert await joined(webvtt(cues(told))) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n<v user>How long?\n"
        "\n00:00:02.500 --> 00:00:04.000\n<v reply>Three <c.cut>days.</c>\n"
    )
    told = once(turn(said="How long?", heard="Three", unheard=" days."))
    assert await joined(subrip(cues(told))) == (
        "1\n00:00:00,000 --> 00:00:02,000\nHow long?\n\n2\n00:00:02,500 --> 00:00:04,000\n– Three [days.]\n\n"
    )


TIME = r"\d\d:\d\d:\d\d[.,]\d\d\d --> \d\d:\d\d:\d\d[.,]\d\d\d"


@given(said=st.text(max_size=200), heard=st.text(max_size=200), unheard=st.text(max_size=50))
def test_no_text_makes_a_cue_of_its_own(said: str, heard: str, unheard: str) -> None:
    told = turn(said=said, heard=heard, unheard=unheard)
    count = len(list(of_turn(told)))
    for form in (webvtt, subrip):
        file = asyncio.run(joined(form(cues(once(told)))))
        assert len(re.findall(rf"(?m)^{TIME}$", file)) == count
        assert file.count("-->") == count


@pytest.mark.parametrize("ms", [0, 59_999, 3_600_000, 359_998_999])
async def test_times_are_written_in_full(ms: int) -> None:
    cue = Cue(ms, ms + 1_000, "user", "x")

    async def one() -> AsyncIterator[Cue]:
        yield cue

    assert re.search(TIME, await joined(webvtt(one())))
