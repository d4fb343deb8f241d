"""Many people who talk to a server at once, on one timer: each says a command, waits, and goes on."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from benchmarks.conversation.voices import VOICES, in_a_room, quiet, say
from vivavoce.audio.pcm import FRAME_MS, FRAME_SAMPLES, INPUT_RATE, SAMPLE_BYTES
from vivavoce.wire import base, duplex

COMMANDS = (
    "what time is it",
    "set the volume to eighty percent",
    "set a timer for five minutes",
    "what is twelve times seven",
    "what day is it today",
    "what can you do",
)
TURN_MS = 12_000
"""A person says something this often: two seconds of speech, the answer, and a thought."""
FRAME = FRAME_SAMPLES * SAMPLE_BYTES


class Person(WSListener):
    """One connection. Plays its sound round and round, from its own place in it."""

    def __init__(self, sound: bytes, start: int) -> None:
        self.sound = sound
        self.at = start * FRAME % len(sound)
        self.replies = 0
        self.errors: list[str] = []
        self.lost = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        transport.send(WSMsgType.TEXT, base.encode(duplex.Prepare(language="en")))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.lost = True

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            return
        data = frame.get_payload_as_bytes()
        if b'"reply_done"' in data:
            self.replies += 1
        elif b'"error"' in data and isinstance(message := duplex.decode_server(data), base.Error):
            self.errors.append(message.code)

    def send(self) -> None:
        """The next frame."""
        if not self.lost:
            self.transport.send(WSMsgType.BINARY, self.sound[self.at : self.at + FRAME])
            self.at = (self.at + FRAME) % len(self.sound)


def sounds() -> list[bytes]:
    """A turn's sound for each command: said, then a quiet room for the rest of the turn."""
    turns = []
    for number, command in enumerate(COMMANDS):
        said = say(command, VOICES[number % len(VOICES)]).sound
        rest = quiet(TURN_MS - len(said) * 1000 // INPUT_RATE)
        sound = in_a_room(np.concatenate([said, rest]), number)
        turns.append(sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES].tobytes())
    return turns


@dataclass(frozen=True, slots=True)
class Outcome:
    """What all people got: replies that were played, errors by code, connections that did not last."""

    replies: int
    errors: dict[str, int]
    lost: int


async def talk(url: str, people: int, seconds: float) -> Outcome:
    """So many people talk for so long. They begin spread over a turn."""
    crowd: list[Person] = []
    turns = sounds()
    for number in range(people):
        person = Person(turns[number % len(turns)], number * TURN_MS // people // FRAME_MS)
        crowd.append(person)
        await ws_connect(lambda person=person: person, f"{url}/crowd-{number:03d}")
    due = time.monotonic()
    end = due + seconds
    while due < end:
        for person in crowd:
            person.send()
        due += FRAME_MS / 1000
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    outcome = Outcome(
        sum(person.replies for person in crowd),
        dict(Counter(code for person in crowd for code in person.errors)),
        sum(person.lost for person in crowd),
    )
    for person in crowd:
        person.transport.disconnect()
    return outcome
