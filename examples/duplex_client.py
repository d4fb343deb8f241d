"""Talk with Vivavoce hands-free from a WAV file, and write what it answers into another one.

    pip install websockets
    export VIVAVOCE_TOKEN=$(vivavoce token create --role user)
    python duplex_client.py question.wav --out answer.wav

The loop in `sound_card` stands for a sound card: every 20 ms it hands in a frame of the microphone and takes one for
the loudspeaker. A client with real ones does the same in their callbacks. docs/protocol.md has every message.
"""

import argparse
import asyncio
import json
import os
import struct
import sys
import wave

from websockets.asyncio.client import ClientConnection, connect

FRAME_S = 0.02
RATE = 24_000
"""Of the replies, as asked for in `prepare`."""
QUIET_S = 3.0
"""The file is over and nobody has anything to say for this long: the conversation is over."""


class Loudspeaker:
    """What was received of one reply and not played yet."""

    def __init__(self, reply: int = 0) -> None:
        self.reply = reply
        self.waiting = bytearray()
        self.played_ms = 0.0
        self.gain = 1.0
        self.held = False

    def play(self) -> bytes:
        """The next 20 ms: of the reply, or silence."""
        size = int(RATE * FRAME_S) * 2
        frame = b"" if self.held else bytes(self.waiting[:size])
        del self.waiting[: len(frame)]
        self.played_ms += len(frame) / 2 / RATE * 1000
        samples = struct.unpack(f"<{len(frame) // 2}h", frame)
        return struct.pack(f"<{len(samples)}h", *(int(s * self.gain) for s in samples)).ljust(size, b"\0")


class Talk:
    def __init__(self, socket: ClientConnection, microphone: wave.Wave_read) -> None:
        self.socket = socket
        self.microphone = microphone
        self.loudspeaker = Loudspeaker()
        self.heard = bytearray()
        self.state = "listening"

    async def sound_card(self) -> None:
        clock = asyncio.get_running_loop().time
        samples = int(self.microphone.getframerate() * FRAME_S)
        began = quiet_since = clock()
        tick = 0
        while clock() - quiet_since < QUIET_S:
            frame = self.microphone.readframes(samples)
            await self.socket.send(frame.ljust(2 * samples, b"\0"))
            self.heard += self.loudspeaker.play()
            tick += 1
            if tick % 5 == 0 and self.loudspeaker.waiting and not self.loudspeaker.held:
                await self.say("played", reply=self.loudspeaker.reply, ms=round(self.loudspeaker.played_ms))
            if frame or self.loudspeaker.waiting or self.state != "listening":
                quiet_since = clock()
            await asyncio.sleep(began + tick * FRAME_S - clock())
        await self.say("stop")

    async def listen(self) -> None:
        async for message in self.socket:
            if isinstance(message, str):
                self.event(json.loads(message))
                continue
            # Sound stands behind two numbers: of the reply, and of the sample with which this piece begins.
            reply, _ = struct.unpack_from(">II", message)
            if reply != self.loudspeaker.reply:
                self.loudspeaker = Loudspeaker(reply)
            self.loudspeaker.waiting += message[8:]

    def event(self, message: dict) -> None:
        match message["type"]:
            case "transcript" if message["final"]:
                print("you:  ", message["text"])
            case "state":
                self.state = message["state"]
            case "duck":  # somebody seems to speak: the reply goes on, quieter
                self.loudspeaker.gain = message["gain"]
            case "hold":  # somebody speaks: it waits
                self.loudspeaker.held = True
            case "release":  # it was only a «mhm»: it goes on where it was held
                self.loudspeaker.held, self.loudspeaker.gain = False, 1.0
            case "flush":  # it was an interruption: nothing of it may be played any more
                self.loudspeaker.waiting.clear()
                self.loudspeaker.held, self.loudspeaker.gain = False, 1.0
            case "reply_done":
                print("reply:", message["heard_text"], f"({message['reason']})")
            case "error":
                print("error:", message["code"], message["message"])

    async def say(self, kind: str, **fields: object) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))


async def main(question: str, answer: str, url: str, language: str) -> None:
    with wave.open(question) as microphone:
        if microphone.getnchannels() != 1 or microphone.getsampwidth() != 2:
            raise SystemExit(f"{question}: 16-bit mono is needed")
        token = os.environ.get("VIVAVOCE_TOKEN") or sys.exit(
            "VIVAVOCE_TOKEN holds no token; the head of this file makes one"
        )
        shown = {"Authorization": f"Bearer {token}"}
        async with connect(f"{url}/ws/duplex/an-example", additional_headers=shown, compression=None) as socket:
            talk = Talk(socket, microphone)
            rate = microphone.getframerate()
            formats = {"input": {"codec": "pcm16", "rate": rate}, "output": {"codec": "pcm16", "rate": RATE}}
            await talk.say("prepare", language=language, **formats)
            async for message in socket:  # `queued` may come first, where many people talk
                if (kind := json.loads(message)["type"]) in ("prepared", "error"):
                    break
            if kind != "prepared":
                raise SystemExit(message)
            await asyncio.gather(talk.sound_card(), talk.listen())
    with wave.open(answer, "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(talk.heard)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("question", help="16-bit mono WAV file, 8 to 48 kHz")
    options.add_argument("--out", default="answer.wav")
    options.add_argument("--url", default="ws://127.0.0.1:8006")
    options.add_argument("--language", default="en")
    given = options.parse_args()
    asyncio.run(main(given.question, given.out, given.url, given.language))
