from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace

from archive.turns import turn
from vivavoce.archive.conversations_views import Detail, Sound, Summary, TurnView
from vivavoce.archive.export import Source, archive, file_name

SUMMARY = Summary(
    id="0" * 32,
    owner_id="1" * 32,
    owner_name=None,
    app_id="kitchen",
    app_version=1,
    channel="web",
    kind="duplex",
    language="en",
    state="ended",
    title="tea",
    turns=2,
    cuts=0,
    response_ms=500,
    started_at=1_764_000_000_000,
    last_at=1_764_000_060_000,
    ended_at=None,
    end_reason="",
    recorded=True,
)
TURNS = (turn(said="How long?", heard="Three days."), turn(reply=2, said="泡茶", heard="好的"))


async def turns() -> AsyncIterator[TurnView]:
    for one in TURNS:
        yield one


async def unpacked(source: Source) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join([piece async for piece in archive(source)])))


async def test_without_sound_there_are_words_and_subtitles() -> None:
    files = await unpacked(Source(Detail(SUMMARY, [], [], True), turns, {}))
    assert files.testzip() is None
    assert files.namelist() == ["conversation.vtt", "conversation.srt", "conversation.json", "manifest.json"]
    document = json.loads(files.read("conversation.json"))
    assert [one["said"] for one in document["turns"]] == ["How long?", "泡茶"]
    assert document["recordings"] == []
    assert document["conversation"]["app_version"] == 1


async def test_a_conversation_without_turns_is_a_whole_file_too() -> None:
    async def none() -> AsyncIterator[TurnView]:
        for one in ():
            yield one

    files = await unpacked(Source(Detail(SUMMARY, [], [], True), none, {}))
    assert json.loads(files.read("conversation.json"))["turns"] == []


async def test_each_recording_has_its_own_subtitles_and_one_that_is_gone_is_named() -> None:
    sounds = [
        Sound("a", "ready", 0, 3_000, 3, 0),
        Sound("b", "gone", 3_000, 1, 0, 0),
        Sound("c", "ready", 3_000, 9_000, 3, 0),
    ]

    async def ogg() -> AsyncIterator[bytes]:
        yield b"Ogg"

    files = await unpacked(Source(Detail(SUMMARY, sounds, [], True), turns, {"a": ogg, "c": ogg}))
    assert files.namelist()[:6] == [f"sound-{number}.{kind}" for number in (1, 2) for kind in ("ogg", "vtt", "srt")]
    assert "00:00:02.500 --> 00:00:04.000" in files.read("sound-1.vtt").decode()
    assert "00:00:00.000 --> 00:00:01.000" in files.read("sound-2.vtt").decode()
    listed = json.loads(files.read("conversation.json"))["recordings"]
    assert [one["file"] for one in listed] == ["sound-1.ogg", None, "sound-2.ogg"]


async def test_an_hour_of_sound_needs_no_more_memory_than_a_minute() -> None:
    piece = bytes(64 << 10)

    async def long() -> AsyncIterator[bytes]:
        for _ in range(800):  # 50 MiB
            yield piece

    sounds = [Sound("a", "ready", 0, 3_600_000, 50 << 20, 0)]
    source = Source(Detail(SUMMARY, sounds, [], True), turns, {"a": long})
    tracemalloc.start()
    size = 0
    async for chunk in archive(source):
        size += len(chunk)
        assert len(chunk) < 1 << 20
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 50 << 20
    assert peak < 4 << 20


def test_names_are_made_of_the_time_alone() -> None:
    evil = replace(SUMMARY, title='"\r\nX: y', app_id="../../x", channel="\x00")
    assert file_name(Detail(evil, [], [], True)) == "vivavoce-2025-11-24-1600.zip"
