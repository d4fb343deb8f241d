"""The person talks with a small server that answers each utterance with a second of sound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from vivavoce.app.talk.lines import Hearer, Line
from vivavoce.app.talk.person import Manner, Person
from vivavoce.app.talk.plan import Speak, Step, Type
from vivavoce.audio.pcm import INPUT_RATE, silence, view
from vivavoce.errors import Closed, Refused
from vivavoce.wire import base, duplex
from vivavoce.wire.base import AudioFrame

RATE = 24_000
QUIET_MS = 300
REPLY_MS = 1000


def speech(milliseconds: int) -> Speak:
    tone = 8000 * np.sin(np.arange(INPUT_RATE * milliseconds // 1000) / 5)
    return Speak(tone.astype("<i2").tobytes(), 0, milliseconds)


class Server:
    """Ends a turn after 300 ms of silence; interrupts its reply when somebody speaks."""

    def __init__(
        self,
        *,
        deaf: bool = False,
        dies_at: int | None = None,
        refuses: str | None = None,
        cuts_at: int = 0,
        quiet_ms: int = QUIET_MS,
    ) -> None:
        """`cuts_at`: ms of silence after an interruption at which it is decided; 0: at its first sound."""
        self.cuts_at = cuts_at
        self.quiet_ms = quiet_ms
        self.deaf = deaf
        self.dies_at = dies_at
        self.refuses = refuses
        self.said: list[duplex.ClientMessage] = []
        self.clock = 0
        self.hearer: Hearer
        self.quiet: int | None = None
        self.turn = 0
        self.speaking = 0

    @asynccontextmanager
    async def dial(self, hearer: Hearer) -> AsyncIterator[Line]:
        self.hearer = hearer
        yield self

    def tell(self, *messages: duplex.ServerMessage) -> None:
        for message in messages:
            asyncio.get_running_loop().call_soon(self.hearer.message, message)

    def say(self, message: duplex.ClientMessage) -> None:
        self.said.append(message)
        match message:
            case duplex.Prepare() if self.refuses:
                self.tell(base.Error("queue_full", self.refuses, True, True))
                asyncio.get_running_loop().call_soon(self.hearer.ended, Closed("1013"))
            case duplex.Prepare():
                form = duplex.AudioFormat("pcm16", RATE)
                languages = duplex.Languages(("en",), ("en",))
                keeps = duplex.Retention(0, 0)
                self.tell(
                    duplex.Prepared("s", "token", "cascade", form, form, languages, {}, (), keeps, False),
                )
            case duplex.TypedText(text=text):
                self.reply(text)
            case base.Played(ms=ms) if ms >= REPLY_MS and self.speaking:
                self.done("completed", REPLY_MS, "one two three")
            case duplex.Interrupt() if self.speaking:
                self.cut()
            case duplex.Stop():
                self.tell(duplex.Stopped("stopped"))
                asyncio.get_running_loop().call_soon(self.hearer.ended, None)

    def sound(self, pcm: bytes) -> None:
        self.clock += 20
        if self.dies_at is not None and self.clock >= self.dies_at:
            self.hearer.ended(Closed("the connection was lost"))
        elif self.deaf:
            return
        elif view(pcm).any():
            if self.quiet is None:
                self.tell(duplex.SpeechStarted(self.clock))
                if self.speaking and not self.cuts_at:
                    self.cut()
            self.quiet = 0
        elif self.quiet is not None:
            self.quiet += 20
            if self.quiet == self.cuts_at and self.speaking:
                self.cut()
            if self.quiet == self.quiet_ms:
                self.tell(duplex.SpeechEnded(self.clock - self.quiet_ms))
                self.quiet = None
                self.reply("hello")

    def reply(self, said: str) -> None:
        self.turn += 1
        self.speaking = self.turn
        self.tell(
            base.Transcript(self.turn, said, True, self.clock),
            duplex.State("speaking"),
            duplex.ReplyStarted(self.turn, self.turn),
            duplex.ReplyText(self.turn, "one two three", 0),
        )
        asyncio.get_running_loop().call_soon(
            self.hearer.sound, AudioFrame(self.turn, 0, b"\x10\x10" * (RATE * REPLY_MS // 1000))
        )

    def cut(self) -> None:
        self.tell(duplex.Flush(self.speaking, "interrupted"))
        self.done("interrupted", 200, "one")

    def done(self, reason: str, ms: int, text: str) -> None:
        self.tell(
            duplex.ReplyDone(self.speaking, reason, ms, text),  # type: ignore[arg-type]
            duplex.Metrics(self.turn, 400, 0, (duplex.Stage("endpoint", 0, 300),)),
            duplex.State("listening"),
        )
        self.speaking = 0


async def talked(server: Server, *steps: Step, interrupt_at: int | None = None) -> Person:
    person = Person(steps, Manner(interrupt_at=interrupt_at))
    await person.talk(server.dial)
    return person


async def test_two_utterances_are_two_turns_heard_to_their_ends() -> None:
    person = await talked(Server(), speech(500), speech(700))
    first, second = person.record.turns
    assert (first.said, first.heard, first.reason) == ("hello", "one two three", "completed")
    assert second.reason == "completed"
    assert first.as_json() == {
        "said": "hello",
        "reply": "one two three",
        "heard": "one two three",
        "reason": "completed",
        "metrics": {
            "heard_ms": 1000,
            "until_heard_ms": 300,
            "response_ms": 400,
            "queue_ms": 0,
            "stages": [{"name": "endpoint", "start": 0, "end": 300}],
        },
    }


async def test_both_sides_have_one_clock() -> None:
    person = await talked(Server(), speech(500), speech(700))
    assert len(person.tracks.said) / 2 / INPUT_RATE == len(person.tracks.heard) / 2 / RATE == person.clock / 1000
    heard = view(bytes(person.tracks.heard))
    assert np.count_nonzero(heard) == 2 * RATE * REPLY_MS // 1000
    first = person.record.turns[0]
    assert first.sound_from is not None
    assert np.flatnonzero(heard)[0] == first.sound_from * RATE // 1000
    assert person.loudspeaker.gaps == 0


async def test_what_interrupted_is_answered_though_the_reply_ends_late() -> None:
    server = Server(cuts_at=100, quiet_ms=1500)
    person = await talked(server, speech(500), speech(200), interrupt_at=200)
    assert [turn.reason for turn in person.record.turns] == ["interrupted", "completed"]


async def test_the_second_utterance_interrupts_at_the_time_asked_for() -> None:
    person = await talked(Server(), speech(500), speech(700), interrupt_at=400)
    first, second = person.record.turns
    assert (first.reason, first.heard) == ("interrupted", "one")
    assert second.reason == "completed"
    assert first.sound_from is not None
    assert first.sound_until is not None
    assert 400 <= first.sound_until - first.sound_from <= 460
    assert [mark.kind for mark in person.record.marks] == ["flush"]


async def test_without_another_utterance_the_reply_is_told_to_stop() -> None:
    server = Server()
    person = await talked(server, speech(500), interrupt_at=400)
    assert duplex.Interrupt() in server.said
    assert [turn.reason for turn in person.record.turns] == ["interrupted"]


async def test_what_was_played_is_reported_to_the_last_sample() -> None:
    server = Server()
    await talked(server, speech(500))
    reports = [message.ms for message in server.said if isinstance(message, base.Played)]
    assert reports == sorted(reports)
    assert reports[-1] == REPLY_MS
    assert len(reports) >= 9


async def test_typed_text_is_a_turn() -> None:
    person = await talked(Server(), Type("what time is it"))
    (turn,) = person.record.turns
    assert turn.said == "what time is it"
    assert "until_heard_ms" not in turn.as_json()["metrics"]


async def test_nobody_answers_and_the_person_goes_on() -> None:
    server = Server(deaf=True)
    person = await talked(server, speech(500), speech(500))
    assert person.record.turns == []
    assert person.clock < 15_000
    assert duplex.Stop() in server.said


async def test_a_lost_line_is_an_error_and_keeps_what_was_heard() -> None:
    person = Person([speech(500), speech(500)], Manner())
    with pytest.raises(Closed, match="lost"):
        await person.talk(Server(dies_at=1500).dial)
    assert len(person.record.turns) == 1
    assert person.clock >= 1480


async def test_what_was_not_asked_for_is_left_to_the_other_side() -> None:
    server = Server()
    await talked(server, Type("hello"))
    assert server.said[0] == duplex.Prepare(output=duplex.OutputFormat(rate=RATE))


async def test_a_full_house_is_told() -> None:
    with pytest.raises(Refused, match="come back") as caught:
        await talked(Server(refuses="come back later"), speech(100))
    assert caught.value.code == "queue_full"


async def test_progress_is_told_with_each_tick() -> None:
    seen: list[int] = []
    person = Person([Speak(silence(100, INPUT_RATE), 0, 0)], Manner(), seen.append)
    await person.talk(Server(deaf=True).dial)
    assert seen == list(range(20, person.clock + 1, 20))
