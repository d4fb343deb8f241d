"""Whoever looks on is told everything, in order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from vivavoce.conversation.inputs import Played, UserInput, UserText
from vivavoce.conversation.observer import Observers, Unobserved
from vivavoce.conversation.outputs import Output, ReplyAudio, ReplyDone, ReplyStarted, Stopped
from vivavoce.errors import Refused
from vivavoce.pool.local import PoolSettings
from vivavoce.testing.rehearsal import Rehearsal


class Notes(Unobserved):
    def __init__(self) -> None:
        self.sound = 0
        self.did_: list[UserInput] = []
        self.said: list[Output] = []
        self.heard_so_far: list[tuple[int, float, str]] = []
        self.last: list[Output] = []

    def heard(self, pcm: bytes) -> None:
        self.sound += len(pcm)

    def did(self, event: UserInput) -> None:
        self.did_.append(event)

    def output(self, output: Output) -> None:
        self.said.append(output)

    def progress(self, reply: int, ms: float, heard: str) -> None:
        self.heard_so_far.append((reply, ms, heard))

    def ended(self, last: Output) -> None:
        self.last.append(last)

    def of(self, kind: type[Any]) -> list[Any]:
        return [output for output in self.said if type(output) is kind]


async def test_a_turn_as_it_is_seen() -> None:
    notes, also = Notes(), Notes()
    words = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    async with Rehearsal(reply=words, observe=lambda *_: Observers((notes, also))) as play:
        await play.speak(1000)
        await play.quiet(12_000)
        play.session.handle(UserText("hello"))
        play.session.end(Stopped("stopped"))
        play.session.end(Stopped("stopped"))
    assert notes.sound == also.sound == 13_000 * 32
    assert [started.said for started in notes.of(ReplyStarted)][:1] == ["what is this"]
    pieces = notes.of(ReplyAudio)
    offset = 0
    for piece in pieces:
        assert piece.offset == offset, "sound comes in order, once"
        offset += len(piece.pcm) // 2
    assert notes.of(ReplyDone)[0].heard_text == words
    progress = [heard for _, _, heard in notes.heard_so_far]
    assert len(progress) >= 3
    assert all(words.startswith(heard) for heard in progress)
    assert sorted(progress, key=len) == progress
    assert any(isinstance(event, Played) for event in notes.did_)
    assert UserText("hello") in notes.did_
    assert notes.last == also.last == [Stopped("stopped")]


async def test_whoever_never_got_a_place_is_seen_to_go() -> None:
    seen: list[Notes] = []

    def observe(*_: object) -> Notes:
        seen.append(Notes())
        return seen[-1]

    async with Rehearsal(observe=observe, pool=PoolSettings(slots=1, queue=1)) as play:
        waiting = asyncio.ensure_future(play.sessions.open(play.other("waiting"), play))  # noqa: TID251
        await play.wait(100)
        with pytest.raises(Refused):
            await play.sessions.open(play.other("refused"), play)
        waiting.cancel()
        await play.wait(100)
        assert [notes.last for notes in seen[1:]] == [[Stopped("gone")], [Stopped("gone")]]
